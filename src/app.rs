//! Wiring only: build every part, start them, stop them in order.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    accounts,
    aws::{CallLimits, ConnectError, Hub, Member, Tally},
    config::{Config, Through},
    exposition::Exposition,
    lanes::Lanes,
    policy::Policy,
    poller::{Clock, Poller, Rhythm},
    reading::Desk,
    roster::{Changes, Directory, Hubs, Shard, Sources},
    server::{BindError, Bound, Settings, Site},
    shutdown,
    snapshot::Snapshots,
    state::StateDir,
    telemetry::{MetricsError, SelfMetrics},
};

/// Why the exporter did not start, or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// An address could not be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// AWS cannot be reached as things are set up.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A profile of the configuration is not set up.
    #[error("setting up the profile {profile:?} of accounts in the configuration")]
    Profile {
        /// As configured.
        profile: Arc<str>,
        /// Why.
        source: ConnectError,
    },
    /// The exporter's own metrics could not be registered.
    #[error("registering the exporter's own metrics")]
    Metrics(#[from] MetricsError),
    /// The last known data could not be kept.
    #[error("opening the state directory {path:?}")]
    State {
        /// As configured.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Signals could not be listened for, or nothing be printed.
    #[error("talking to the system: signals, standard output")]
    System(#[from] std::io::Error),
    /// A part of the exporter stopped although nobody asked it to.
    #[error("the {part} stopped unasked; ending, so that it can be restarted whole")]
    Stopped {
        /// Which part.
        part: &'static str,
        /// Its panic, if that was it.
        #[source]
        source: Option<JoinError>,
    },
}

/// Every part built and every port bound; nothing runs yet.
pub struct App {
    bound: Bound,
    poller: Poller,
    site: Arc<ExporterSite>,
    signals: shutdown::Signals,
}

impl App {
    /// Builds every part. Whatever can fail, fails here.
    ///
    /// # Errors
    /// When a port is taken, AWS is not set up, or signals cannot be had.
    pub async fn build(config: &Config, shard: Shard, settings: Settings) -> Result<Self, AppError> {
        let telemetry_path = settings.telemetry_path.clone();
        let bound = Bound::bind(settings).await?;
        let signals = shutdown::on_signals()?;
        let (tally, changes) = (Arc::new(Tally::default()), Arc::new(Changes::default()));
        let hubs = Arc::new(connect(config, &tally).await?);
        let snapshots = Arc::new(Snapshots::default());
        let state = open_state(config, &snapshots)?;
        let directory = Directory::new(hubs.clone(), sources(config, shard), members(&snapshots), changes.clone());
        let policy = Policy::new(config);
        let (rhythm, clock) = (rhythm(config), Clock::default());
        let desk = Desk { rhythm, policy, snapshots: snapshots.clone(), state, clock };
        let lanes = Lanes::new(config.limits.concurrent_accounts);
        let poller = Poller::new(hubs, directory, desk, lanes, changes.clone());
        let metrics = SelfMetrics::new(tally, changes.clone(), shard, &config.policy)?;
        metrics.config_loaded(clock.now());
        let exposition = Exposition::new(snapshots.clone(), config);
        let site = Arc::new(ExporterSite { snapshots, exposition, metrics, changes, telemetry_path });
        Ok(Self { bound, poller, site, signals })
    }

    /// Runs until a signal, then drains.
    ///
    /// # Errors
    /// When a part stops although nobody asked it to.
    pub async fn run(self) -> Result<(), AppError> {
        let stop = CancellationToken::new();
        let mut watch = JoinSet::new();
        watch.spawn(self.signals.wait(stop.clone()));
        let mut parts = JoinSet::new();
        let (server_stop, poller_stop) = (stop.clone(), stop.clone());
        parts.spawn(async move {
            self.bound.serve(self.site, server_stop).await;
            "server"
        });
        parts.spawn(async move {
            self.poller.run(poller_stop).await;
            "poller"
        });
        let ended = wait_for(&mut parts, &stop).await;
        watch.shutdown().await;
        ended
    }
}

async fn wait_for(parts: &mut JoinSet<&'static str>, stop: &CancellationToken) -> Result<(), AppError> {
    while let Some(ended) = parts.join_next().await {
        match ended {
            Ok(_) if stop.is_cancelled() => {}
            Ok(part) => return Err(AppError::Stopped { part, source: None }),
            Err(panic) => return Err(AppError::Stopped { part: "server or the poller", source: Some(panic) }),
        }
    }
    Ok(())
}

/// What the server hands out.
struct ExporterSite {
    snapshots: Arc<Snapshots>,
    exposition: Exposition,
    metrics: SelfMetrics,
    changes: Arc<Changes>,
    telemetry_path: String,
}

impl Site for ExporterSite {
    fn metrics(&self, now: SystemTime) -> Vec<Bytes> {
        let mut page = self.exposition.page(whole_seconds(now));
        page.push(self.metrics.page());
        page
    }

    fn status_page(&self, now: SystemTime) -> String {
        self.exposition.status_page(&self.telemetry_path, whole_seconds(now))
    }

    fn is_ready(&self) -> bool {
        let fleet = self.snapshots.fleet();
        self.changes.is_known.load(Relaxed) && fleet.accounts.values().all(|account| account.health.is_some())
    }
}

/// The doors to AWS that the configuration names.
async fn connect(config: &Config, tally: &Arc<Tally>) -> Result<Hubs, AppError> {
    let limits = call_limits(config);
    let own = Hub::connect(None, limits, tally.clone()).await?;
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

/// The `accounts` command. True if every account can be read.
///
/// # Errors
/// When AWS is not set up, or the table cannot be printed.
pub async fn list_accounts(config: &Config, shard: Shard) -> Result<bool, AppError> {
    let hubs = Arc::new(connect(config, &Arc::default()).await?);
    let directory = Directory::new(hubs.clone(), sources(config, shard), Vec::new(), Arc::default());
    Ok(accounts::print(config, &hubs, directory, Clock::default().now()).await?)
}

/// Where accounts come from.
fn sources(config: &Config, shard: Shard) -> Sources {
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

/// What an earlier run knew is published at once; it says itself how old it is.
fn open_state(config: &Config, snapshots: &Snapshots) -> Result<Option<StateDir>, AppError> {
    let Some(path) = &config.state_dir else { return Ok(None) };
    let state = StateDir::open(path).map_err(|source| AppError::State { path: path.clone(), source })?;
    for account in state.load() {
        snapshots.publish(&account.id, Some(&account), None);
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

fn whole_seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
