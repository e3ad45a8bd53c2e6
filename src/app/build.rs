//! The parts that a configuration decides about: built at the start, and anew at each reload.

use std::{collections::BTreeMap, sync::Arc};

use super::AppError;
use crate::{
    aws::{CallLimits, Hub, Member, Tally, Without},
    config::{Config, Through},
    exposition::Exposition,
    inventory::Account,
    lanes::Lanes,
    policy::Policy,
    poller::{Clock, Poller, Rhythm},
    reading::Desk,
    roster::{Changes, Directory, Hubs, Shard, Sources},
    snapshot::{Snapshots, UNKNOWN_ACCOUNT},
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
        let kept = Kept::open(config, snapshots)?;
        let hubs = Arc::new(connect(config, None, kept.without_credentials(snapshots), tally).await?);
        let state = kept.publish(snapshots);
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
pub(super) async fn connect(
    config: &Config,
    own: Option<&str>,
    without: Without,
    tally: &Arc<Tally>,
) -> Result<Hubs, AppError> {
    let limits = call_limits(config);
    let own = Hub::connect(own, without, limits, tally.clone()).await?;
    let mut profiles = BTreeMap::new();
    for entry in &config.accounts {
        if let Through::Profile(profile) = &entry.through {
            let hub = Hub::connect(Some(profile), without, limits, tally.clone()).await;
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
    let accounts = known.accounts.iter().filter(|(id, _)| ***id != *UNKNOWN_ACCOUNT);
    accounts
        .map(|(id, state)| Member {
            id: id.clone(),
            name: state.account.as_ref().and_then(|account| account.name.clone()).unwrap_or_default(),
            is_active: true,
            units: None,
        })
        .collect()
}

/// What an earlier run knew, where it is to be kept.
struct Kept {
    state: Option<StateDir>,
    accounts: Vec<Arc<Account>>,
}

impl Kept {
    /// What this run knows is newer.
    fn open(config: &Config, snapshots: &Snapshots) -> Result<Self, AppError> {
        let Some(path) = &config.state_dir else { return Ok(Self { state: None, accounts: Vec::new() }) };
        let state = StateDir::open(path).map_err(|source| AppError::State { path: path.clone(), source })?;
        let fleet = snapshots.fleet();
        let accounts = state.load_others(|id| fleet.accounts.contains_key(id));
        Ok(Self { state: Some(state), accounts })
    }

    /// An instance whose metadata do not answer must not take away what is known. A reload takes nothing away.
    fn without_credentials(&self, snapshots: &Snapshots) -> Without {
        let is_start = snapshots.fleet().accounts.is_empty();
        if is_start && !self.accounts.is_empty() { Without::GoOn } else { Without::Refuse }
    }

    /// At once; it says itself how old it is.
    fn publish(self, snapshots: &Snapshots) -> Option<StateDir> {
        self.accounts.iter().for_each(|account| snapshots.publish(&account.id, Some(account), None));
        self.state
    }
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
