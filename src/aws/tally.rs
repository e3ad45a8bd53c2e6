//! How many requests went to AWS, and how many failed, by account and operation.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use super::error::Reason;

/// Counts of one operation on one account since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Attempts, retries among them.
    pub requests: u64,
    failures: [u64; Reason::ALL.len()],
}

impl Count {
    /// Attempts that failed for this reason.
    #[must_use]
    pub fn failures(&self, reason: Reason) -> u64 {
        self.failures[reason as usize]
    }
}

type Counts = BTreeMap<(Arc<str>, &'static str), Count>;

/// The counters of the whole process.
#[derive(Debug, Default)]
pub struct Tally {
    counts: Mutex<Counts>,
}

impl Tally {
    /// Counts one attempt.
    pub fn count(&self, account: &Arc<str>, operation: &'static str, failure: Option<Reason>) {
        let mut counts = self.lock();
        let count = counts.entry((account.clone(), operation)).or_default();
        count.requests += 1;
        if let Some(reason) = failure {
            count.failures[reason as usize] += 1;
        }
    }

    /// A copy of all counters.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().expect("no code panics while it holds the tally")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attempt_counts_and_a_failure_under_its_reason() {
        let tally = Tally::default();
        let account: Arc<str> = "111122223333".into();
        tally.count(&account, "ListUsers", None);
        tally.count(&account, "ListUsers", Some(Reason::Throttled));
        let count = tally.counts()[&(account, "ListUsers")];
        assert_eq!(count.requests, 2);
        assert_eq!(count.failures(Reason::Throttled), 1);
        assert_eq!(count.failures(Reason::Network), 0);
    }
}
