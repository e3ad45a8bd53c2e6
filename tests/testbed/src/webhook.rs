//! What would be a pager: takes Alertmanager's notifications and keeps them.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http_body_util::{BodyExt as _, Collected, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet};

use crate::wait;

/// One alert of a notification.
#[derive(Clone, Debug, Deserialize)]
pub struct Notification {
    /// `firing` or `resolved`.
    pub status: String,
    /// The alert's labels.
    pub labels: Value,
    /// Its annotations.
    pub annotations: Value,
    /// The path on which it came.
    #[serde(default)]
    pub path: String,
}

/// A receiver of notifications; it ends with its handle.
#[derive(Debug)]
pub struct Webhook {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Notification>>>,
    _server: JoinSet<()>,
}

impl Notification {
    /// A label's value; empty where there is none.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels[name].as_str().unwrap_or_default()
    }

    /// An annotation's text; empty where there is none.
    #[must_use]
    pub fn annotation(&self, name: &str) -> &str {
        self.annotations[name].as_str().unwrap_or_default()
    }
}

impl Webhook {
    /// Listens on a free port.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let received = Arc::<Mutex<Vec<Notification>>>::default();
        let mut server = JoinSet::new();
        server.spawn(serve(listener, received.clone()));
        Ok(Self { address, received, _server: server })
    }

    /// Where to send notifications.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Everything received so far.
    #[must_use]
    pub fn received(&self) -> Vec<Notification> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first notification of which this is true.
    ///
    /// # Errors
    /// Everything received, when it does not come within the limit.
    pub async fn expect(
        &self,
        limit: Duration,
        is_meant: impl Fn(&Notification) -> bool,
    ) -> Result<Notification, String> {
        let found = wait::until(limit, async || {
            let received = self.received();
            received.iter().find(|notification| is_meant(notification)).cloned().ok_or(format!("{received:#?}"))
        });
        found.await
    }
}

async fn serve(listener: TcpListener, received: Arc<Mutex<Vec<Notification>>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let received = received.clone();
        let answer = service_fn(move |request| take(request, received.clone()));
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

async fn take(
    request: Request<Incoming>,
    received: Arc<Mutex<Vec<Notification>>>,
) -> Result<Response<Full<&'static [u8]>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let alerts: Vec<Notification> = serde_json::from_value(message["alerts"].clone()).unwrap_or_default();
    let alerts = alerts.into_iter().map(|alert| Notification { path: path.clone(), ..alert });
    received.lock().unwrap_or_else(PoisonError::into_inner).extend(alerts);
    Ok(Response::new(Full::from(&b""[..])))
}
