//! The handle on a running stub.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::{HeaderMap, Method, Uri};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::answer::Answer;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::{control, server};

/// A stub. Clones are the same stub; it ends with the last of them.
#[derive(Debug, Clone)]
pub struct Stub {
    desk: Desk,
    address: SocketAddr,
    end: CancellationToken,
    _guard: Arc<DropGuard>,
}

/// When a call stops being answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before it is performed.
    Before,
    /// Once it is performed.
    After,
}

/// Where calls are answered; what the server holds, which must not keep the stub alive.
#[derive(Debug, Clone, Default)]
pub(crate) struct Desk(Arc<Mutex<Cloud>>);

impl Stub {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> std::io::Result<Self> {
        Self::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Listens on an address.
    ///
    /// # Errors
    /// When the address can't be had.
    pub async fn listen(address: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let stub = Self::at(listener.local_addr()?);
        server::start(listener, stub.desk.clone(), stub.end.clone());
        Ok(stub)
    }

    /// A stub without a socket, for [`Stub::answer`] alone.
    #[must_use]
    pub fn unbound() -> Self {
        Self::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    fn at(address: SocketAddr) -> Self {
        let end = CancellationToken::new();
        let guard = Arc::new(end.clone().drop_guard());
        Self { desk: Desk::default(), address, end, _guard: guard }
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The truth, to be read or changed. No call is answered while the guard lives.
    pub fn cloud(&self) -> MutexGuard<'_, Cloud> {
        self.desk.cloud()
    }

    /// Stops listening and ends all connections.
    pub fn stop(&self) {
        self.end.cancel();
    }

    /// Answers a request as the server does.
    pub async fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Answer {
        self.desk.answer(method, uri, headers, body).await
    }
}

impl Desk {
    pub(crate) fn cloud(&self) -> MutexGuard<'_, Cloud> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Answer {
        if let Some(order) = uri.path().strip_prefix("/_stub/") {
            return control::answer(&mut self.cloud(), method, order, uri.query(), &body);
        }
        let call = Call::read(uri, headers, &body);
        let freezes = self.cloud().freezes(&call.action);
        let thawed = self.cloud().thawed.clone();
        if freezes == Some(Moment::Before) {
            thawed.notified().await;
        }
        let admission = self.cloud().admit(&call);
        if !admission.wait.is_zero() {
            tokio::time::sleep(admission.wait).await;
        }
        let answer = self.cloud().settle(&call, admission);
        if freezes == Some(Moment::After) {
            self.cloud().is_frozen_now(&call.action);
            thawed.notified().await;
        }
        answer
    }
}
