//! Clients: let in, given their time, shown out.
//!
//! A connection ends when its client is done, when it is slow to ask ([`Limits::request_head`]),
//! when its last request began too long ago ([`Limits::answer`]), or when the server stops.

use std::{convert::Infallible, io, pin::pin, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use super::{Limits, routes::Routes};

/// How long to let the system recover when it has no descriptor or memory for another
/// client. It also keeps the log down to one line in that time.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The most that hyper holds of one client's request head, and of an answer not yet sent.
const BUFFER: usize = 64 * 1024;

/// Lets clients in, as many as there is room for, and knows who is inside.
pub(super) struct Door {
    routes: Arc<Routes>,
    limits: Limits,
    room: Arc<Semaphore>,
    inside: TaskTracker,
    stop: CancellationToken,
    /// The grace time is over.
    abort: CancellationToken,
}

impl Door {
    pub(super) fn new(routes: Routes, limits: Limits, stop: CancellationToken) -> Self {
        Self {
            routes: Arc::new(routes),
            limits,
            room: Arc::new(Semaphore::new(limits.connections)),
            inside: TaskTracker::new(),
            stop,
            abort: CancellationToken::new(),
        }
    }

    /// Lets clients in until the server stops.
    pub(super) async fn admit_from(&self, listener: TcpListener) {
        let admit_all = async {
            loop {
                match self.next_client(&listener).await {
                    Ok((stream, place)) => self.admit(stream, place),
                    Err(error) => recover(&error).await,
                }
            }
        };
        self.stop.run_until_cancelled(admit_all).await;
    }

    /// Waits for room first, so that clients without a place stay in the kernel's queue.
    async fn next_client(&self, listener: &TcpListener) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
        let place = self.room.clone().acquire_owned().await.expect("the semaphore is never closed");
        let (stream, _) = listener.accept().await?;
        Ok((stream, place))
    }

    fn admit(&self, stream: TcpStream, place: OwnedSemaphorePermit) {
        let client = Client {
            stream,
            routes: self.routes.clone(),
            limits: self.limits,
            stop: self.stop.clone(),
            abort: self.abort.clone(),
        };
        self.inside.spawn(async move {
            client.attend().await;
            drop(place);
        });
    }

    /// Waits for the requests in flight, as long as the grace time allows.
    pub(super) async fn drain(self) {
        self.inside.close();
        if timeout(self.limits.grace, self.inside.wait()).await.is_err() {
            warn!(connections = self.inside.len(), "cutting connections that did not finish in the grace time");
            self.abort.cancel();
            self.inside.wait().await;
        }
    }
}

async fn recover(error: &io::Error) {
    if is_of_one_client(error) {
        debug!(%error, "a client left before it was let in");
        return;
    }
    warn!(%error, "accepting a connection failed, going on after a pause");
    sleep(ACCEPT_PAUSE).await;
}

fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// One client inside.
struct Client {
    stream: TcpStream,
    routes: Arc<Routes>,
    limits: Limits,
    stop: CancellationToken,
    abort: CancellationToken,
}

impl Client {
    /// Answers its requests until the connection ends, for whatever reason.
    async fn attend(self) {
        let Self { stream, routes, limits, stop, abort } = self;
        let (asked, last_asked) = watch::channel(Instant::now());
        let service = service_fn(|request| {
            asked.send_replace(Instant::now());
            let routes = routes.clone();
            async move { Ok::<_, Infallible>(routes.answer(request).await) }
        });
        let mut connection = pin!(http(&limits).serve_connection(TokioIo::new(stream), service));
        let mut too_late = pin!(too_late(last_asked, limits.answer));
        select! {
            ended = &mut connection => return note(ended),
            () = &mut too_late => return debug!("cutting a connection whose client is too slow"),
            () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        select! {
            ended = connection => note(ended),
            () = too_late => debug!("cutting a connection whose client is too slow"),
            () = abort.cancelled() => {}
        }
    }
}

fn http(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    // Without a timer hyper keeps no time limit at all.
    http.timer(TokioTimer::new()).header_read_timeout(limits.request_head).max_buf_size(BUFFER);
    http
}

/// Returns once the last request began `limit` ago.
async fn too_late(last_asked: watch::Receiver<Instant>, limit: Duration) {
    loop {
        let deadline = *last_asked.borrow() + limit;
        if deadline <= Instant::now() {
            return;
        }
        sleep_until(deadline).await;
    }
}

fn note(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        debug!(error = &error as &dyn std::error::Error, "a connection broke");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_client_that_left_is_passed_over_without_a_pause() {
        let out_of_descriptors = io::Error::from_raw_os_error(24);
        assert!(!is_of_one_client(&out_of_descriptors));
        assert!(is_of_one_client(&io::ErrorKind::ConnectionAborted.into()));
    }
}
