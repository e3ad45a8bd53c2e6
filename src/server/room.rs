//! Who is inside: so many clients at once, and the one idle for longest goes when it gets full.
//!
//! So nobody can keep a scraper out by opening connections and saying nothing.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// The places, and who has them.
pub(super) struct Room {
    free: Arc<Semaphore>,
    guests: Guests,
}

type Guests = Arc<Mutex<BTreeMap<u64, Guest>>>;

struct Guest {
    work: Arc<watch::Sender<Work>>,
    leave: CancellationToken,
}

/// A place that nobody has yet.
pub(super) struct Free {
    guests: Guests,
    permit: OwnedSemaphorePermit,
}

/// One client's place; it is free again when this goes.
pub(super) struct Place {
    number: u64,
    guests: Guests,
    work: Arc<watch::Sender<Work>>,
    leave: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

/// How many requests of a client are under way, and since when it is busy or idle.
#[derive(Clone, Copy)]
pub(super) struct Work {
    pub(super) requests: usize,
    pub(super) since: Instant,
    has_asked: bool,
}

/// A request under way, until its answer is sent or given up.
pub(super) struct Ticket(Arc<watch::Sender<Work>>);

impl Room {
    pub(super) fn new(places: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))), guests: Guests::default() }
    }

    /// Waits for a place. Where it is the last one, whoever was idle for longest is asked to leave.
    pub(super) async fn free_place(&self) -> Free {
        let permit = self.free.clone().acquire_owned().await.expect("the semaphore is never closed");
        if self.free.available_permits() == 0 {
            self.ask_the_longest_idle_to_leave();
        }
        Free { guests: self.guests.clone(), permit }
    }

    fn ask_the_longest_idle_to_leave(&self) {
        let guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        let staying = guests.values().filter(|guest| !guest.leave.is_cancelled());
        let idle = staying.map(|guest| (*guest.work.borrow(), guest)).filter(|(work, _)| work.requests == 0);
        if let Some((_, guest)) = idle.min_by_key(|(work, _)| work.since) {
            guest.leave.cancel();
        }
    }
}

impl Free {
    /// Gives it to a client that is here: from now on it is idle, and may be asked to leave.
    pub(super) fn take(self) -> Place {
        let Self { guests, permit } = self;
        let (work, _) = watch::channel(Work { requests: 0, since: Instant::now(), has_asked: false });
        let (work, leave) = (Arc::new(work), CancellationToken::new());
        let mut inside = guests.lock().unwrap_or_else(PoisonError::into_inner);
        let number = inside.last_key_value().map_or(0, |(last, _)| last + 1);
        inside.insert(number, Guest { work: work.clone(), leave: leave.clone() });
        drop(inside);
        Place { number, guests, work, leave, _permit: permit }
    }
}

impl Place {
    /// What its client does.
    pub(super) fn work(&self) -> watch::Receiver<Work> {
        self.work.subscribe()
    }

    /// Returns when its client has asked for something, be it long ago.
    pub(super) async fn has_asked(&self) {
        // The sender is ours: it is not gone.
        drop(self.work().wait_for(|work| work.has_asked).await);
    }

    /// Notes a request of its client.
    pub(super) fn ticket(&self) -> Ticket {
        Ticket::take(self.work.clone())
    }

    /// Returns when others need the place more.
    pub(super) async fn is_needed(&self) {
        self.leave.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

impl Ticket {
    fn take(work: Arc<watch::Sender<Work>>) -> Self {
        work.send_modify(|work| {
            if work.requests == 0 {
                work.since = Instant::now();
            }
            work.requests += 1;
            work.has_asked = true;
        });
        Self(work)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.send_modify(|work| {
            work.requests -= 1;
            if work.requests == 0 {
                work.since = Instant::now();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_after_a_long_silence_has_not_been_idle_in_it() {
        let free = Room::new(2).free_place().await;
        advance(Duration::from_mins(5)).await;
        assert_eq!(free.take().work().borrow().since, Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_nobody_has_yet_is_not_asked_to_leave() {
        let room = Room::new(3);
        let waiting = room.free_place().await;
        advance(Duration::from_secs(1)).await;
        let guest = room.free_place().await.take();
        let _last = room.free_place().await;
        assert!(guest.leave.is_cancelled() && !waiting.take().leave.is_cancelled());
    }
}
