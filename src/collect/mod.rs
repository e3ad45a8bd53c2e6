//! Asks AWS and turns the answers into nouns.
//!
//! A poll asks in this order, so that what can page somebody is true first:
//! 1. `census`: who has keys, when AWS has something new to say of that;
//! 2. `due`: the users whose keys are due, read directly, every poll;
//! 3. `identity`: the ids of keys that the census could only tell of;
//! 4. `backlog`: what can only be asked user by user, as far as the time goes.
//!
//! The last two end with their share of the interval, and go on in the next poll.
//! Whatever is not answered stays as last known and is told as a shortfall.

mod backlog;
mod census;
mod due;
mod identity;
mod listing;
mod report;
mod wire;

pub(crate) use wire::{last_use, list_access_keys, user_details};

use std::{collections::BTreeMap, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use tokio::time::Instant;

use crate::{
    aws::{Attempt, CallError, Session},
    inventory::{Account, Timestamp, User},
};

/// Users asked about between two looks at the clock.
const BATCH: usize = 20;

/// Calls under way at once for one account: enough to keep its pace at 1 s per answer.
const PARALLEL: usize = 8;

/// From when on an active key that this user created at this time is overdue.
pub type OverdueAfter<'a> = dyn Fn(&User, Timestamp) -> Timestamp + Send + Sync + 'a;

/// What a poll needs to know.
pub struct Poll<'a> {
    /// The line to the account.
    pub session: &'a Session,
    /// Now; the data time of everything that is read directly.
    pub started_at: Timestamp,
    /// The same moment, to measure from.
    pub begun: Instant,
    /// Seconds between polls.
    pub interval: i64,
    /// How long the poll may go on with what can wait for the next.
    pub slice: Duration,
    /// The policy's word on a key.
    pub overdue_after: &'a OverdueAfter<'a>,
}

/// The door for the fuzzer; the parser is nobody else's business.
#[cfg(fuzzing)]
pub fn assert_report_sound(content: &[u8]) {
    report::assert_sound(content);
}

/// The door for the benchmark: how many users a credential report has, if it can be read.
#[doc(hidden)]
#[must_use]
pub fn users_of_report(content: &[u8]) -> Option<usize> {
    report::parse(content).ok().map(|report| report.rows.len())
}

/// Asks one question for each, several at once; questions are made as there is room for them.
fn ask_each<T, F: Future>(of: impl IntoIterator<Item = T>, ask: impl FnMut(T) -> F) -> impl Stream<Item = F::Output> {
    stream::iter(of.into_iter().map(ask)).buffer_unordered(PARALLEL)
}

/// Asks the account one cheap question.
///
/// # Errors
/// When it is not answered.
pub async fn probe(session: &Session) -> Attempt<()> {
    wire::root_keys_present(session).await.map(drop)
}

/// What a poll could not read.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What it set out to read and did not get; the old values stand.
    pub shortfalls: Vec<CallError>,
    /// Operations that one can do without, and whether they were permitted, as far as AWS said.
    pub permissions: BTreeMap<&'static str, bool>,
    /// Users of the census are left to the next poll, which will find the census as open as this one.
    pub is_cut: bool,
}

/// Reads the account, beginning from what is known. `publish` is called as soon as
/// every key that is due has been confirmed, before the rest is complete.
pub async fn read(poll: &Poll<'_>, account: &mut Account, publish: &(dyn Fn(&Account) + Send + Sync)) -> Outcome {
    let mut outcome = Outcome::default();
    let counted = outcome.optional(&["GetAccountSummary"], wire::root_keys_present(poll.session).await);
    account.count_root_keys(counted, poll.started_at);
    let is_new = account.census.next_at <= poll.started_at;
    let taken = if is_new { census::take(poll, account, &mut outcome).await } else { census::Taken::default() };
    due::confirm(poll, account, &taken, &mut outcome).await;
    publish(account);
    identity::resolve(poll, account, &taken, &mut outcome).await;
    backlog::proceed(poll, account, publish, &mut outcome).await;
    taken.close(poll, account, &outcome);
    outcome
}

impl Poll<'_> {
    /// The time now, by the clock that gave `started_at`.
    fn now(&self) -> Timestamp {
        self.started_at + i64::try_from(self.begun.elapsed().as_secs()).unwrap_or(0)
    }

    /// Whether what can wait for the next poll has to.
    fn is_late(&self) -> bool {
        self.begun.elapsed() >= self.slice
    }
}

impl Outcome {
    /// The answer, if there was one; a shortfall if not.
    fn required<T>(&mut self, answer: Attempt<T>) -> Option<T> {
        answer.map_err(|error| self.shortfalls.push(error)).ok()
    }

    /// The same, but where it is not permitted one does without.
    /// An answer shows that these operations are permitted.
    fn optional<T>(&mut self, operations: &[&'static str], answer: Attempt<T>) -> Option<T> {
        match answer {
            Err(error) if error.is_not_permitted() => {
                self.permissions.insert(error.operation, false);
                None
            }
            Err(error) => self.required(Err(error)),
            Ok(answer) => {
                for operation in operations {
                    self.permissions.entry(operation).or_insert(true);
                }
                Some(answer)
            }
        }
    }

    fn is_denied(&self, operation: &str) -> bool {
        self.permissions.get(operation) == Some(&false)
    }
}

impl Account {
    /// A count of root keys, unless there is a later one. None left means that those of the report are gone;
    /// AWS says 1 for two as well, and then the report knows better.
    fn count_root_keys(&mut self, counted: Option<u32>, at: Timestamp) {
        let told = u32::try_from(self.root.keys.len()).unwrap_or(u32::MAX);
        if let Some(counted) = counted.filter(|_| self.root_counted_at.is_none_or(|known| known <= at)) {
            let present = if counted == 0 { 0 } else { counted.max(told) };
            (self.root_keys_present, self.root_counted_at) = (Some(present), Some(at));
        }
        if self.root_keys_present == Some(0) {
            self.root.keys.clear();
        }
    }
}
