//! Asks AWS who there is.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use super::{Door, Known, Sources, Target, targets};
use crate::{
    aws::{Attempt, CallError, Caller, Hub, Member, Session},
    config::{AccountFilter, Organization},
    inventory::Timestamp,
    snapshot::UNKNOWN_ACCOUNT,
};

/// The doors to AWS: the ambient credentials, and those of each profile.
#[derive(Clone, Debug)]
pub struct Hubs {
    /// The ambient credentials.
    pub own: Hub,
    /// By profile.
    pub profiles: BTreeMap<Arc<str>, Hub>,
}

impl Hubs {
    /// A line to this account.
    #[must_use]
    pub fn session(&self, target: &Target) -> Session {
        match &target.door {
            Door::Own => self.own.session(&target.account),
            Door::Role(role) => self.own.session_in(role),
            Door::Profile(profile) => self.profiles.get(profile).unwrap_or(&self.own).session(&target.account),
        }
    }
}

/// What became of the list of accounts since the start, for the metrics.
#[derive(Debug, Default)]
pub struct Changes {
    /// Accounts that are read.
    pub accounts: AtomicU64,
    /// Accounts that came.
    pub added: AtomicU64,
    /// Accounts that went.
    pub removed: AtomicU64,
    /// Whether it was asked once who there is.
    pub is_known: AtomicBool,
    /// Whether there is an organization to be listed.
    pub has_organization: AtomicBool,
    /// When it was last listed whole; 0 before.
    pub listed_at: AtomicI64,
    /// Accounts that are read, by name.
    read: Mutex<BTreeSet<Arc<str>>>,
}

impl Changes {
    /// From now on these accounts are read; unless they are not all, the others as well.
    pub fn note(&self, accounts: BTreeSet<Arc<str>>, are_all: bool) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *read, accounts);
        if !are_all {
            read.extend(before.iter().cloned());
        }
        self.accounts.store(count(read.iter()), Relaxed);
        self.added.fetch_add(count(read.difference(&before)), Relaxed);
        self.removed.fetch_add(count(before.difference(&read)), Relaxed);
        for account in before.difference(&read) {
            tracing::info!(%account, "this account is not read any more: it left the organization, is not active, excluded or not configured");
        }
    }
}

fn count<'a>(accounts: impl Iterator<Item = &'a Arc<str>>) -> u64 {
    accounts.fold(0, |count, _| count + 1)
}

/// Knows who there is, as far as it was answered.
#[derive(Debug)]
pub struct Directory {
    hubs: Arc<Hubs>,
    sources: Sources,
    own: Option<Caller>,
    profiles: BTreeMap<Arc<str>, Caller>,
    members: Option<Vec<Member>>,
    listing: Listing,
    changes: Arc<Changes>,
}

#[derive(Debug, Default)]
struct Listing {
    session: Option<Session>,
    failure: Option<String>,
}

/// Who is to be read, and whom nothing could be learnt of.
#[derive(Debug, Default)]
pub struct Roster {
    /// By account id.
    pub targets: BTreeMap<Arc<str>, Target>,
    /// Why some are missing.
    pub failures: Vec<CallError>,
    /// Until this is asked again; `None` for never.
    pub next: Option<Duration>,
}

impl Directory {
    /// A directory that has not asked yet. `members` are accounts of the organization that an earlier run knew.
    #[must_use]
    pub fn new(hubs: Arc<Hubs>, sources: Sources, members: Vec<Member>, changes: Arc<Changes>) -> Self {
        let members = (!members.is_empty()).then_some(members);
        let (own, profiles, listing) = (None, BTreeMap::new(), Listing::default());
        Self { hubs, sources, own, profiles, members, listing, changes }
    }

    /// Asks who there is. What is not answered stays as it was known; `retry` is then the pause.
    pub async fn ask(&mut self, retry: Duration, now: Timestamp) -> Roster {
        let mut failures = Vec::new();
        self.changes.has_organization.store(self.sources.organization.is_some(), Relaxed);
        self.identify_own(&mut failures).await;
        self.identify_profiles(&mut failures).await;
        let is_listed = self.list_members(now).await;
        let is_answered = failures.is_empty() && is_listed;
        let refresh = self.sources.organization.as_ref().map(|organization| organization.refresh_interval);
        let known = Known {
            own: self.own.as_ref(),
            profiles: self.profiles.clone(),
            members: self.members.as_deref().unwrap_or_default(),
        };
        let targets = targets(&self.sources, &known);
        Roster { targets, failures, next: if is_answered { refresh } else { Some(retry) } }
    }

    /// From now on these are read.
    pub fn note_read(&self, targets: &BTreeMap<Arc<str>, Target>, are_all: bool) {
        self.changes.note(targets.keys().cloned().collect(), are_all);
        self.changes.is_known.store(true, Relaxed);
    }

    /// Whether no part of the accounts is left to other processes.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.sources.shard.total == 1
    }

    /// Why the organization could not be listed the last time.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.listing.failure.as_deref()
    }

    async fn identify_own(&mut self, failures: &mut Vec<CallError>) {
        if self.own.is_none() {
            match self.hubs.own.identify(&UNKNOWN_ACCOUNT.into()).await {
                Ok(caller) => {
                    tracing::info!(account = %caller.account, partition = %caller.partition, "these are our credentials");
                    self.own = Some(caller);
                }
                Err(error) => failures.push(error),
            }
        }
    }

    async fn identify_profiles(&mut self, failures: &mut Vec<CallError>) {
        for (profile, hub) in &self.hubs.profiles {
            if self.profiles.contains_key(profile) {
                continue;
            }
            match hub.identify(&UNKNOWN_ACCOUNT.into()).await {
                Ok(caller) => drop(self.profiles.insert(profile.clone(), caller)),
                Err(error) => failures.push(CallError { on: format!("profile {profile}"), ..error }),
            }
        }
    }

    /// True if there is nothing to be listed, or it was.
    async fn list_members(&mut self, now: Timestamp) -> bool {
        let Some((organization, own)) = self.sources.organization.as_ref().zip(self.own.as_ref()) else { return true };
        let session = self.listing.session.get_or_insert_with(|| self.hubs.own.session(&own.account));
        let listed = self.hubs.own.members(session, &units(organization)).await;
        self.tell(&listed);
        self.listing.failure = listed.as_ref().err().map(CallError::chain);
        if let Ok(members) = listed {
            self.changes.listed_at.store(now, Relaxed);
            self.members = Some(members);
        }
        self.listing.failure.is_none()
    }

    /// Says once that the organization cannot be listed, and once that it can again.
    fn tell(&self, listed: &Attempt<Vec<Member>>) {
        match listed {
            Err(error) if self.listing.failure.is_none() => {
                let (error, known) = (error.chain(), self.members.as_ref().map_or(0, Vec::len));
                tracing::warn!(error, known, "the organization could not be listed; going on with what is known");
            }
            Ok(members) if self.listing.failure.is_some() => {
                tracing::info!(accounts = members.len(), "the organization is listed again");
            }
            _ => {}
        }
    }
}

fn units(organization: &Organization) -> Vec<&str> {
    organization.include.iter().chain(&organization.exclude).filter_map(unit_id).collect()
}

fn unit_id(filter: &AccountFilter) -> Option<&str> {
    match filter {
        AccountFilter::Unit(unit) => Some(unit),
        _ => None,
    }
}
