//! The parts that a configuration decides about: built at the start, and anew at each reload.

use std::{collections::BTreeMap, sync::Arc};

use super::AppError;
use crate::{
    aws::{CallLimits, Hub, Member, Tally},
    config::{Config, Through},
    exposition::Exposition,
    lanes::Lanes,
    policy::Policy,
    poller::{Clock, Poller, Rhythm},
    reading::Desk,
    roster::{Changes, Directory, Hubs, Shard, Sources},
    snapshot::Snapshots,
    state::StateDir,
    status_page::StatusPage,
};

/// What stays from one configuration to the next.
#[derive(Default)]
pub(super) struct Ground {
    pub(super) shard: Shard,
    pub(super) clock: Clock,
    pub(super) tally: Arc<Tally>,
    pub(super) changes: Arc<Changes>,
    pub(super) snapshots: Arc<Snapshots>,
}

impl Ground {
    /// What reads accounts as configured. Nothing is asked yet.
    pub(super) async fn poller(&self, config: &Config) -> Result<Poller, AppError> {
        let Self { shard, clock, tally, changes, snapshots } = self;
        let hubs = Arc::new(connect(config, None, tally).await?);
        let state = open_state(config, snapshots)?;
        let directory = Directory::new(hubs.clone(), sources(config, *shard), members(snapshots), changes.clone());
        let (rhythm, policy, clock) = (rhythm(config), Policy::new(config), *clock);
        let desk = Desk { rhythm, policy, snapshots: snapshots.clone(), state, clock };
        Ok(Poller::new(hubs, directory, desk, Lanes::new(config.limits.concurrent_accounts), changes.clone()))
    }

    pub(super) fn exposition(&self, config: &Config) -> Exposition {
        Exposition::new(self.snapshots.clone(), config)
    }

    pub(super) fn status_page(&self, config: &Config, telemetry_path: &str) -> StatusPage {
        StatusPage::new(self.snapshots.clone(), config, telemetry_path)
    }
}

/// The doors to AWS that the configuration names. The first is this profile's, or the ambient credentials'.
pub(super) async fn connect(config: &Config, own: Option<&str>, tally: &Arc<Tally>) -> Result<Hubs, AppError> {
    let limits = call_limits(config);
    let own = Hub::connect(own, limits, tally.clone()).await?;
    let mut profiles = BTreeMap::new();
    for entry in &config.accounts {
        if let Through::Profile(profile) = &entry.through {
            let hub = Hub::connect(Some(profile), limits, tally.clone()).await;
            let hub = hub.map_err(|source| AppError::Profile { profile: profile.clone(), source })?;
            profiles.insert(profile.clone(), hub);
        }
    }
    Ok(Hubs { own, profiles })
}

/// Where accounts come from.
pub(super) fn sources(config: &Config, shard: Shard) -> Sources {
    let Config { own_account, accounts, organization, .. } = config.clone();
    Sources { own_account, listed: accounts, organization, shard }
}

/// What an earlier run knew of the organization: its accounts are read until it can be asked anew.
#[must_use]
pub fn members(snapshots: &Snapshots) -> Vec<Member> {
    let known = snapshots.fleet();
    let accounts = known.accounts.values().filter_map(|state| state.account.as_deref());
    accounts
        .map(|account| Member {
            id: account.id.clone(),
            name: account.name.clone().unwrap_or_default(),
            is_active: true,
            units: None,
        })
        .collect()
}

/// What an earlier run knew is published at once; it says itself how old it is. What this run knows is newer.
fn open_state(config: &Config, snapshots: &Snapshots) -> Result<Option<StateDir>, AppError> {
    let Some(path) = &config.state_dir else { return Ok(None) };
    let state = StateDir::open(path).map_err(|source| AppError::State { path: path.clone(), source })?;
    let fleet = snapshots.fleet();
    for account in state.load().iter().filter(|account| !fleet.accounts.contains_key(&account.id)) {
        snapshots.publish(&account.id, Some(account), None);
    }
    Ok(Some(state))
}

fn call_limits(config: &Config) -> CallLimits {
    CallLimits {
        requests_per_second: config.limits.requests_per_second,
        attempt_timeout: config.limits.attempt_timeout,
        throttle_patience: config.poll_interval,
    }
}

fn rhythm(config: &Config) -> Rhythm {
    Rhythm { interval: config.poll_interval, poll_timeout: config.limits.poll_timeout }
}
