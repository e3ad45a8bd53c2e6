//! When a key has to be rotated. Pure: nouns and limits in, verdicts out.

use std::time::Duration;

use crate::inventory::{AccessKey, Account, Timestamp, User};

/// The limits that apply to every key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    max_age: i64,
}

impl Policy {
    /// A policy under which a key must be rotated once it is `max_age` old.
    #[must_use]
    pub fn new(max_age: Duration) -> Self {
        Self { max_age: i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX) }
    }

    /// When an active key that this user created then must be replaced, if ever.
    #[must_use]
    pub fn due_after(&self, _user: &User, created: Timestamp) -> Option<Timestamp> {
        Some(created.saturating_add(self.max_age))
    }

    /// When this key must be replaced; `None` for a key that AWS does not accept anyway.
    #[must_use]
    pub fn rotation_due(&self, user: &User, key: &AccessKey) -> Option<Timestamp> {
        key.status.is_active().then(|| self.due_after(user, key.created))?
    }

    /// The moments at which the account's keys fall due, earliest first.
    #[must_use]
    pub fn due_times(&self, account: &Account) -> Vec<Timestamp> {
        let mut times: Vec<_> = account.keys().filter_map(|(user, key)| self.rotation_due(user, key)).collect();
        times.sort_unstable();
        times
    }
}

/// How many of these moments have come. A key is overdue in the very second it falls due.
#[must_use]
pub fn overdue(sorted_due_times: &[Timestamp], now: Timestamp) -> usize {
    sorted_due_times.partition_point(|due| *due <= now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{LastUse, Status};

    const DAY: i64 = 86_400;

    fn key(created: Timestamp, status: Status) -> AccessKey {
        AccessKey { id: "AKIAEXAMPLE".into(), created, status, last_use: LastUse::Unknown }
    }

    fn user() -> User {
        User::new("u".into(), "/".into())
    }

    #[test]
    fn an_active_key_falls_due_exactly_max_age_after_its_creation() {
        let policy = Policy::new(Duration::from_hours(90 * 24));
        let due = policy.rotation_due(&user(), &key(1_000, Status::Active)).unwrap();
        assert_eq!(due, 1_000 + 90 * DAY);
        assert_eq!(overdue(&[due], due - 1), 0);
        assert_eq!(overdue(&[due], due), 1);
    }

    #[test]
    fn an_inactive_key_never_falls_due() {
        let policy = Policy::new(Duration::from_secs(1));
        assert_eq!(policy.rotation_due(&user(), &key(0, Status::Inactive)), None);
    }

    #[test]
    fn an_absurdly_long_limit_does_not_overflow() {
        let policy = Policy::new(Duration::MAX);
        assert_eq!(policy.rotation_due(&user(), &key(1, Status::Active)), Some(i64::MAX));
    }
}
