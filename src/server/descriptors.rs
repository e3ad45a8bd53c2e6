//! File descriptors: every client takes one, and so does every request to AWS.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{debug, warn};

/// What the rest of the process needs: files, listeners, and connections to AWS, of which 5,000
/// accounts were seen to take 224.
const ELSEWHERE: usize = 512;

/// More clients than this are a mistake or an attack; each takes up to 64 KiB.
pub(super) const MOST_CLIENTS: usize = 2048;

/// A door that lets in fewer is of no use: the system's limit is then found by accepting.
const FEWEST_CLIENTS: usize = 16;

/// How many clients may be inside. Asks the system for as many descriptors as it allows.
pub(super) fn clients() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = u64::try_from(MOST_CLIENTS + ELSEWHERE).unwrap_or(u64::MAX);
    let allowed = maximum.unwrap_or(u64::MAX).min(wanted);
    let mut limit = current.unwrap_or(u64::MAX);
    if limit < allowed {
        match setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum }) {
            Ok(()) => limit = allowed,
            Err(error) => warn!(%error, limit, "the limit of open files could not be raised"),
        }
    }
    let clients = room(limit);
    debug!(limit, clients, "open files, and the clients that they leave room for");
    clients
}

fn room(limit: u64) -> usize {
    let clients = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(ELSEWHERE);
    clients.clamp(FEWEST_CLIENTS, MOST_CLIENTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_leave_descriptors_to_the_rest() {
        let room = [64, 512, 700, 1024, 2560, u64::MAX].map(room);
        assert_eq!(room, [16, 16, 188, 512, 2048, 2048]);
    }
}
