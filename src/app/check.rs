//! Wiring of the `check` command: built from the same parts as the daemon, without its state and server.

use std::{
    io::{self, Write as _},
    sync::Arc,
};

use super::{
    AppError,
    build::{Ground, connect, sources},
};
use crate::{
    aws::Without,
    causes,
    check::{self, Gathered, Look, Outcome, Report, Wanted, output},
    cli::{CheckArgs, Format},
    config::Config,
    console::Progress,
    exposition::part::whole,
    lanes::Lanes,
    policy::Policy,
    poller::Rhythm,
    reading::Desk,
    roster::{Directory, Hubs, Shard},
    snapshot::{Health, UNKNOWN_ACCOUNT},
    telemetry::SelfMetrics,
};

/// The `check` command: reads every account once and reports.
///
/// # Errors
/// When AWS is not set up, or the report cannot be written.
pub async fn check(config: &Config, shard: Shard, args: &CheckArgs, width: Option<usize>) -> Result<Outcome, AppError> {
    let config = &of_profile(config, args);
    let ground = Ground { shard, ..Ground::default() };
    let hubs = match connect(config, args.profile.as_deref(), Without::Refuse, &ground.tally).await {
        Ok(hubs) => Arc::new(hubs),
        Err(error) => return Err(tell_unconnected(&ground, config, args, error)),
    };
    let gathered = gather(&ground, config, &hubs).await;
    let wanted =
        Wanted { fail_on: args.fail_on, benchmarks: args.benchmarks.clone(), region: hubs.own.region().clone() };
    let report = Report::new(config, wanted, &gathered);
    let width = width.filter(|_| args.output.is_none());
    let text = match check::render(args.format, &report, Look { width, all: args.all }) {
        Some(text) => text?,
        None => exposition(&ground, config)?,
    };
    put(args, &text)?;
    // Whoever closed it does not want to know.
    drop(io::stderr().write_all(check::summary(&report, args.format, args.output.is_none()).as_bytes()));
    Ok(report.outcome())
}

/// The configuration's policy for the one account of a profile.
fn of_profile(config: &Config, args: &CheckArgs) -> Config {
    match args.profile {
        Some(_) => Config { own_account: true, accounts: Vec::new(), organization: None, ..config.clone() },
        None => config.clone(),
    }
}

/// No poll follows, so this one may take all the time of polls. The state belongs to the daemon.
async fn gather(ground: &Ground, config: &Config, hubs: &Arc<Hubs>) -> Gathered {
    let poll_timeout = config.limits.poll_timeout;
    let desk = Arc::new(Desk {
        rhythm: Rhythm { interval: poll_timeout, poll_timeout },
        policy: Policy::new(config),
        snapshots: ground.snapshots.clone(),
        state: None,
        clock: ground.clock,
    });
    let sources = sources(config, ground.shard);
    let directory = Directory::new(hubs.clone(), sources, Vec::new(), ground.changes.clone());
    let lanes = Lanes::new(config.limits.concurrent_accounts);
    check::read(&desk, hubs, directory, &lanes, &Progress::on_stderr()).await
}

/// What the daemon's page would be now, without what describes a process that is gone when it is read.
fn exposition(ground: &Ground, config: &Config) -> Result<Vec<u8>, AppError> {
    let Ground { shard, clock, tally, changes, .. } = ground;
    let metrics = SelfMetrics::without_process(tally.clone(), changes.clone(), *shard, &config.policy)?;
    metrics.config_reloaded(true, clock.now());
    let page = whole(&ground.exposition(config).page(clock.now()));
    Ok([page.as_bytes(), &metrics.page()].concat())
}

fn put(args: &CheckArgs, text: &[u8]) -> Result<(), AppError> {
    match &args.output {
        None => Ok(output::print(text, args.format)?),
        Some(file) => {
            output::replace(file, text, args.format).map_err(|source| AppError::Output { path: file.clone(), source })
        }
    }
}

/// A file of metrics must not go on saying that all is well; other reports stay as they are.
fn tell_unconnected(ground: &Ground, config: &Config, args: &CheckArgs, error: AppError) -> AppError {
    if args.format == Format::Prometheus && args.output.is_some() {
        let tried_at = ground.clock.now();
        let health = Health { is_up: false, errors: vec![error.to_string()], tried_at, seconds: 0.0 };
        ground.snapshots.publish(&UNKNOWN_ACCOUNT.into(), None, Some(&health));
        if let Err(unwritten) = exposition(ground, config).and_then(|page| put(args, &page)) {
            tracing::error!(error = causes::on_one_line(&unwritten), "the file of metrics stays as it was");
        }
    }
    error
}
