//! The token bucket behind an account's request quota.

use tokio::time::Instant;

/// Refilled continuously, never fuller than `burst`.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    pub(crate) fn new(per_second: f64, burst: u32, now: Instant) -> Self {
        let burst = f64::from(burst);
        Self { per_second, burst, tokens: burst, filled: now }
    }

    /// Takes a token if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let waited = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + waited * self.per_second).min(self.burst);
        self.filled = now;
        let granted = self.tokens >= 1.0;
        if granted {
            self.tokens -= 1.0;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_is_granted_then_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(2.0, 3, start);
        assert_eq!((0..5).filter(|_| bucket.take(start)).count(), 3);
        let later = start + Duration::from_secs(1);
        assert_eq!((0..5).filter(|_| bucket.take(later)).count(), 2);
        let much_later = later + Duration::from_hours(1);
        assert_eq!((0..5).filter(|_| bucket.take(much_later)).count(), 3);
    }
}
