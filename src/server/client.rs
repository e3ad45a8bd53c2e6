//! One client inside: greeted, answered, shown out.
//!
//! A connection ends when its client is done, when it is slow to greet or to ask, or is idle
//! ([`Limits::request_head`]), when it is busy for too long ([`Limits::answer`]), when others need its
//! place, when the web configuration changes, or when the server stops.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    select,
    sync::watch,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    Fronts, Limits,
    page::Page,
    room::{Place, Ticket, Work},
    routes::Routes,
};

/// The most that is held of one client's request head, and of an answer not yet sent.
const BUFFER: usize = 32 * 1024;

/// Requests that one HTTP/2 client has under way at once.
const STREAMS: u32 = 32;

/// The most of the bodies of one HTTP/2 client's requests that is held; nobody reads them.
const BODIES: u32 = 64 * 1024 - 1;

/// For the last words to a client that was slow, or idle.
const FAREWELL: Duration = Duration::from_secs(1);

/// One client inside.
pub(super) struct Client {
    pub(super) routes: Arc<Routes>,
    pub(super) fronts: Fronts,
    pub(super) limits: Limits,
    pub(super) place: Place,
    pub(super) stop: CancellationToken,
    /// The grace time is over.
    pub(super) abort: CancellationToken,
}

impl Client {
    /// Answers its requests until the connection ends, for whatever reason.
    pub(super) async fn attend(self, stream: TcpStream) {
        let front = self.fronts.load_full();
        let Some(acceptor) = &front.acceptor else {
            return self.converse(stream, self.http().http1_only(), &front.retired).await;
        };
        if let Some(stream) = self.greet(acceptor, stream).await {
            let has_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let http = if has_http2 { self.http().http2_only() } else { self.http().http1_only() };
            self.converse(stream, http, &front.retired).await;
        }
    }

    async fn greet(&self, acceptor: &TlsAcceptor, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let greeting = select! {
            greeting = timeout(self.limits.request_head, acceptor.accept(stream)) => greeting,
            () = self.place.is_needed() => return None,
            () = self.stop.cancelled() => return None,
        };
        match greeting {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => debug!(error = &error as &dyn std::error::Error, "a client was refused while greeting"),
            Err(_) => debug!("a client took too long to greet"),
        }
        None
    }

    async fn converse<S>(&self, stream: S, http: auto::Builder<TokioExecutor>, retired: &CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|request| self.answer(request, self.place.ticket()));
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
        select! {
            ended = &mut connection => return note(ended),
            () = too_long(self.place.work(), self.limits.answer) => {
                connection.as_mut().graceful_shutdown();
                return drop(timeout(FAREWELL, connection).await);
            }
            () = self.place.is_needed() => return debug!("ending an idle connection: others need its place"),
            () = self.is_outdated(retired) => {}
            () = self.stop.cancelled() => {}
        }
        connection.as_mut().graceful_shutdown();
        select! {
            ended = connection => note(ended),
            () = too_long(self.place.work(), self.limits.answer) => {}
            () = self.abort.cancelled() => {}
        }
    }

    /// Whoever came just before a reload gets one answer all the same: on a connection that has not
    /// asked yet hyper would hang up without a word.
    async fn is_outdated(&self, retired: &CancellationToken) {
        retired.cancelled().await;
        self.place.has_asked().await;
    }

    /// Passwords and limits are those of now, not those of when the client came.
    fn answer(
        &self,
        request: Request<Incoming>,
        ticket: Ticket,
    ) -> impl Future<Output = Result<Response<Page>, Infallible>> + Send + 'static {
        let (routes, front) = (self.routes.clone(), self.fronts.load_full());
        async move {
            let mut answer = match front.gate.refusal(request.headers()).await {
                Some(refusal) => refusal,
                None => routes.answer(request).await,
            };
            front.gate.mark(&mut answer);
            Ok(answer.map(|page| page.holding(ticket)))
        }
    }

    fn http(&self) -> auto::Builder<TokioExecutor> {
        let mut http = auto::Builder::new(TokioExecutor::new());
        // Without a timer hyper keeps no time limit at all.
        http.http1().timer(TokioTimer::new()).header_read_timeout(self.limits.request_head).max_buf_size(BUFFER);
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(u32::try_from(BUFFER).unwrap_or(u32::MAX))
            .max_send_buf_size(BUFFER)
            .initial_stream_window_size(BODIES)
            .initial_connection_window_size(BODIES)
            .keep_alive_interval(self.limits.request_head)
            .keep_alive_timeout(self.limits.request_head);
        http
    }
}

/// Returns once the client has been busy for `limit`. HTTP/2 may be idle for twice that, so that
/// Prometheus, which comes once a minute, finds its connection open; hyper ends idle HTTP/1 sooner.
async fn too_long(mut at_work: watch::Receiver<Work>, limit: Duration) {
    loop {
        let deadline = {
            let work = at_work.borrow_and_update();
            work.since + if work.requests == 0 { 2 * limit } else { limit }
        };
        if deadline <= Instant::now() {
            return debug!("ending a connection whose client is too slow, or idle");
        }
        // The place outlives this: somebody can always say that there is other work.
        drop(timeout_at(deadline, at_work.changed()).await);
    }
}

fn note(ended: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = ended {
        debug!(%error, "a connection broke");
    }
}
