//! An account's keys with all that decides about their order, worked out once per snapshot.

use std::sync::{Arc, Weak};

use crate::{
    inventory::{AccessKey, Account, Timestamp, User},
    policy::Policy,
};

/// Where a key stands at a moment; the order is the order of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Overdue,
    DueSoon,
    InTime,
    Exempt,
    Inactive,
}

/// The dates of one key: what its state depends on besides the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dates {
    user: u32,
    key: u32,
    /// When it has to be replaced; of an inactive key, when it was created.
    pub(super) due: Timestamp,
    /// Long ago for those that are not exempt.
    pub(super) exempt_until: Timestamp,
    is_active: bool,
}

/// An account as it was read, and the dates of its keys.
#[derive(Debug)]
pub(super) struct Judged {
    account: Arc<Account>,
    pub(super) keys: Arc<[Dates]>,
    /// Every owner, once and in order.
    pub(super) owners: Arc<[Arc<str>]>,
}

/// What was worked out of an account; it does not keep the account.
#[derive(Debug)]
pub(super) struct Kept {
    of: Weak<Account>,
    keys: Arc<[Dates]>,
    owners: Arc<[Arc<str>]>,
}

impl Kept {
    pub(super) fn of(judged: &Judged) -> Self {
        let Judged { account, keys, owners } = judged;
        Self { of: Arc::downgrade(account), keys: keys.clone(), owners: owners.clone() }
    }

    /// The same account with what was worked out of it; `None` for another.
    pub(super) fn judged(&self, account: &Arc<Account>) -> Option<Judged> {
        let Self { of, keys, owners } = self;
        let is_same = of.ptr_eq(&Arc::downgrade(account));
        is_same.then(|| Judged { account: account.clone(), keys: keys.clone(), owners: owners.clone() })
    }
}

impl Dates {
    /// Which of its user's keys it is.
    pub(super) fn place(&self) -> usize {
        self.key as usize
    }

    /// Where the key stands, and the moment by which it is ordered among its like.
    pub(super) fn at(&self, now: Timestamp, warn_before: i64) -> (State, Timestamp) {
        if !self.is_active {
            return (State::Inactive, self.due);
        }
        if self.exempt_until > now {
            return (State::Exempt, self.exempt_until);
        }
        let state = match self.due {
            due if due <= now => State::Overdue,
            due if due.saturating_sub(warn_before) <= now => State::DueSoon,
            _ => State::InTime,
        };
        (state, self.due)
    }
}

impl Judged {
    pub(super) fn new(account: &Arc<Account>, policy: &Policy, owner_tag: Option<&str>) -> Self {
        let everybody = || account.users.iter().chain([&account.root]);
        let with_keys = everybody().enumerate().filter(|(_, user)| !user.keys.is_empty());
        let keys = with_keys.flat_map(|(place, user)| dates(&account.id, policy, place, user)).collect();
        let tags = everybody().flat_map(|user| &user.tags);
        let is_owner = |key: &str| owner_tag.is_some_and(|tag| tag.eq_ignore_ascii_case(key));
        let mut owners: Vec<_> = tags.filter(|tag| is_owner(&tag.key)).map(|tag| tag.value.clone()).collect();
        owners.sort_unstable();
        owners.dedup();
        Self { account: account.clone(), keys, owners: owners.into() }
    }

    pub(super) fn user(&self, dates: &Dates) -> &User {
        self.account.users.get(dates.user as usize).unwrap_or(&self.account.root)
    }

    pub(super) fn key(&self, dates: &Dates) -> &AccessKey {
        &self.user(dates).keys[dates.place()]
    }

    pub(super) fn is_root(&self, dates: &Dates) -> bool {
        dates.user as usize >= self.account.users.len()
    }
}

fn dates(account: &str, policy: &Policy, place: usize, user: &User) -> Vec<Dates> {
    let verdict = policy.of(account, user);
    let exempt_until = verdict.exempt_until().unwrap_or(Timestamp::MIN);
    let small = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    let keys = user.keys.iter().enumerate();
    keys.map(|(number, key)| {
        let is_active = key.status.is_active();
        let due = if is_active { verdict.due(key.created) } else { key.created };
        Dates { user: small(place), key: small(number), due, exempt_until, is_active }
    })
    .collect()
}

/// Whether an active key has not been used for so long that it should go.
pub(super) fn is_idle(key: &AccessKey, max_idle: i64, now: Timestamp) -> bool {
    let since = key.last_use.unused_since(key.created);
    key.status.is_active() && since.is_some_and(|since| since.saturating_add(max_idle) <= now)
}
