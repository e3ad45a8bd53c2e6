//! When: loop { step; wait }.
//!
//! A step reads the account and publishes what it got. A failed step changes the
//! account's health, never its data. One step at a time; a late one is not made up for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    task::spawn_blocking,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    aws::{Attempt, CallError, Caller, Hub, Session},
    collect::{self, Outcome, Poll},
    inventory::{Account, Timestamp, User},
    policy::Policy,
    snapshot::{Health, Snapshots, UNKNOWN_ACCOUNT},
    state::StateDir,
};

/// The share of a poll's time that may go into what can wait for the next one.
const SLICE: f64 = 0.9;

/// How often and how long an account is read.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// From the start of one poll to the start of the next.
    pub interval: Duration,
    /// After this long a poll is given up.
    pub poll_timeout: Duration,
}

/// Where the time comes from, in Unix seconds.
#[derive(Clone, Copy, Debug)]
pub struct Clock(pub fn() -> Timestamp);

impl Default for Clock {
    /// The system's.
    fn default() -> Self {
        Self(system_time)
    }
}

impl Clock {
    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

/// Polls the account that the ambient credentials belong to.
#[derive(Debug)]
pub struct Poller {
    hub: Hub,
    rhythm: Rhythm,
    policy: Policy,
    snapshots: Arc<Snapshots>,
    state: Option<StateDir>,
    clock: Clock,
    own: Option<(Caller, Arc<Session>)>,
    denied: BTreeSet<&'static str>,
}

impl Poller {
    /// A poller that has not asked anything yet.
    #[must_use]
    pub fn new(hub: Hub, rhythm: Rhythm, policy: Policy, snapshots: Arc<Snapshots>) -> Self {
        let clock = Clock::default();
        Self { hub, rhythm, policy, snapshots, state: None, clock, own: None, denied: BTreeSet::new() }
    }

    /// Keeps the last good data here.
    #[must_use]
    pub fn with_state(self, state: Option<StateDir>) -> Self {
        Self { state, ..self }
    }

    /// Takes the time from this clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Polls until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut turn = interval(self.rhythm.interval);
        turn.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = turn.tick() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.step() => {}
            }
        }
    }

    /// Reads the account once and publishes what came of it.
    pub async fn step(&mut self) {
        let started = Instant::now();
        let (caller, session) = match self.identify().await {
            Ok(own) => own,
            Err(error) => return self.fail_all(&self.health(&[error], started)),
        };
        let mut account = self.known(&caller);
        let outcome = self.read(&session, &mut account).await;
        let id = caller.account;
        let account = Arc::new(account);
        self.save(account.clone()).await;
        self.finish(&id, Some(&account), &self.health(&outcome.shortfalls, started));
        self.tell_permissions(&id, outcome.permissions);
    }

    async fn read(&self, session: &Session, account: &mut Account) -> Outcome {
        let rotation_due = |user: &User, created| self.policy.due_after(user, created);
        let interval = i64::try_from(self.rhythm.interval.as_secs()).unwrap_or(i64::MAX / 4);
        let slice = self.rhythm.interval.min(self.rhythm.poll_timeout).mul_f64(SLICE);
        let (started_at, begun) = (self.now(), Instant::now());
        let poll = Poll { session, started_at, begun, interval, slice, rotation_due: &rotation_due };
        let first = |account: &Account| self.snapshots.publish(&account.id, Some(&Arc::new(account.clone())), None);
        let limit = self.rhythm.poll_timeout;
        match timeout(limit, collect::read(&poll, account, &first)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome { shortfalls: vec![CallError::timeout("poll", "", limit)], ..Outcome::default() },
        }
    }

    async fn identify(&mut self) -> Attempt<(Caller, Arc<Session>)> {
        if let Some(own) = &self.own {
            return Ok(own.clone());
        }
        let caller = self.hub.identify(&UNKNOWN_ACCOUNT.into()).await?;
        tracing::info!(account = %caller.account, "reading this account");
        let session = Arc::new(self.hub.session(&caller.account));
        let own = self.own.insert((caller, session)).clone();
        self.forget_others();
        Ok(own)
    }

    /// Accounts of an earlier run with other credentials, and the one not known by name.
    fn forget_others(&self) {
        let own = self.own.as_ref().map(|(caller, _)| &*caller.account);
        for id in self.snapshots.fleet().accounts.keys().filter(|id| Some(&***id) != own) {
            self.snapshots.remove(id);
            self.state.iter().for_each(|state| state.remove(id));
        }
    }

    /// Without an answer to whose credentials these are, no account can be read.
    fn fail_all(&self, health: &Health) {
        let fleet = self.snapshots.fleet();
        for id in fleet.accounts.keys() {
            self.finish(id, None, health);
        }
        if fleet.accounts.is_empty() {
            self.finish(&UNKNOWN_ACCOUNT.into(), None, health);
        }
    }

    fn known(&self, caller: &Caller) -> Account {
        let fleet = self.snapshots.fleet();
        let known = fleet.accounts.get(&caller.account).and_then(|state| state.account.as_deref());
        known.cloned().unwrap_or_else(|| Account::new(&caller.account, &caller.partition))
    }

    async fn save(&self, account: Arc<Account>) {
        let Some(state) = self.state.clone() else { return };
        let id = account.id.clone();
        let saved = spawn_blocking(move || state.save(&account)).await;
        if let Err(error) = saved.unwrap_or_else(|panic| Err(panic.into())) {
            tracing::warn!(account = %id, %error, "the state could not be saved; a restart would begin with the last one");
        }
    }

    fn finish(&self, id: &Arc<str>, account: Option<&Arc<Account>>, health: &Health) {
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

    /// Says once what is not permitted, and once that it is again.
    fn tell_permissions(&mut self, account: &str, permissions: BTreeMap<&'static str, bool>) {
        for (operation, is_permitted) in permissions {
            if is_permitted && self.denied.remove(operation) {
                tracing::info!(account, "iam:{operation} is permitted again");
            } else if !is_permitted && self.denied.insert(operation) {
                tracing::warn!(account, "iam:{operation} is not permitted; doing without costs more calls or detail");
            }
        }
    }

    fn health(&self, shortfalls: &[CallError], started: Instant) -> Health {
        let errors: Vec<String> = shortfalls.iter().map(CallError::chain).collect();
        let seconds = started.elapsed().as_secs_f64();
        Health { is_up: errors.is_empty(), errors, tried_at: self.now(), seconds }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

#[expect(clippy::disallowed_methods, reason = "the poller stamps what it publishes")]
fn system_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
