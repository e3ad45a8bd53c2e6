//! Clients: let in as long as there is room, and waited for at the end.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use super::{
    Fronts, Limits,
    client::Client,
    room::{Place, Room},
    routes::Routes,
};

/// How long to let the system recover when it has no descriptor or memory for another
/// client. It also keeps the log down to one line in that time.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Lets clients in, as many as there is room for, and knows who is inside.
pub(super) struct Door {
    routes: Arc<Routes>,
    fronts: Fronts,
    limits: Limits,
    room: Room,
    inside: TaskTracker,
    stop: CancellationToken,
    /// The grace time is over.
    abort: CancellationToken,
}

impl Door {
    pub(super) fn new(routes: Routes, fronts: Fronts, limits: Limits, stop: CancellationToken) -> Self {
        Self {
            routes: Arc::new(routes),
            fronts,
            limits,
            room: Room::new(limits.connections),
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
    pub(super) async fn next_client(&self, listener: &TcpListener) -> io::Result<(TcpStream, Place)> {
        let free = self.room.free_place().await;
        let (stream, _) = listener.accept().await?;
        // The end of a page would wait for word that what came before has arrived: 40 ms.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "a client's answers may be slow");
        }
        Ok((stream, free.take()))
    }

    fn admit(&self, stream: TcpStream, place: Place) {
        let client = Client {
            routes: self.routes.clone(),
            fronts: self.fronts.clone(),
            limits: self.limits,
            place,
            stop: self.stop.clone(),
            abort: self.abort.clone(),
        };
        self.inside.spawn(client.attend(stream));
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
