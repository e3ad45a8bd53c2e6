//! From snapshots to text. Pure but for a cache: an account is rendered once per snapshot,
//! and only what changes with time (ages, the count of overdue keys) is written at scrape.

mod account;
pub mod family;
mod status_page;
mod text;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;

use crate::{
    config::{Labels, tag_label},
    inventory::Timestamp,
    policy::Policy,
    snapshot::{AccountState, Fleet, Snapshots},
};
use account::Rendered;
use family::FAMILIES;

/// Writes the snapshots down in the Prometheus text format 0.0.4.
#[derive(Debug)]
pub struct Exposition {
    snapshots: Arc<Snapshots>,
    judgement: Judgement,
    cache: Mutex<BTreeMap<Arc<str>, Kept>>,
}

/// What the operator's configuration adds to the nouns.
#[derive(Debug)]
struct Judgement {
    policy: Policy,
    /// Chosen tags of users, and the label of each.
    tags: Vec<(String, String)>,
}

#[derive(Debug)]
struct Kept {
    of: Arc<AccountState>,
    rendered: Arc<Rendered>,
}

impl Exposition {
    /// An exposition of these snapshots, judged by this policy, with the tags chosen here.
    #[must_use]
    pub fn new(snapshots: Arc<Snapshots>, policy: Policy, labels: &Labels) -> Self {
        let tags = labels.user_tags.iter().map(|key| (key.clone(), tag_label(key))).collect();
        Self { snapshots, judgement: Judgement { policy, tags }, cache: Mutex::default() }
    }

    /// Every series of every account, in parts that only have to be strung together.
    #[must_use]
    pub fn page(&self, now: Timestamp) -> Vec<Bytes> {
        let accounts = self.rendered(&self.snapshots.fleet());
        let mut page = Vec::with_capacity(FAMILIES.len() * (accounts.len() + 1));
        for (place, family) in FAMILIES.iter().enumerate() {
            let series: Vec<Bytes> =
                accounts.iter().map(|account| account.part(place, now)).filter(|part| !part.is_empty()).collect();
            if !series.is_empty() {
                page.push(family.header());
                page.extend(series);
            }
        }
        page
    }

    /// The accounts and how they fare, as HTML; the metrics are at this path.
    #[must_use]
    pub fn status_page(&self, telemetry_path: &str, now: Timestamp) -> String {
        status_page::render(&self.snapshots.fleet(), self.judgement.policy, telemetry_path, now)
    }

    fn rendered(&self, fleet: &Fleet) -> Vec<Arc<Rendered>> {
        let mut cache = self.cache.lock().expect("rendering does not panic");
        cache.retain(|id, _| fleet.accounts.contains_key(id));
        fleet.accounts.iter().map(|(id, state)| fresh(&mut cache, id, state, &self.judgement)).collect()
    }
}

fn fresh(
    cache: &mut BTreeMap<Arc<str>, Kept>,
    id: &Arc<str>,
    state: &Arc<AccountState>,
    judgement: &Judgement,
) -> Arc<Rendered> {
    if let Some(kept) = cache.get(id).filter(|kept| Arc::ptr_eq(&kept.of, state)) {
        return kept.rendered.clone();
    }
    let rendered = Arc::new(Rendered::new(id, state, judgement));
    cache.insert(id.clone(), Kept { of: state.clone(), rendered: rendered.clone() });
    rendered
}

#[cfg(test)]
mod tests;
