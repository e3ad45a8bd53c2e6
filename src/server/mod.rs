//! The front door: listens, answers over HTTP, drains.
//!
//! It knows nothing of what it hands out: a [`Site`] gives it pages, and this room
//! gives them time limits, encodings and status codes. `address` turns what the
//! operator wrote into sockets, `connections` admits clients, `room` knows who is inside, `client` carries one,
//! `tls` and `client_cert` protect its line, `gate` and `auth` say whether a request may
//! pass, `routes` answers it, `page` and `encoding` are what it answers with. `health` asks from outside.

mod address;
mod auth;
mod client;
mod client_cert;
mod connections;
mod descriptors;
mod encoding;
mod gate;
pub mod health;
mod page;
mod room;
mod routes;
#[cfg(test)]
mod tests;
mod tls;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use futures_util::future::{BoxFuture, join_all, try_join_all};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::info;

pub use address::BindError;
use connections::Door;
use gate::Gate;
use routes::Routes;
pub use tls::TlsError;

use crate::{config::web::WebConfig, exposition::part::Part};

/// What there is to hand out. Scrapes of one second share it.
pub trait Site: Send + Sync + 'static {
    /// The exposition in the Prometheus text format 0.0.4, in parts. It may take long:
    /// it is never called on a thread that other requests need.
    fn metrics(&self, now: SystemTime) -> Vec<Arc<Part>>;

    /// The HTML of the page for people, for what stands behind the question mark of the address.
    fn status_page(&self, query: &str, now: SystemTime) -> String;

    /// The stylesheet that stands in that page: nothing else may style it.
    fn style(&self) -> &'static str;

    /// Whether there is something worth scraping.
    fn is_ready(&self) -> bool;

    /// Reads the configuration again; why it did not come into use, for people.
    fn reload(&self) -> BoxFuture<'static, Result<(), String>>;
}

/// What the operator decides about the server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `HOST:PORT` each; without a host, every interface.
    pub listen_addresses: Vec<String>,
    /// Whether the sockets that systemd passed are listened on instead.
    pub systemd_socket: bool,
    /// Where the exposition is. At `/` it takes the place of the status page.
    pub telemetry_path: String,
    /// How many scrapes are answered at the same time; 0 is no limit.
    pub max_requests: usize,
}

/// What stands between a client and the pages: the line's protection and the gate.
pub struct Front {
    acceptor: Option<TlsAcceptor>,
    gate: Gate,
    /// Another took its place: those that came by it are to come again.
    retired: CancellationToken,
}

/// The front as it is now; another may take its place at any time.
pub type Fronts = Arc<ArcSwap<Front>>;

impl Front {
    /// Builds it as the web configuration wants it.
    ///
    /// # Errors
    /// When certificates, keys or what is allowed of TLS are of no use.
    pub fn new(config: &WebConfig) -> Result<Self, TlsError> {
        let acceptor = config.tls.as_ref().map(|tls| tls::acceptor(tls, config.has_http2)).transpose()?;
        Ok(Self { acceptor, gate: Gate::new(config), retired: CancellationToken::new() })
    }

    /// Says that another took its place.
    pub fn retire(&self) {
        self.retired.cancel();
    }
}

/// How much of our time and room one client gets.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// How many connections are open at once. When it gets full, the one idle for longest is ended;
    /// where all are busy, more wait in the kernel's queue.
    connections: usize,
    /// How long a client may take to greet in TLS and to send a request head, and may idle
    /// before the next.
    request_head: Duration,
    /// How long after a request began its connection is cut, answered or not: what
    /// keeps a slow reader from staying for ever.
    answer: Duration,
    /// How long requests in flight get to finish once we are told to stop.
    grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: descriptors::MOST_CLIENTS,
            request_head: Duration::from_secs(10),
            // Prometheus waits at most one scrape interval, by default a minute.
            answer: Duration::from_mins(1),
            grace: Duration::from_secs(10),
        }
    }
}

/// A server whose every address is bound: nothing is left that can fail.
#[derive(Debug)]
pub struct Bound {
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    telemetry_path: String,
    max_requests: usize,
    limits: Limits,
}

impl Bound {
    /// Binds every address and says so in the log.
    ///
    /// # Errors
    /// When an address cannot be understood or had, or no client could ever ask for
    /// the telemetry path.
    pub async fn bind(settings: Settings) -> Result<Self, BindError> {
        if !routes::is_free_path(&settings.telemetry_path) {
            return Err(BindError::TelemetryPath { path: settings.telemetry_path });
        }
        let bound = if settings.systemd_socket {
            address::passed()?
        } else {
            try_join_all(settings.listen_addresses.iter().map(|wanted| address::listen(wanted))).await?
        };
        let (listeners, addresses): (Vec<_>, Vec<_>) = bound.into_iter().unzip();
        for address in &addresses {
            info!(%address, "listening");
        }
        let Settings { telemetry_path, max_requests, .. } = settings;
        let limits = Limits { connections: descriptors::clients(), ..Limits::default() };
        Ok(Self { listeners, addresses, telemetry_path, max_requests, limits })
    }

    /// The addresses as the kernel gave them: a port 0 has become a real one.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.clone()
    }

    /// Answers until `stop`, then returns when the requests in flight are answered or
    /// their grace time is over. No connection outlives it.
    pub async fn serve(self, site: Arc<dyn Site>, fronts: Fronts, stop: CancellationToken) {
        let routes = Routes::new(site, self.telemetry_path, self.max_requests);
        let door = Door::new(routes, fronts, self.limits, stop);
        join_all(self.listeners.into_iter().map(|listener| door.admit_from(listener))).await;
        door.drain().await;
    }
}
