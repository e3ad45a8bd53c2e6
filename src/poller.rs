//! When: every account has its moment in the interval, and is read once at each.
//!
//! One reading of an account at a time; a late one is not made up for. Who there is, is asked
//! now and then in between.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::{
    StreamExt,
    future::{BoxFuture, FutureExt},
    stream::FuturesUnordered,
};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{
    inventory::Timestamp,
    lanes::Lanes,
    reading::{Desk, Reading},
    roster::{Changes, Directory, Door, Hubs, Roster, Target, spread},
    snapshot::UNKNOWN_ACCOUNT,
};

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

/// Reads every account of the roster in its turn.
#[derive(Debug)]
pub struct Poller {
    hubs: Arc<Hubs>,
    desk: Arc<Desk>,
    lanes: Lanes,
    changes: Arc<Changes>,
    /// `None` while it is asking.
    directory: Option<Directory>,
    ask_at: Option<Instant>,
    started: Instant,
    targets: BTreeMap<Arc<str>, Target>,
    /// Accounts that are not being read now.
    idle: BTreeMap<Arc<str>, Reading>,
    turns: BTreeSet<(Instant, Arc<str>)>,
}

/// What came to an end.
enum Done {
    Asked(Box<Directory>, Roster),
    Read(Box<Reading>),
}

type Work = FuturesUnordered<BoxFuture<'static, Done>>;

impl Poller {
    /// A poller that has not asked anything yet.
    #[must_use]
    pub fn new(hubs: Arc<Hubs>, directory: Directory, desk: Desk, lanes: Lanes, changes: Arc<Changes>) -> Self {
        let (started, directory) = (Instant::now(), Some(directory));
        let (targets, idle, turns) = Default::default();
        let desk = Arc::new(desk);
        Self { hubs, desk, lanes, changes, directory, ask_at: Some(started), started, targets, idle, turns }
    }

    /// Polls until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut work = Work::new();
        loop {
            self.begin_what_is_due(&mut work);
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(done) = work.next() => self.take_back(done),
                () = sleep_until(self.next_moment()) => {}
            }
        }
    }

    /// Asks who there is unless that is known for good, and reads every account once.
    pub async fn step(&mut self) {
        let mut work = Work::new();
        self.ask_at = self.ask_at.map(|_| Instant::now());
        work.extend(self.ask());
        work.next().await.into_iter().for_each(|done| self.take_back(done));
        let turns = std::mem::take(&mut self.turns);
        work.extend(turns.iter().filter_map(|(_, id)| self.read(id)));
        while let Some(done) = work.next().await {
            self.take_back(done);
        }
    }

    fn begin_what_is_due(&mut self, work: &mut Work) {
        work.extend(self.ask());
        let now = Instant::now();
        while self.turns.first().is_some_and(|(at, _)| *at <= now) {
            let id = self.turns.pop_first().map(|(_, id)| id);
            work.extend(id.and_then(|id| self.read(&id)));
        }
    }

    fn next_moment(&self) -> Instant {
        let ask_at = self.ask_at.filter(|_| self.directory.is_some());
        let next = self.turns.first().map(|(at, _)| *at).into_iter().chain(ask_at).min();
        next.unwrap_or_else(|| Instant::now() + self.desk.rhythm.interval)
    }

    fn ask(&mut self) -> Option<BoxFuture<'static, Done>> {
        self.ask_at.filter(|at| *at <= Instant::now())?;
        let mut directory = self.directory.take()?;
        let (retry, now) = (self.desk.rhythm.interval, self.desk.clock.now());
        let asking = async move {
            let roster = directory.ask(retry, now).await;
            Done::Asked(Box::new(directory), roster)
        };
        Some(asking.boxed())
    }

    fn read(&mut self, id: &Arc<str>) -> Option<BoxFuture<'static, Done>> {
        let mut reading = self.idle.remove(id)?;
        let lanes = self.lanes.clone();
        let turn = async move {
            lanes.run(reading.is_ailing(), || reading.step()).await;
            Done::Read(Box::new(reading))
        };
        Some(turn.boxed())
    }

    fn take_back(&mut self, done: Done) {
        match done {
            Done::Asked(directory, roster) => {
                self.ask_at = roster.next.map(|pause| Instant::now() + pause);
                self.directory = Some(*directory);
                self.take_over(roster);
                self.changes.is_known.store(true, Relaxed);
            }
            Done::Read(reading) => self.put_back(*reading),
        }
    }

    /// The account's next turn, unless it is to be read no more, or otherwise.
    fn put_back(&mut self, reading: Reading) {
        let id = reading.target().account.clone();
        match self.targets.get(&id) {
            None => self.desk.forget(&id),
            Some(target) if target != reading.target() => self.add(target.clone()),
            Some(target) => {
                let pause = self.desk.pause(self.offset(target), self.started.elapsed());
                self.turns.insert((Instant::now() + pause, id.clone()));
                self.idle.insert(id, reading);
            }
        }
    }

    /// The own account is read when the exporter starts, the others spread over the interval.
    fn offset(&self, target: &Target) -> Duration {
        let millis = u64::try_from(self.desk.rhythm.interval.as_millis()).unwrap_or(u64::MAX).max(1);
        match target.door {
            Door::Own => Duration::ZERO,
            _ => Duration::from_millis(spread(&target.account) % millis),
        }
    }

    fn take_over(&mut self, roster: Roster) {
        let is_whole = roster.failures.is_empty();
        self.tell_failures(&roster);
        if roster.targets.is_empty() && !is_whole {
            return;
        }
        if is_whole {
            self.remove_all_but(&roster.targets);
        }
        let is_first = self.targets.is_empty();
        let before = std::mem::replace(&mut self.targets, roster.targets);
        let new: Vec<_> = self.targets.values().filter(|target| before.get(&target.account) != Some(target)).collect();
        tell_new(&new, is_first);
        self.changes.note(self.targets.keys().cloned().collect(), is_whole);
        let begin: Vec<_> = new.into_iter().filter(|new| !self.is_being_read(&before, new)).cloned().collect();
        for target in begin {
            self.add(target);
        }
    }

    /// Those are replaced when they come back.
    fn is_being_read(&self, before: &BTreeMap<Arc<str>, Target>, target: &Target) -> bool {
        before.contains_key(&target.account) && !self.idle.contains_key(&target.account)
    }

    /// An account whose first turn is now.
    fn add(&mut self, target: Target) {
        let id = target.account.clone();
        self.desk.snapshots.publish(&id, None, None);
        let session = self.hubs.session(&target);
        self.turns.retain(|(_, other)| *other != id);
        self.turns.insert((Instant::now(), id.clone()));
        self.idle.insert(id, Reading::new(target, session, self.desk.clone()));
    }

    /// Accounts that went, those of an earlier run with other credentials, and the one not known by name.
    fn remove_all_but(&mut self, targets: &BTreeMap<Arc<str>, Target>) {
        for id in self.desk.snapshots.fleet().accounts.keys().filter(|id| !targets.contains_key(*id)) {
            self.desk.forget(id);
            self.idle.remove(id);
        }
    }

    /// Without an answer to whose credentials these are, no account can be read.
    fn tell_failures(&self, roster: &Roster) {
        if roster.failures.is_empty() {
            return;
        }
        let health = self.desk.health(&roster.failures, Instant::now());
        let fleet = self.desk.snapshots.fleet();
        let concerned = fleet.accounts.keys().filter(|id| !roster.targets.contains_key(*id));
        concerned.for_each(|id| self.desk.publish(id, None, &health));
        if fleet.accounts.is_empty() || !roster.targets.is_empty() {
            self.desk.publish(&UNKNOWN_ACCOUNT.into(), None, &health);
        }
    }
}

fn tell_new(new: &[&Target], is_first: bool) {
    if is_first && new.len() > 1 {
        return tracing::info!(accounts = new.len(), "reading these accounts");
    }
    for target in new {
        tracing::info!(account = %target.account, name = target.name.as_deref(), "reading this account");
    }
}

#[expect(clippy::disallowed_methods, reason = "the poller stamps what it publishes")]
fn system_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
