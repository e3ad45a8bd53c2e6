//! Wiring: from the command line to the exit code.

use std::process::ExitCode;

use clap::Parser as _;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use tokio::runtime::Runtime;

use super::{
    audit::chain,
    cli::{Cli, Command, Format, Manner, Quiet},
    connect::Site,
    desk::{Desk, Order, Stop, Verb},
    permissions,
    plan::Patience,
    report::{KeyTold, Outcome, Report, Row, UnderWay, last_used, print_json},
    tags::Rotation,
    unattended,
};
use crate::{
    cli::LogFormat,
    console::{say, warn},
    inventory::time,
    poller::Clock,
    rotation::Stage,
    telemetry,
};

/// Something failed on the way.
const FAILED: u8 = 1;

/// Reads the arguments and does what they say.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    keep_memory_private();
    telemetry::log::init_reticent(cli.manner.log_level.as_str(), cli.manner.log_format == LogFormat::Json);
    if let Command::Policy { commands, sink, delete, users, kms_key } = &cli.command {
        say(format_args!("{}", permissions::policy(commands, (sink, kms_key), *delete, users)));
        return ExitCode::SUCCESS;
    }
    match Runtime::new() {
        Ok(runtime) => ExitCode::from(runtime.block_on(command(&cli))),
        Err(error) => {
            warn(format_args!("error: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

/// No core dump, and no other process of the same user that looks into this one.
fn keep_memory_private() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let limited = setrlimit(Resource::Core, none);
    let hidden = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if let Err(error) = limited.and(hidden) {
        warn(format_args!("warning: core dumps could not be switched off: {error}"));
    }
}

async fn command(cli: &Cli) -> u8 {
    let site = match Site::connect(&cli.reach).await {
        Ok(site) => site,
        Err(error) => {
            warn(format_args!("error: {}", chain(&error)));
            return FAILED;
        }
    };
    let desk = Desk { site: &site, manner: &cli.manner, clock: Clock::default() };
    let format = cli.manner.format;
    let (order, user) = match &cli.command {
        Command::Start { user, sink, replace_value } => {
            (order(Verb::Start { replaces: *replace_value }, sink.as_ref(), None, &cli.manner), user)
        }
        Command::Finish { user, quiet, sink } => (order(Verb::Finish, sink.as_ref(), Some(quiet), &cli.manner), user),
        Command::Backout { user, sink, skip_sink } => {
            (order(Verb::Backout { skips_sink: *skip_sink }, sink.as_ref(), None, &cli.manner), user)
        }
        Command::Status { user } => return told(status(&desk, user.as_deref()).await, format),
        Command::Run { quiet, scope } => {
            let patience = order(Verb::Start { replaces: false }, None, Some(quiet), &cli.manner).patience;
            return unattended::run(&desk, patience, scope, format).await;
        }
        Command::Policy { .. } => return 0,
    };
    let report = Box::pin(desk.carry_out(&order, user)).await;
    report.print(format);
    report.outcome.code()
}

fn order(verb: Verb, sink: Option<&super::sink::SinkSpec>, quiet: Option<&Quiet>, manner: &Manner) -> Order {
    let seconds = |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 4);
    let patience = Patience {
        quiet: quiet.map_or(i64::MAX / 4, |quiet| seconds(quiet.for_use)),
        delete_after: quiet.filter(|quiet| quiet.delete).map(|quiet| seconds(quiet.delete_after)),
        claim_timeout: seconds(manner.claim_timeout),
    };
    Order { verb, sink: sink.cloned(), patience }
}

/// Every rotation under way, or that of one user; who cannot be told of hides no other.
async fn status(desk: &Desk<'_>, user: Option<&str>) -> Result<Vec<Row>, Stop> {
    let line = &desk.site.line;
    let users = match user {
        Some(user) => vec![line.user(user).await.map(|(person, tags)| (person.name, tags))?],
        None => line.users().await?,
    };
    let mut rows = Vec::new();
    for (user, tags) in users {
        let told = match Rotation::read(&user, &tags) {
            Ok(None) => continue,
            Ok(Some(rotation)) => of(desk, &user, &rotation).await,
            Err(error) => Err(Stop(Outcome::Refused, error.to_string())),
        };
        rows.push(match told {
            Ok(under_way) => Row::UnderWay(under_way),
            Err(Stop(outcome, message)) => {
                Row::Unclear(Report::new("status", &desk.site.actor.account, &user).ends(outcome, message))
            }
        });
    }
    Ok(rows)
}

async fn of(desk: &Desk<'_>, user: &str, rotation: &Rotation) -> Result<UnderWay, Stop> {
    let found = desk.site.line.look(user).await?;
    let key = |id: &str| match found.keys.iter().find(|key| &*key.id == id) {
        Some(key) => KeyTold { id: id.to_owned(), status: key.status.as_str(), last_used: last_used(key) },
        None => KeyTold { id: id.to_owned(), status: "deleted", last_used: "unknown".to_owned() },
    };
    Ok(UnderWay {
        account_id: desk.site.actor.account.to_string(),
        user_name: user.to_owned(),
        stage: rotation.stage.as_str(),
        stage_since: time(rotation.stage_at),
        started_at: time(rotation.started_at),
        sink: rotation.sink.tag().to_owned(),
        old_access_key: key(&rotation.old_key),
        new_access_key: rotation.new_key.as_deref().map(key),
        next: next(rotation.stage, user),
    })
}

fn next(stage: Stage, user: &str) -> String {
    match stage {
        Stage::Creating | Stage::Verifying => format!("start {user} goes on, backout {user} goes back"),
        Stage::Promoted => format!("finish {user} once the old key is quiet, or backout {user}"),
        Stage::Deactivated => format!("finish {user} --delete once it was quiet for long, or backout {user}"),
        Stage::BackingOut => format!("backout {user} goes on"),
        Stage::BackedOut => format!("finish {user} --delete deletes the new key"),
    }
}

fn told(found: Result<Vec<Row>, Stop>, format: Format) -> u8 {
    let rows = match found {
        Err(Stop(outcome, message)) => {
            warn(format_args!("error: {message}"));
            return outcome.code();
        }
        Ok(rows) => rows,
    };
    match format {
        Format::Json => print_json(&rows),
        Format::Text if rows.is_empty() => say(format_args!("no rotation is under way")),
        Format::Text => rows.iter().for_each(Row::print),
    }
    let outcomes: Vec<_> = rows.iter().filter_map(Row::outcome).collect();
    if outcomes.contains(&Outcome::Failed) { Outcome::Failed.code() } else { outcomes.first().map_or(0, |o| o.code()) }
}
