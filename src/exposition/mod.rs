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
    policy: Policy,
    shelf: Mutex<BTreeMap<Arc<str>, Shelved>>,
}

#[derive(Debug)]
struct Shelved {
    of: Arc<AccountState>,
    rendered: Arc<Rendered>,
}

impl Exposition {
    /// An exposition of these snapshots, judged by this policy.
    #[must_use]
    pub fn new(snapshots: Arc<Snapshots>, policy: Policy) -> Self {
        Self { snapshots, policy, shelf: Mutex::default() }
    }

    /// Every series of every account, in parts that only have to be strung together.
    #[must_use]
    pub fn page(&self, now: Timestamp) -> Vec<Bytes> {
        let accounts = self.rendered(&self.snapshots.fleet());
        let mut parts = Vec::with_capacity(FAMILIES.len() * (accounts.len() + 1));
        for (place, family) in FAMILIES.iter().enumerate() {
            let series: Vec<Bytes> =
                accounts.iter().map(|account| account.part(place, now)).filter(|part| !part.is_empty()).collect();
            if !series.is_empty() {
                parts.push(family.header());
                parts.extend(series);
            }
        }
        parts
    }

    /// The accounts and how they fare, as HTML.
    #[must_use]
    pub fn status_page(&self, now: Timestamp) -> String {
        status_page::render(&self.snapshots.fleet(), &self.policy, now)
    }

    fn rendered(&self, fleet: &Fleet) -> Vec<Arc<Rendered>> {
        let mut shelf = self.shelf.lock().expect("rendering does not panic");
        shelf.retain(|id, _| fleet.accounts.contains_key(id));
        fleet.accounts.iter().map(|(id, state)| fresh(&mut shelf, id, state, &self.policy)).collect()
    }
}

fn fresh(
    shelf: &mut BTreeMap<Arc<str>, Shelved>,
    id: &Arc<str>,
    state: &Arc<AccountState>,
    policy: &Policy,
) -> Arc<Rendered> {
    if let Some(shelved) = shelf.get(id).filter(|shelved| Arc::ptr_eq(&shelved.of, state)) {
        return shelved.rendered.clone();
    }
    let rendered = Arc::new(Rendered::new(id, state, policy));
    shelf.insert(id.clone(), Shelved { of: state.clone(), rendered: rendered.clone() });
    rendered
}

#[cfg(test)]
mod tests;
