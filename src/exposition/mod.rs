//! From snapshots to text. Pure but for a cache: an account is rendered once per snapshot,
//! and only what changes with time (ages, the count of overdue keys) is written at scrape, once a
//! second.

mod account;
pub mod family;
mod lines;
pub mod part;
mod text;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, Weak},
};

use crate::{
    config::{Config, Exemption, tag_label},
    inventory::Timestamp,
    key_ids::KeyIds,
    policy::Policy,
    snapshot::{AccountState, Fleet, Snapshots},
};
use account::Rendered;
use family::{EXEMPTION_KEYS, FAMILIES};
use lines::Scratch;
use part::{Part, Parts};

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
    latest: Option<Latest>,
}

/// The page of one second, for all who ask within it.
#[derive(Debug)]
struct Latest {
    at: Timestamp,
    of: Weak<Fleet>,
    page: Arc<[Arc<Part>]>,
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

/// What was rendered last; it does not keep what it was rendered from.
#[derive(Debug)]
struct Kept {
    of: Weak<AccountState>,
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
    ///
    /// # Panics
    /// When an earlier rendering did; it does not.
    #[must_use]
    pub fn page(&self, now: Timestamp) -> Arc<[Arc<Part>]> {
        let fleet = self.snapshots.fleet();
        let mut cache = self.cache.lock().expect("rendering does not panic");
        let of = Arc::downgrade(&fleet);
        if let Some(latest) = cache.latest.as_ref().filter(|latest| latest.at == now && latest.of.ptr_eq(&of)) {
            return latest.page.clone();
        }
        let page = self.parts(&cache.rendered(&fleet, &self.judgement), now);
        cache.latest = Some(Latest { at: now, of, page: page.clone() });
        page
    }

    fn parts(&self, accounts: &[Arc<Rendered>], now: Timestamp) -> Arc<[Arc<Part>]> {
        let mut parts = Parts::default();
        for (place, family) in FAMILIES.iter().enumerate() {
            parts.family(&family.header(), |parts| {
                for account in accounts {
                    account.write(place, now, parts);
                }
                if place == EXEMPTION_KEYS {
                    parts.loose().extend_from_slice(self.exemption_keys(accounts).as_bytes());
                }
            });
        }
        parts.finish()
    }

    /// One series for each exemption of the configuration, whatever account it is in.
    fn exemption_keys(&self, accounts: &[Arc<Rendered>]) -> String {
        let mut out = String::new();
        for (place, Exemption { whom, until, reason }) in self.judgement.exemptions.iter().enumerate() {
            let keys: usize = accounts.iter().map(|account| account.exempted[place]).sum();
            let labels: [(&str, &str); 4] =
                [("account", &whom.account), ("user", &whom.user), ("until", &until.text), ("reason", reason)];
            text::integer(&mut out, FAMILIES[EXEMPTION_KEYS].name, &labels, i64::try_from(keys).unwrap_or(i64::MAX));
        }
        out
    }
}

impl Cache {
    fn rendered(&mut self, fleet: &Fleet, judgement: &Judgement) -> Vec<Arc<Rendered>> {
        self.accounts.retain(|id, _| fleet.accounts.contains_key(id));
        fleet.accounts.iter().map(|(id, state)| self.account(id, state, judgement)).collect()
    }

    fn account(&mut self, id: &Arc<str>, state: &Arc<AccountState>, judgement: &Judgement) -> Arc<Rendered> {
        let (of, before) = (Arc::downgrade(state), self.accounts.get(id));
        if let Some(kept) = before.filter(|kept| kept.of.ptr_eq(&of)) {
            return kept.rendered.clone();
        }
        let before = before.map(|kept| &*kept.rendered);
        let rendered = Arc::new(Rendered::new((id, state), judgement, before, &mut self.scratch));
        self.accounts.insert(id.clone(), Kept { of, rendered: rendered.clone() });
        rendered
    }
}

#[cfg(test)]
mod tests;
