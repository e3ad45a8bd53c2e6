//! What is known now, account by account, always published whole.
//!
//! One writer per account replaces that account's state; readers take the fleet as it
//! stands and never wait. A failed poll changes the health and leaves the data.

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::ArcSwap;

use crate::inventory::{Account, Timestamp};

/// The key under which an account is shown while not even its id could be learnt.
pub const UNKNOWN_ACCOUNT: &str = "unknown";

/// All accounts at one moment.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    /// By account id.
    pub accounts: BTreeMap<Arc<str>, Arc<AccountState>>,
}

/// What is known of one account, and how the last attempt to read it went.
#[derive(Clone, Debug)]
pub struct AccountState {
    /// The last good data; `None` until there was any.
    pub account: Option<Arc<Account>>,
    /// How the last attempt went; `None` until a first one ended.
    pub health: Option<Health>,
}

/// How the last attempt to read an account went.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Whether it read everything that it set out to read.
    pub is_up: bool,
    /// What went wrong, for people; empty when it is up.
    pub errors: Vec<String>,
    /// When the attempt ended.
    pub tried_at: Timestamp,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// The published fleet.
#[derive(Debug, Default)]
pub struct Snapshots {
    current: ArcSwap<Fleet>,
}

impl Snapshots {
    /// The fleet as it stands.
    #[must_use]
    pub fn fleet(&self) -> Arc<Fleet> {
        self.current.load_full()
    }

    /// Replaces one account. What is `None` stays as it was.
    pub fn publish(&self, id: &Arc<str>, account: Option<&Arc<Account>>, health: Option<&Health>) {
        self.current.rcu(|fleet| {
            let mut next = Fleet::clone(fleet);
            let known = fleet.accounts.get(id);
            let account = account.cloned().or_else(|| known?.account.clone());
            let health = health.cloned().or_else(|| known?.health.clone());
            next.accounts.insert(id.clone(), Arc::new(AccountState { account, health }));
            next
        });
    }

    /// Takes an account out: it became known by another id, or is watched no longer.
    pub fn remove(&self, id: &str) {
        self.current.rcu(|fleet| {
            let mut next = Fleet::clone(fleet);
            next.accounts.remove(id);
            next
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str) -> Arc<Account> {
        Arc::new(Account::new(&id.into(), &"aws".into()))
    }

    fn health(is_up: bool) -> Health {
        Health { is_up, errors: vec![], tried_at: 1, seconds: 0.1 }
    }

    #[test]
    fn a_failed_poll_keeps_the_data_and_changes_the_health() {
        let snapshots = Snapshots::default();
        let id: Arc<str> = "111122223333".into();
        snapshots.publish(&id, Some(&account(&id)), Some(&health(true)));
        snapshots.publish(&id, None, Some(&health(false)));
        let state = snapshots.fleet().accounts[&id].clone();
        assert!(state.account.is_some());
        assert!(!state.health.as_ref().unwrap().is_up);
    }

    #[test]
    fn data_published_in_the_middle_of_a_poll_keeps_the_health() {
        let snapshots = Snapshots::default();
        let id: Arc<str> = "111122223333".into();
        snapshots.publish(&id, Some(&account(&id)), None);
        assert!(snapshots.fleet().accounts[&id].health.is_none());
        snapshots.publish(&id, None, Some(&health(true)));
        snapshots.publish(&id, Some(&account(&id)), None);
        assert!(snapshots.fleet().accounts[&id].health.is_some());
    }

    #[test]
    fn a_removed_account_is_gone() {
        let snapshots = Snapshots::default();
        let id: Arc<str> = UNKNOWN_ACCOUNT.into();
        snapshots.publish(&id, None, Some(&health(false)));
        snapshots.remove(&id);
        assert!(snapshots.fleet().accounts.is_empty());
    }
}
