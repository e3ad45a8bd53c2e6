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
}

/// A request under way, until its answer is sent or given up.
pub(super) struct Ticket(Arc<watch::Sender<Work>>);

impl Room {
    pub(super) fn new(places: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))), guests: Guests::default() }
    }

    /// Waits for a place. Where it is the last one, whoever was idle for longest is asked to leave.
    pub(super) async fn enter(&self) -> Place {
        let permit = self.free.clone().acquire_owned().await.expect("the semaphore is never closed");
        if self.free.available_permits() == 0 {
            self.ask_the_longest_idle_to_leave();
        }
        let (work, _) = watch::channel(Work { requests: 0, since: Instant::now() });
        let (work, leave) = (Arc::new(work), CancellationToken::new());
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        let number = guests.last_key_value().map_or(0, |(last, _)| last + 1);
        guests.insert(number, Guest { work: work.clone(), leave: leave.clone() });
        Place { number, guests: self.guests.clone(), work, leave, _permit: permit }
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

impl Place {
    /// What its client does.
    pub(super) fn work(&self) -> watch::Receiver<Work> {
        self.work.subscribe()
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
