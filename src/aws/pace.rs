//! How fast one account may be asked.
//!
//! IAM's quota is per account, unpublished, and shared with people and Terraform. So the
//! pace is ours: an even spacing that doubles when AWS throttles and recovers slowly.

use std::{sync::Mutex, time::Duration};

use tokio::time::{Instant, sleep_until};

/// How far the pace may fall: below a tenth, a poll of any size would never end.
const SLOWEST_SHARE: f64 = 0.1;

/// What a granted request gives back: some 20 answers undo one throttle.
const RECOVERY_SHARE: f64 = 0.025;

/// Requests that may start together after a pause, so that small accounts are read at once.
const BURST: u32 = 5;

/// Spaces the requests to one account.
#[derive(Debug)]
pub struct Pace {
    fastest: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    per_second: f64,
    next: Instant,
}

impl Pace {
    /// At most `per_second` requests a second, after a small burst.
    #[must_use]
    pub fn new(per_second: f64) -> Self {
        let state = State { per_second, next: Instant::now() };
        Self { fastest: per_second, state: Mutex::new(state) }
    }

    /// Waits for this request's turn.
    pub async fn turn(&self) {
        let turn = self.reserve(Instant::now());
        sleep_until(turn).await;
    }

    /// AWS throttled: half as fast from here.
    pub fn slow_down(&self) {
        let mut state = self.lock();
        state.per_second = (state.per_second / 2.0).max(self.fastest * SLOWEST_SHARE);
    }

    /// AWS answered: a little faster again.
    pub fn speed_up(&self) {
        let mut state = self.lock();
        state.per_second = (state.per_second + self.fastest * RECOVERY_SHARE).min(self.fastest);
    }

    fn reserve(&self, now: Instant) -> Instant {
        let mut state = self.lock();
        let gap = Duration::from_secs_f64(1.0 / state.per_second);
        let earliest = now.checked_sub(gap * (BURST - 1)).unwrap_or(now);
        let turn = state.next.max(earliest);
        state.next = turn + gap;
        turn
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds the pace")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long it takes until the last of so many requests, asked for at once, has its turn.
    fn seconds_for(pace: &Pace, start: Instant, requests: u32) -> f64 {
        let turns = (0..requests).map(|_| pace.reserve(start));
        (turns.last().unwrap() - start).as_secs_f64()
    }

    #[test]
    fn a_long_run_keeps_to_the_rate_after_a_small_burst() {
        let start = Instant::now() + Duration::from_mins(1);
        let pace = Pace::new(5.0);
        let seconds = seconds_for(&pace, start, 105);
        assert!((19.9..=20.1).contains(&seconds), "{seconds}");
    }

    #[test]
    fn throttling_halves_the_pace_and_answers_restore_it() {
        let mut start = Instant::now() + Duration::from_mins(1);
        let pace = Pace::new(10.0);
        pace.slow_down();
        let slow = seconds_for(&pace, start, 14);
        assert!((1.7..=1.9).contains(&slow), "{slow}");
        (0..40).for_each(|_| pace.speed_up());
        start += Duration::from_mins(1);
        let fast = seconds_for(&pace, start, 14);
        assert!((0.8..=1.0).contains(&fast), "{fast}");
    }

    #[test]
    fn endless_throttling_leaves_a_tenth_of_the_pace() {
        let start = Instant::now() + Duration::from_mins(1);
        let pace = Pace::new(10.0);
        (0..50).for_each(|_| pace.slow_down());
        let seconds = seconds_for(&pace, start, 6);
        assert!((0.9..=1.1).contains(&seconds), "{seconds}");
    }
}
