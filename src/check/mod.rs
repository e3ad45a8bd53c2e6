//! The `check` command: every account read once, by the daemon's engine and policy, and reported.
//!
//! `read` gathers, `report` judges (`finding`, `controls`) and says what is not known (`gap`); each
//! format is a file that turns the report into text, and `output` puts it where it belongs.

mod asff;
mod controls;
mod csv;
mod finding;
mod gap;
mod json;
mod junit;
mod markdown;
pub mod output;
mod report;
mod sarif;
mod summary;
mod table;
mod text;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::time::Instant;

pub use report::{Outcome, Report, Wanted};
pub use summary::told as summary;

use crate::{
    cli::Format,
    console::Progress,
    inventory::Timestamp,
    lanes::Lanes,
    reading::{Desk, Reading},
    roster::{Directory, Hubs, Roster},
    snapshot::{Fleet, UNKNOWN_ACCOUNT},
};
use report::AccountLine;

/// What was read, and what was not.
#[derive(Clone, Debug)]
pub struct Gathered {
    /// When the reading ended; the moment that is judged for.
    pub now: Timestamp,
    /// All accounts.
    pub fleet: Arc<Fleet>,
    /// By account, operations that were not permitted and done without.
    pub denied: BTreeMap<Arc<str>, BTreeSet<&'static str>>,
    /// Why some credentials' account is not known.
    pub failures: Vec<String>,
    /// Why the organization could not be listed.
    pub unlisted: Option<String>,
    /// Whether nobody is to be read, although no shard takes them away.
    pub is_whole_roster_empty: bool,
}

/// What a table on a terminal may look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Columns of the terminal; none: as wide as need be.
    pub width: Option<usize>,
    /// Whether keys without findings are shown in tables for people.
    pub all: bool,
}

/// Reads every account that there is, each to its end.
pub async fn read(
    desk: &Arc<Desk>,
    hubs: &Hubs,
    mut directory: Directory,
    lanes: &Lanes,
    progress: &Progress,
) -> Gathered {
    let begun = Instant::now();
    let Roster { targets, failures, .. } = directory.ask(desk.rhythm.interval, desk.clock.now()).await;
    directory.note_read(&targets, failures.is_empty());
    if !failures.is_empty() {
        desk.publish(&UNKNOWN_ACCOUNT.into(), None, &desk.health(&failures, begun));
    }
    let (total, is_whole_roster_empty) = (targets.len(), targets.is_empty() && directory.is_all());
    let readings = targets.into_values().map(|target| {
        let session = hubs.session(&target);
        read_whole(Reading::new(target, session, desk.clone()), desk, lanes)
    });
    let mut readings = readings.collect::<FuturesUnordered<_>>();
    let mut denied = BTreeMap::new();
    progress.show(0, total);
    while let Some(reading) = readings.next().await {
        denied.insert(reading.target().account.clone(), reading.denied().clone());
        progress.show(denied.len(), total);
    }
    progress.end();
    let failures = failures.iter().map(crate::aws::CallError::chain).collect();
    let (now, fleet, unlisted) = (desk.clock.now(), desk.snapshots.fleet(), directory.failure().map(str::to_owned));
    Gathered { now, fleet, denied, failures, unlisted, is_whole_roster_empty }
}

/// A reading may leave to the next what has to be asked user by user; here the next follows at once.
async fn read_whole(mut reading: Reading, desk: &Desk, lanes: &Lanes) -> Reading {
    let work = || async move {
        reading.step().await;
        while desk.is_unfinished(&reading.target().account) {
            reading.step().await;
        }
        reading
    };
    lanes.run(false, work).await
}

impl Gathered {
    fn accounts(&self) -> impl Iterator<Item = AccountLine> + '_ {
        let accounts = self.fleet.accounts.iter().filter(|(id, _)| &***id != UNKNOWN_ACCOUNT);
        accounts.map(|(id, state)| AccountLine { id: id.clone(), known: state.account.clone() })
    }
}

/// The report in a form of its own; `None` for the one that the daemon's exposition writes.
///
/// # Errors
/// When a writer of a format fails, which a test would have shown.
#[must_use]
pub fn render(format: Format, report: &Report, look: Look) -> Option<std::io::Result<Vec<u8>>> {
    let text = match format {
        Format::Prometheus => return None,
        Format::Table => Ok(table::render(report, look).into_bytes()),
        Format::Markdown => Ok(markdown::render(report, look).into_bytes()),
        Format::Json => json::render(report),
        Format::Csv => csv::render(report),
        Format::Junit => junit::render(report),
        Format::Sarif => sarif::render(report),
        Format::Asff => asff::render(report),
    };
    Some(text)
}

#[cfg(test)]
mod tests;
