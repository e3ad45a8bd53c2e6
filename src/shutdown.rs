//! How the process is asked to end: by SIGINT or SIGTERM, first in peace, then at once.

use std::{io, process};

use tokio::{
    select,
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// What shells add to a signal's number to tell that a process ended because of it.
const ENDED_BY_SIGNAL: i32 = 128;

/// The signals that ask us to end. From its making on they no longer end the process by themselves.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// Begins to catch the signals.
///
/// # Errors
/// When the system does not let us.
pub fn on_signals() -> io::Result<Signals> {
    Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
}

impl Signals {
    /// Cancels `stop` at the first signal. Then waits for a second, which ends the process at once:
    /// drop the future when everything has stopped.
    pub async fn wait(mut self, stop: CancellationToken) {
        let first = self.next().await;
        info!(signal = name(first), "stopping; a second signal ends the process at once");
        stop.cancel();
        let second = self.next().await;
        error!(signal = name(second), "ending at once, without waiting for what is in flight");
        process::exit(ENDED_BY_SIGNAL + second.as_raw_value());
    }

    async fn next(&mut self) -> SignalKind {
        select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        }
    }
}

fn name(signal: SignalKind) -> &'static str {
    if signal == SignalKind::interrupt() { "SIGINT" } else { "SIGTERM" }
}

#[cfg(test)]
mod tests {
    use tokio::process::Command;

    use super::*;

    #[tokio::test]
    async fn the_first_signal_stops_in_peace() {
        let stop = CancellationToken::new();
        let signals = on_signals().unwrap();
        let sent = Command::new("kill").args(["-TERM", &process::id().to_string()]).status().await.unwrap();
        assert!(sent.success());
        select! {
            () = signals.wait(stop.clone()) => unreachable!("only a second signal ends the wait"),
            () = stop.cancelled() => {}
        }
    }
}
