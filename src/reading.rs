//! One account's turn: read it, keep it, publish it, tell what changed.
//!
//! A failed reading changes the account's health, never its data.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::Duration,
};

use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::{Instant, timeout},
};

use crate::{
    aws::{CallError, Reason, Session},
    collect::{self, Outcome, Poll},
    inventory::{Account, User},
    lanes::SLOT,
    policy::Policy,
    poller::{Clock, Rhythm},
    roster::Target,
    snapshot::{Health, Snapshots},
    state::StateDir,
};

/// The share of a poll's time that may go into what can wait for the next one.
const SLICE: f64 = 0.9;

/// How much earlier than AWS's census details may have been read: clocks differ.
const SKEW: i64 = 3_600;

/// A save that takes longer is left to itself; the next waits for its end.
const SAVING: Duration = Duration::from_secs(10);

/// What every account's reading needs.
#[derive(Debug)]
pub struct Desk {
    /// How often and how long.
    pub rhythm: Rhythm,
    /// When keys are due.
    pub policy: Policy,
    /// Where what was read is published.
    pub snapshots: Arc<Snapshots>,
    /// Where the last good data is kept.
    pub state: Option<StateDir>,
    /// Where the time comes from.
    pub clock: Clock,
}

/// One account, and what its readings have shown so far.
#[derive(Debug)]
pub struct Reading {
    target: Target,
    session: Session,
    desk: Arc<Desk>,
    denied: BTreeSet<&'static str>,
    invalid_tags: BTreeSet<(Arc<str>, String)>,
    is_ailing: bool,
    /// A save that has not come to its end.
    saving: Option<JoinHandle<io::Result<()>>>,
}

impl Reading {
    /// An account that has not been read yet.
    #[must_use]
    pub fn new(target: Target, session: Session, desk: Arc<Desk>) -> Self {
        let (denied, invalid_tags) = Default::default();
        Self { target, session, desk, denied, invalid_tags, is_ailing: false, saving: None }
    }

    /// Who is read.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Whether the last reading failed or took long.
    #[must_use]
    pub fn is_ailing(&self) -> bool {
        self.is_ailing
    }

    /// Operations that were not permitted and are done without.
    #[must_use]
    pub fn denied(&self) -> &BTreeSet<&'static str> {
        &self.denied
    }

    /// Reads the account once and publishes what came of it.
    pub async fn step(&mut self) {
        let begun = Instant::now();
        let is_cut = match self.session.log_in(self.desk.clock.now()).await {
            Ok(()) => self.read_all(begun).await,
            Err(error) => {
                self.is_ailing = true;
                self.desk.publish(&self.target.account, None, &self.desk.health(&[error], begun));
                false
            }
        };
        self.is_ailing |= !is_cut && begun.elapsed() > SLOT;
    }

    /// Whether the reading ended with its time, which is no ailment.
    async fn read_all(&mut self, begun: Instant) -> bool {
        let mut account = self.known();
        let outcome = self.read(&mut account).await;
        account.compact();
        self.tell_invalid_tags(&account);
        let account = Arc::new(account);
        self.tell_permissions(outcome.permissions);
        self.is_ailing = !outcome.shortfalls.is_empty();
        let mut shortfalls = outcome.shortfalls;
        shortfalls.extend(blindness(&account));
        self.desk.publish(&self.target.account, Some(&account), &self.desk.health(&shortfalls, begun));
        // Last: a disk that hangs must not keep back what was read.
        self.save(account).await;
        outcome.is_cut
    }

    async fn read(&self, account: &mut Account) -> Outcome {
        let Desk { rhythm, policy, snapshots, clock, .. } = &*self.desk;
        let id = &self.target.account;
        let overdue_after = |user: &User, created| policy.of(id, user).overdue_after(created);
        let poll = Poll {
            session: &self.session,
            started_at: clock.now(),
            begun: Instant::now(),
            interval: i64::try_from(rhythm.interval.as_secs()).unwrap_or(i64::MAX / 4),
            slice: rhythm.interval.min(rhythm.poll_timeout).mul_f64(SLICE),
            overdue_after: &overdue_after,
        };
        let first = |account: &Account| snapshots.publish(&account.id, Some(&Arc::new(account.clone())), None);
        let limit = rhythm.poll_timeout;
        match timeout(limit, collect::read(&poll, account, &first)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome { shortfalls: vec![CallError::timeout("poll", "", limit)], ..Outcome::default() },
        }
    }

    fn known(&self) -> Account {
        let Target { account: id, partition, name, .. } = &self.target;
        let fleet = self.desk.snapshots.fleet();
        let known = fleet.accounts.get(id).and_then(|state| state.account.as_deref());
        let known = known.cloned().unwrap_or_else(|| Account::new(id, partition));
        Account { name: name.clone(), ..known }
    }

    async fn save(&mut self, account: Arc<Account>) {
        let Some(state) = self.desk.state.clone().filter(|_| !account.is_blank()) else { return };
        if self.saving.as_ref().is_some_and(|saving| !saving.is_finished()) {
            return self.tell_unsaved("the disk does not answer");
        }
        let mut saving = spawn_blocking(move || state.save(&account));
        match timeout(SAVING, &mut saving).await {
            Ok(saved) => {
                let saved = saved.unwrap_or_else(|panic| Err(panic.into()));
                saved.unwrap_or_else(|error| self.tell_unsaved(&error.to_string()));
            }
            Err(_) => self.saving = Some(saving),
        }
    }

    fn tell_unsaved(&self, error: &str) {
        let account = &*self.target.account;
        tracing::warn!(account, error, "the state could not be saved; a restart would begin with the last one");
    }

    /// Says once that a tag is not understood. It counts as absent, and never as an exemption.
    fn tell_invalid_tags(&mut self, account: &Account) {
        let mut invalid = BTreeSet::new();
        for user in &account.users {
            for tag in self.desk.policy.of(&account.id, user).invalid_tags {
                let value = user.tag(tag).unwrap_or_default();
                if !self.invalid_tags.contains(&(user.name.clone(), tag.to_owned())) {
                    tracing::warn!(account = %account.id, user = %user.name, tag, value, "the value of this tag is not understood and counts as absent");
                }
                invalid.insert((user.name.clone(), tag.to_owned()));
            }
        }
        self.invalid_tags = invalid;
    }

    /// Says once what is not permitted, and once that it is again.
    fn tell_permissions(&mut self, permissions: BTreeMap<&'static str, bool>) {
        let account = &*self.target.account;
        for (operation, is_permitted) in permissions {
            if is_permitted && self.denied.remove(operation) {
                tracing::info!(account, "iam:{operation} is permitted again");
            } else if !is_permitted && self.denied.insert(operation) {
                tracing::warn!(account, "iam:{operation} is not permitted; doing without costs more calls or detail");
            }
        }
    }
}

/// Where AWS refuses to tell which keys leaked, a page for them could never come.
fn blindness(account: &Account) -> Option<CallError> {
    let complete_at = account.census.complete_at.filter(|_| account.backlog.is_none())?;
    let is_blind = account.details_at.is_none_or(|at| at + SKEW < complete_at);
    let reason = "which keys leaked is not known: neither it nor ListAttachedUserPolicies is permitted";
    is_blind.then(|| CallError::unanswered("GetAccountAuthorizationDetails", "", Reason::AccessDenied, reason))
}

impl Desk {
    /// Publishes how an account fares, and says so where that changed.
    pub fn publish(&self, id: &Arc<str>, account: Option<&Arc<Account>>, health: &Health) {
        let keys = account.map_or(0, |account| account.keys().count());
        let fleet = self.snapshots.fleet();
        let before = fleet.accounts.get(id).and_then(|state| state.health.as_ref());
        match (before.is_none_or(|health| health.is_up), health.is_up) {
            (true, false) => tracing::warn!(
                account = %id,
                failures = health.errors.len(),
                error = health.errors.first(),
                "not everything could be read; keeping what is known of the account"
            ),
            (false, true) => tracing::info!(account = %id, keys, "the account is read again"),
            _ => tracing::debug!(account = %id, keys, up = health.is_up, "polled"),
        }
        self.snapshots.publish(id, account, Some(health));
    }

    /// How an attempt that ends now went.
    #[must_use]
    pub fn health(&self, shortfalls: &[CallError], begun: Instant) -> Health {
        let errors: Vec<String> = shortfalls.iter().map(CallError::chain).collect();
        let seconds = begun.elapsed().as_secs_f64();
        Health { is_up: errors.is_empty(), errors, tried_at: self.clock.now(), seconds }
    }

    /// Whether the last reading went well and left something to the next.
    #[must_use]
    pub fn is_unfinished(&self, id: &str) -> bool {
        let fleet = self.snapshots.fleet();
        let Some(state) = fleet.accounts.get(id) else { return false };
        let is_up = state.health.as_ref().is_some_and(|health| health.is_up);
        is_up && state.account.as_ref().is_some_and(|account| account.is_unfinished())
    }

    /// Forgets an account that is not read any more.
    pub fn forget(&self, id: &str) {
        self.snapshots.remove(id);
        self.state.iter().for_each(|state| state.remove(id));
    }

    /// How long until the next turn of an account whose moment is so far into the interval.
    #[must_use]
    pub fn pause(&self, offset: Duration, since_start: Duration) -> Duration {
        let (interval, offset) = (self.rhythm.interval.as_nanos().max(1), offset.as_nanos());
        let pause = interval - (since_start.as_nanos() + interval - offset % interval) % interval;
        Duration::from_nanos(u64::try_from(pause).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk() -> Desk {
        let rhythm = Rhythm { interval: Duration::from_mins(5), poll_timeout: Duration::from_hours(1) };
        let policy = Policy::new(&crate::config::Config::default());
        Desk { rhythm, policy, snapshots: Arc::default(), state: None, clock: Clock::default() }
    }

    #[test]
    fn an_account_is_read_at_its_own_moment_of_every_interval_however_late_it_was() {
        let (desk, offset) = (desk(), Duration::from_secs(100));
        for (since_start, pause) in [(0, 100), (50, 50), (100, 300), (101, 299), (399, 1), (400, 300), (1_250, 50)] {
            let pauses = desk.pause(offset, Duration::from_secs(since_start));
            assert_eq!(pauses.as_secs(), pause, "{since_start} s after the start");
        }
        assert_eq!(desk.pause(Duration::ZERO, Duration::from_secs(299)).as_secs(), 1);
    }
}
