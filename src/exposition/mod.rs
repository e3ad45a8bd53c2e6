//! From snapshots to text. Pure but for a cache: an account is rendered once per snapshot,
//! and only what changes with time (ages, the count of overdue keys) is written at scrape.

mod account;
pub mod family;
mod text;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;

use crate::{
    config::{Config, Exemption, tag_label},
    inventory::Timestamp,
    key_ids::KeyIds,
    policy::Policy,
    snapshot::{AccountState, Fleet, Snapshots},
};
use account::{Rendered, Scratch};
use family::{EXEMPTION_KEYS, FAMILIES};

/// Writes the snapshots down in the Prometheus text format 0.0.4.
#[derive(Debug)]
pub struct Exposition {
    snapshots: Arc<Snapshots>,
    judgement: Judgement,
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    accounts: BTreeMap<Arc<str>, Kept>,
    scratch: Scratch,
}

/// What the operator's configuration adds to the nouns.
#[derive(Debug)]
struct Judgement {
    policy: Policy,
    key_ids: KeyIds,
    /// Chosen tags of users, and the label of each.
    tags: Vec<(String, String)>,
    /// Those of the configuration, in its order.
    exemptions: Vec<Exemption>,
}

#[derive(Debug)]
struct Kept {
    of: Arc<AccountState>,
    rendered: Arc<Rendered>,
}

impl Exposition {
    /// An exposition of these snapshots, judged and labelled as configured.
    #[must_use]
    pub fn new(snapshots: Arc<Snapshots>, config: &Config) -> Self {
        let tags = config.labels.user_tags.iter().map(|key| (key.clone(), tag_label(key))).collect();
        let judgement = Judgement {
            policy: Policy::new(config),
            key_ids: config.labels.access_key_id.clone(),
            tags,
            exemptions: config.exemptions.clone(),
        };
        Self { snapshots, judgement, cache: Mutex::default() }
    }

    /// Every series of every account, in parts that only have to be strung together.
    #[must_use]
    pub fn page(&self, now: Timestamp) -> Vec<Bytes> {
        let accounts = self.rendered(&self.snapshots.fleet());
        let mut page = Vec::with_capacity(FAMILIES.len() * (accounts.len() + 1));
        for (place, family) in FAMILIES.iter().enumerate() {
            let parts = accounts.iter().map(|account| account.part(place, now));
            let whole = (place == EXEMPTION_KEYS).then(|| self.exemption_keys(&accounts));
            let series: Vec<Bytes> = parts.chain(whole).filter(|part| !part.is_empty()).collect();
            if !series.is_empty() {
                page.push(family.header());
                page.extend(series);
            }
        }
        page
    }

    /// One series for each exemption of the configuration, whatever account it is in.
    fn exemption_keys(&self, accounts: &[Arc<Rendered>]) -> Bytes {
        let mut out = String::new();
        for (place, Exemption { whom, until, reason }) in self.judgement.exemptions.iter().enumerate() {
            let keys: usize = accounts.iter().map(|account| account.exempted[place]).sum();
            let labels: [(&str, &str); 4] =
                [("account", &whom.account), ("user", &whom.user), ("until", &until.text), ("reason", reason)];
            text::integer(&mut out, FAMILIES[EXEMPTION_KEYS].name, &labels, i64::try_from(keys).unwrap_or(i64::MAX));
        }
        out.into()
    }

    fn rendered(&self, fleet: &Fleet) -> Vec<Arc<Rendered>> {
        let mut cache = self.cache.lock().expect("rendering does not panic");
        cache.accounts.retain(|id, _| fleet.accounts.contains_key(id));
        fleet.accounts.iter().map(|(id, state)| fresh(&mut cache, id, state, &self.judgement)).collect()
    }
}

fn fresh(cache: &mut Cache, id: &Arc<str>, state: &Arc<AccountState>, judgement: &Judgement) -> Arc<Rendered> {
    if let Some(kept) = cache.accounts.get(id).filter(|kept| Arc::ptr_eq(&kept.of, state)) {
        return kept.rendered.clone();
    }
    let rendered = Arc::new(Rendered::new(id, state, judgement, &mut cache.scratch));
    cache.accounts.insert(id.clone(), Kept { of: state.clone(), rendered: rendered.clone() });
    rendered
}

#[cfg(test)]
mod tests;
