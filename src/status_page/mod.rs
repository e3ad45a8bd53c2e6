//! The page for people without Grafana at hand: what is overdue, whose it is, how fresh the
//! data is, what is broken.
//!
//! Pure: snapshot, policy, what a reader asks for and the time → HTML. `query` is what is asked
//! for, `judged` what is worked out once per snapshot, `survey` counts and picks, `view` puts it
//! into words, `page.html` around them. It needs no script and runs none: names and errors are
//! chosen by others, so the template escapes them and the server's headers forbid the rest.

mod judged;
mod options;
mod query;
mod rows;
mod survey;
#[cfg(test)]
mod tests;
mod view;
mod words;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use askama::Template as _;

use crate::{
    config::Config,
    inventory::{Account, Timestamp},
    key_ids::KeyIds,
    policy::{Policy, seconds},
    snapshot::{Fleet, Snapshots},
};
use judged::{Judged, Kept};
use query::Query;
use survey::{Entry, Light};
use view::View;

/// The stylesheet that stands in the page.
pub const STYLE: &str = include_str!("style.css");

/// Older than this, due keys are called old although no reading failed; as the alert has it, unless
/// they are read more seldom.
const OLD_DUE_KEYS: Duration = Duration::from_hours(2);

/// Makes the page of these snapshots.
#[derive(Debug)]
pub struct StatusPage {
    snapshots: Arc<Snapshots>,
    policy: Policy,
    key_ids: KeyIds,
    /// Chosen tags of users; the first says who owns them.
    tags: Vec<String>,
    warn_before: i64,
    max_idle: i64,
    old_due_keys: i64,
    telemetry_path: String,
    kept: Mutex<BTreeMap<Arc<str>, Kept>>,
}

impl StatusPage {
    /// A page of these snapshots, judged and labelled as configured; the metrics are at this path.
    #[must_use]
    pub fn new(snapshots: Arc<Snapshots>, config: &Config, telemetry_path: &str) -> Self {
        let mut tags = config.labels.user_tags.clone();
        tags.sort_by_key(|tag| !tag.eq_ignore_ascii_case("owner"));
        Self {
            snapshots,
            policy: Policy::new(config),
            key_ids: config.labels.access_key_id.clone(),
            tags,
            warn_before: seconds(config.policy.warn_before),
            max_idle: seconds(config.policy.max_idle),
            old_due_keys: seconds(OLD_DUE_KEYS.max(2 * config.poll_interval)),
            telemetry_path: telemetry_path.to_owned(),
            kept: Mutex::default(),
        }
    }

    /// The HTML for what stands behind the question mark of the address. Any text leads to a page.
    #[must_use]
    pub fn html(&self, query: &str, now: Timestamp) -> String {
        let entries = self.entries(&self.snapshots.fleet());
        let view = View::new(self, &entries, Query::parse(query), now);
        view.render().unwrap_or_else(|error| format!("The page could not be made: {error}\n"))
    }

    fn light(&self, now: Timestamp) -> Light<'_> {
        let owner_tag = self.tags.first().map(String::as_str);
        Light { now, warn_before: self.warn_before, old_due_keys: self.old_due_keys, owner_tag }
    }

    fn entries(&self, fleet: &Fleet) -> Vec<Entry> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|id, _| fleet.accounts.contains_key(id));
        let accounts = fleet.accounts.iter();
        accounts
            .map(|(id, state)| {
                let judged = state.account.as_ref().map(|account| self.judged(&mut kept, id, account));
                Entry { id: id.clone(), state: state.clone(), judged }
            })
            .collect()
    }

    fn judged(&self, kept: &mut BTreeMap<Arc<str>, Kept>, id: &Arc<str>, account: &Arc<Account>) -> Judged {
        if let Some(judged) = kept.get(id).and_then(|kept| kept.judged(account)) {
            return judged;
        }
        let judged = Judged::new(account, &self.policy, self.tags.first().map(String::as_str));
        kept.insert(id.clone(), Kept::of(&judged));
        judged
    }
}
