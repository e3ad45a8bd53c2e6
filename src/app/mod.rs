//! Wiring only: build every part, start them, change them at a reload, stop them in order.

mod build;
mod check;
mod site;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    select,
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{
    accounts,
    aws::{ConnectError, Without},
    causes,
    config::Config,
    poller::{Clock, Poller},
    reload::{self, Asked, Origin, Refusal, Wishes},
    roster::{Directory, Shard},
    server::{BindError, Bound, Front, Fronts, Settings, TlsError},
    shutdown,
    supervisor::Supervisor,
    telemetry::{MetricsError, SelfMetrics},
};
pub use build::members;
use build::{Ground, connect, sources};
pub use check::check;
use site::ExporterSite;

/// Why the exporter did not start, or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// An address could not be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// AWS cannot be reached as things are set up.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The line cannot be protected as configured.
    #[error("protecting the line as the web configuration wants it")]
    Tls(#[from] TlsError),
    /// The configuration in use stays.
    #[error(transparent)]
    Refused(#[from] Refusal),
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
    /// A report could not be written.
    #[error("writing the report to {path:?}")]
    Output {
        /// As given.
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
    stage: Stage,
    asked: Asked,
    signals: shutdown::Signals,
}

/// What a reload changes.
struct Stage {
    wishes: Wishes,
    site: Arc<ExporterSite>,
    fronts: Fronts,
    supervisor: Supervisor,
}

impl App {
    /// Builds every part. Whatever can fail, fails here.
    ///
    /// # Errors
    /// When a port is taken, AWS or TLS is not set up, or signals cannot be had.
    pub async fn build(
        wishes: Wishes,
        (origin, look_every): (Origin, Duration),
        shard: Shard,
        settings: Settings,
    ) -> Result<Self, AppError> {
        let telemetry_path = settings.telemetry_path.clone();
        let fronts = Arc::new(ArcSwap::from_pointee(Front::new(&wishes.web)?));
        let bound = Bound::bind(settings).await?;
        let signals = shutdown::on_signals()?;
        let (reload, asked) = reload::on_request(origin, &wishes, look_every)?;
        let ground = Arc::new(Ground { shard, ..Ground::default() });
        let poller = ground.poller(&wishes.config).await?;
        let metrics = SelfMetrics::new(ground.tally.clone(), ground.changes.clone(), shard, &wishes.config.policy)?;
        metrics.config_reloaded(true, ground.clock.now());
        let exposition = ArcSwap::from_pointee(ground.exposition(&wishes.config));
        let status_page = ArcSwap::from_pointee(ground.status_page(&wishes.config, &telemetry_path));
        let site = Arc::new(ExporterSite {
            ground,
            exposition,
            metrics,
            latest: Mutex::default(),
            status_page,
            telemetry_path,
            reload,
        });
        Ok(Self {
            bound,
            poller,
            stage: Stage { wishes, site, fronts, supervisor: Supervisor::from_environment() },
            asked,
            signals,
        })
    }

    /// Runs until a signal, then drains.
    ///
    /// # Errors
    /// When a part stops although nobody asked it to.
    pub async fn run(self) -> Result<(), AppError> {
        let Self { bound, poller, stage, asked, signals } = self;
        let stop = CancellationToken::new();
        let mut watch = JoinSet::new();
        watch.spawn(signals.wait(stop.clone()));
        watch.spawn(tell(stage.supervisor, stop.clone()));
        let mut parts = JoinSet::new();
        let (site, fronts) = (stage.site.clone(), stage.fronts.clone());
        let (server_stop, poller_stop) = (stop.clone(), stop.clone());
        parts.spawn(async move {
            bound.serve(site, fronts, server_stop).await;
            "server"
        });
        parts.spawn(async move {
            Box::pin(stage.poll(poller, asked, poller_stop)).await;
            "poller"
        });
        let ended = wait_for(&mut parts, &stop).await;
        watch.shutdown().await;
        ended
    }
}

impl Stage {
    /// Polls as configured, each time from the latest configuration that was good.
    async fn poll(mut self, mut poller: Poller, mut asked: Asked, stop: CancellationToken) {
        let supervisor = self.supervisor;
        loop {
            select! {
                () = poller.run(stop.clone()) => return,
                next = self.next(&mut asked) => poller = next,
                // In the task that polls: where that is stuck, nobody says that we are alive.
                never = supervisor.heartbeat() => match never {},
            }
        }
    }

    /// Returns when a new configuration wants another poller.
    async fn next(&mut self, asked: &mut Asked) -> Poller {
        loop {
            let request = asked.next().await;
            let cause = request.cause;
            info!(cause, "reading the configuration again");
            self.supervisor.reloading();
            let outcome = self.reload(asked).await;
            self.site.reloaded(outcome.is_ok());
            let told = outcome.as_ref().map(|_| ()).map_err(|refusal| causes::on_one_line(refusal));
            match &told {
                Ok(()) => info!(cause, "the new configuration is in use"),
                Err(error) => error!(cause, error, "the configuration was refused, the one in use stays"),
            }
            self.supervisor.ready();
            request.answer(told);
            if let Ok(Some(poller)) = outcome {
                return poller;
            }
        }
    }

    /// All or nothing: whatever can fail comes first.
    async fn reload(&mut self, asked: &mut Asked) -> Result<Option<Poller>, AppError> {
        let wishes = asked.read(&self.wishes)?;
        let Self { wishes: used, site, fronts, .. } = self;
        let front = (wishes.web != used.web).then(|| Front::new(&wishes.web)).transpose()?;
        let has_changed = wishes.config != used.config;
        let poller = if has_changed { Some(site.ground.poller(&wishes.config).await?) } else { None };
        if has_changed {
            site.judge_by(&wishes.config);
        }
        if let Some(front) = front {
            fronts.swap(Arc::new(front)).retire();
        }
        *used = wishes;
        Ok(poller)
    }
}

/// That we serve, and that we stop.
async fn tell(supervisor: Supervisor, stop: CancellationToken) {
    supervisor.ready();
    stop.cancelled().await;
    supervisor.stopping();
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

/// The `accounts` command. True if every account can be read.
///
/// # Errors
/// When AWS is not set up, or the table cannot be printed.
pub async fn list_accounts(config: &Config, shard: Shard) -> Result<bool, AppError> {
    let hubs = Arc::new(connect(config, None, Without::Refuse, &Arc::default()).await?);
    let directory = Directory::new(hubs.clone(), sources(config, shard), Vec::new(), Arc::default());
    Ok(accounts::print(config, &hubs, directory, Clock::default().now()).await?)
}
