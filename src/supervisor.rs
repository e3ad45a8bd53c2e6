//! What systemd is told of us (`Type=notify`): that we serve, read the configuration again, stop,
//! and, where it wants a watchdog, that we still do our work. Silent where nobody listens.

use std::{convert::Infallible, future::pending, io, time::Duration};

use sd_notify::{NotifyState, notify, watchdog_enabled};
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

/// Whoever started us, if it wants to know how we are.
#[derive(Clone, Copy, Debug)]
pub struct Supervisor {
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// As the environment says.
    #[must_use]
    pub fn from_environment() -> Self {
        Self { watchdog: watchdog_enabled() }
    }

    /// Requests are answered, by the configuration that counts.
    pub fn ready(&self) {
        told(notify(&[NotifyState::Ready]));
    }

    /// The configuration is being read again; `ready` ends that, whether it came into use or not.
    pub fn reloading(&self) {
        told(NotifyState::monotonic_usec_now().and_then(|now| notify(&[NotifyState::Reloading, now])));
    }

    /// No new request is answered.
    pub fn stopping(&self) {
        told(notify(&[NotifyState::Stopping]));
    }

    /// Tells as long as it is polled that we are alive, twice as often as is wanted.
    pub async fn heartbeat(&self) -> Infallible {
        let Some(watchdog) = self.watchdog else { return pending().await };
        let mut beat = interval(watchdog / 2);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            told(notify(&[NotifyState::Watchdog]));
        }
    }
}

fn told(outcome: io::Result<()>) {
    if let Err(error) = outcome {
        warn!(%error, "systemd could not be told how we are");
    }
}
