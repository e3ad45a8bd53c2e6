//! The `accounts` command: which accounts would be read, through what, and does that work?

use std::{fmt::Write as _, io};

use futures_util::{StreamExt, stream};

use crate::{
    aws::{Attempt, CallError},
    collect,
    config::Config,
    console::{self, Progress},
    inventory::Timestamp,
    roster::{Directory, Door, Hubs, Roster, Target},
};

/// An account, and why it cannot be read.
struct Line {
    target: Target,
    failure: Option<CallError>,
}

/// Prints the table. True if everything works.
///
/// # Errors
/// When the table cannot be printed.
pub async fn print(config: &Config, hubs: &Hubs, mut directory: Directory, now: Timestamp) -> io::Result<bool> {
    console::warn(format_args!("asking who there is …"));
    let Roster { targets, failures, .. } = directory.ask(config.poll_interval, now).await;
    let total = targets.len();
    let tries = targets.into_values().map(|target| probe(hubs, target, now)).collect::<Vec<_>>();
    let mut done = stream::iter(tries).buffer_unordered(config.limits.concurrent_accounts);
    let (mut lines, progress) = (Vec::with_capacity(total), Progress::on_stderr());
    while let Some(line) = done.next().await {
        lines.push(line);
        progress.show(lines.len(), total);
    }
    progress.end();
    lines.sort_by(|a, b| a.target.account.cmp(&b.target.account));
    console::print(table(&lines, &failures).as_bytes())?;
    let unlisted = directory.failure();
    if let Some(error) = unlisted {
        console::warn(format_args!("error: the organization could not be listed: {error}"));
    }
    Ok(failures.is_empty() && unlisted.is_none() && lines.iter().all(|line| line.failure.is_none()))
}

async fn probe(hubs: &Hubs, target: Target, now: Timestamp) -> Line {
    let session = hubs.session(&target);
    let tried: Attempt<()> = async {
        session.log_in(now).await?;
        collect::probe(&session).await
    }
    .await;
    Line { target, failure: tried.err() }
}

fn table(lines: &[Line], failures: &[CallError]) -> String {
    let mut out = format!("{:<13} {:<24} {:<6} THROUGH\n", "ACCOUNT", "NAME", "WORKS");
    for Line { target, failure } in lines {
        let (name, works) = (target.name.as_deref().unwrap_or("-"), if failure.is_none() { "yes" } else { "no" });
        writeln!(out, "{:<13} {name:<24} {works:<6} {}", target.account, through(&target.door)).expect("a String");
        if let Some(error) = failure {
            writeln!(out, "{:<13} {}", "", error.chain()).expect("a String");
        }
    }
    for error in failures {
        writeln!(out, "{:<13} {:<24} {:<6} {}", "unknown", "-", "no", error.chain()).expect("a String");
    }
    out
}

fn through(door: &Door) -> String {
    match door {
        Door::Own => "own credentials".into(),
        Door::Role(role) => role.arn.text.to_string(),
        Door::Profile(profile) => format!("profile {profile}"),
    }
}
