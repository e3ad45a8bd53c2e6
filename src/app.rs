//! Wiring only: build every part, start them, stop them in order.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    aws::{CallLimits, ConnectError, Hub, Tally},
    config::Config,
    exposition::Exposition,
    policy::Policy,
    poller::{Clock, Poller, Rhythm},
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
    /// Signals could not be listened for.
    #[error("listening for signals")]
    Signals(#[from] std::io::Error),
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
    pub async fn build(config: &Config, settings: Settings) -> Result<Self, AppError> {
        let telemetry_path = settings.telemetry_path.clone();
        let bound = Bound::bind(settings).await?;
        let signals = shutdown::on_signals()?;
        let tally = Arc::new(Tally::default());
        let hub = Hub::connect(call_limits(config), tally.clone()).await?;
        let snapshots = Arc::new(Snapshots::default());
        let state = open_state(config, &snapshots)?;
        let policy = Policy::new(config.policy.max_age);
        let poller = Poller::new(hub, rhythm(config), policy, snapshots.clone()).with_state(state);
        let metrics = SelfMetrics::new(tally, &config.policy)?;
        metrics.config_loaded(Clock::default().now());
        let exposition = Exposition::new(snapshots.clone(), policy, &config.labels);
        let site = Arc::new(ExporterSite { snapshots, exposition, metrics, telemetry_path });
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
        !fleet.accounts.is_empty() && fleet.accounts.values().all(|account| account.health.is_some())
    }
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
