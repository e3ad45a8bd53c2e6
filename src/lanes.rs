//! How many accounts are read at once, and who has to wait for whom.
//!
//! An account that failed last time, or took long, waits in a lane of its own, so that
//! broken accounts wait for broken ones and never hold up the others.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

/// A reading that takes longer gives its place to the next account.
pub const SLOT: Duration = Duration::from_secs(30);

/// Of the places, so many for accounts that are ailing.
const AILING_SHARE: usize = 4;

/// The places.
#[derive(Clone, Debug)]
pub struct Lanes {
    steady: Arc<Semaphore>,
    ailing: Arc<Semaphore>,
    overtime: Arc<Semaphore>,
}

impl Lanes {
    /// So many places for accounts that are well. At most two and a quarter times as many are read at once:
    /// as many again that have outstayed their slot, and a quarter of ailing ones.
    #[must_use]
    pub fn new(places: usize) -> Self {
        let lane = |places| Arc::new(Semaphore::new(places));
        Self { steady: lane(places), ailing: lane((places / AILING_SHARE).max(1)), overtime: lane(places) }
    }

    /// Does the work once there is a place for it. What waits is small: the work is made when it begins.
    pub async fn run<T, F: Future<Output = T>>(&self, is_ailing: bool, work: impl FnOnce() -> F) -> T {
        let lane = if is_ailing { &self.ailing } else { &self.steady };
        let place = lane.clone().acquire_owned().await.ok();
        let mut work = Box::pin(work());
        if is_ailing {
            return work.await;
        }
        tokio::select! {
            done = &mut work => return done,
            () = sleep(SLOT) => {}
        }
        let _overtime = self.go_into_overtime(place);
        work.await
    }

    /// Gives the place back where there is room for one more that is slow.
    fn go_into_overtime(&self, place: Option<OwnedSemaphorePermit>) -> Option<OwnedSemaphorePermit> {
        match self.overtime.clone().try_acquire_owned() {
            Ok(overtime) => Some(overtime),
            Err(_) => place,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, future::join_all};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_places_are_taken_at_once() {
        let (lanes, begun) = (Lanes::new(4), Instant::now());
        join_all((0..20).map(|_| lanes.run(false, || sleep(Duration::from_secs(1))))).await;
        assert_eq!(begun.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn ailing_accounts_wait_for_each_other_and_not_the_others_for_them() {
        let lanes = Lanes::new(4);
        let ailing = join_all((0..50).map(|_| lanes.run(true, || sleep(Duration::from_mins(1)))));
        let begun = Instant::now();
        let well = join_all((0..8).map(|_| lanes.run(false, || sleep(Duration::from_secs(1)))));
        tokio::select! {
            _ = ailing => panic!("fifty minutes cannot have passed"),
            _ = well => {}
        }
        assert_eq!(begun.elapsed().as_secs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_outstays_its_slot_makes_room_up_to_a_bound() {
        let lanes = Lanes::new(1);
        let slow = || lanes.run(false, || sleep(Duration::from_hours(1)));
        let mut slow = join_all([slow(), slow(), slow()]);
        assert!(tokio::time::timeout(SLOT * 3, &mut slow).await.is_err());
        let quick = lanes.run(false, || async {});
        assert!(quick.now_or_never().is_none(), "two are read at once and the third has the place");
    }
}
