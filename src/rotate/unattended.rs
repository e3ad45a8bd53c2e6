//! One step for each user that opted in, for timers. A surprise with one user stops that user alone.

use serde::Serialize;

use super::{
    audit::chain,
    cli::{Format, Scope},
    desk::{Desk, Order, Stop, Verb},
    plan::Patience,
    report::{Outcome, Report, print_json, printable},
    sink::{SinkName, SinkSpec},
    tags::{OPT_IN, Rotation, value},
};
use crate::{
    collect,
    config::OptIn,
    console::{say, warn},
    inventory::Timestamp,
    rotation::Stage,
};

/// What became of all.
#[derive(Serialize)]
struct Told {
    users: Vec<Report>,
    /// Users whose turn comes in a later run.
    put_off: Vec<String>,
}

/// A user that opted in.
struct Willing {
    user: String,
    sink: Result<SinkSpec, String>,
    rotation: Result<Option<Rotation>, String>,
}

/// What is done with all of them in a run.
struct Run<'a> {
    desk: &'a Desk<'a>,
    patience: Patience,
    rotate_after: Timestamp,
}

/// Moves each user one step forward, if its time has come. The exit code.
pub(super) async fn run(desk: &Desk<'_>, patience: Patience, scope: &Scope, format: Format) -> u8 {
    let willing = match willing(desk, scope).await {
        Ok(willing) => in_turn(willing, desk.clock.now()),
        Err(Stop(outcome, message)) => {
            warn(format_args!("error: {message}"));
            return outcome.code();
        }
    };
    let rotate_after = i64::try_from(scope.rotate_after.as_secs()).unwrap_or(i64::MAX / 4);
    let run = Run { desk, patience, rotate_after };
    let mut told = Told { users: Vec::new(), put_off: Vec::new() };
    let (mut changed, mut failed) = (0, 0);
    for one in willing {
        if changed.max(failed) >= scope.max_per_run {
            told.put_off.push(one.user);
            continue;
        }
        let report = Box::pin(run.turn(&one)).await;
        changed += usize::from(report.is_change());
        failed += usize::from(report.outcome == Outcome::Failed);
        told.users.push(report);
    }
    told.sort();
    told.print(format);
    told.code()
}

/// One user or another comes first: users who fail must not stand before the same others
/// every time. Runs come at even intervals, which the golden ratio has nothing in common with.
fn in_turn<T>(mut users: Vec<T>, now: Timestamp) -> Vec<T> {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let mixed = u128::from(now.unsigned_abs().wrapping_mul(GOLDEN));
    let first = usize::try_from((mixed * users.len() as u128) >> 64).unwrap_or(0);
    users.rotate_left(first);
    users
}

/// Who opted in, by a tag or by the file, sorted by name. The tag is nearer to the user, so it wins.
async fn willing(desk: &Desk<'_>, scope: &Scope) -> Result<Vec<Willing>, Stop> {
    let refuse = |error: &dyn std::error::Error| Stop(Outcome::Refused, chain(error));
    let file = scope.config_file.as_deref().map(OptIn::load).transpose().map_err(|error| refuse(&error))?;
    let file = file.unwrap_or_default();
    let mut willing = Vec::new();
    for (user, tags) in desk.site.line.users().await? {
        let in_file = || file.iter().find_map(|entry| entry.sink_of(&user)).map(|named| named.parse());
        if let Some(sink) = value(&tags, OPT_IN).map(SinkSpec::of_tag).or_else(in_file) {
            let rotation = Rotation::read(&user, &tags).map_err(|error| error.to_string());
            willing.push(Willing { user, sink, rotation });
        }
    }
    Ok(willing)
}

impl Run<'_> {
    async fn turn(&self, one: &Willing) -> Report {
        let report = Report::new("run", &self.desk.site.actor.account, &one.user);
        let (sink, rotation) = match (&one.sink, &one.rotation) {
            (Err(mistake), _) => return report.ends(Outcome::Refused, format!("no sink: {mistake}")),
            (_, Err(mistake)) => return report.ends(Outcome::Refused, mistake.clone()),
            (Ok(sink), Ok(rotation)) => (sink, rotation),
        };
        match rotation {
            Some(rotation) => {
                let same = SinkName::of(sink.clone()) == rotation.sink || rotation.sink.spec().is_none();
                let order = self.order(verb(rotation.stage), same.then(|| sink.clone()));
                Box::pin(self.desk.carry_out(&order, &one.user)).await
            }
            None => self.begin(one, sink, report).await,
        }
    }

    async fn begin(&self, one: &Willing, sink: &SinkSpec, report: Report) -> Report {
        let keys = match collect::list_access_keys(&self.desk.site.line.session, &one.user).await {
            Ok(keys) => keys,
            Err(error) => return report.ends(Outcome::Failed, error.chain()),
        };
        let oldest = keys.iter().filter(|key| key.status.is_active()).map(|key| key.created).min();
        match oldest {
            None => report.ends(Outcome::NothingToDo, "no Active key"),
            Some(created) if self.desk.clock.now() < created + self.rotate_after => {
                report.ends(Outcome::NothingToDo, "no key is old enough")
            }
            Some(_) => {
                let order = self.order(Verb::Start { replaces: false }, Some(sink.clone()));
                Box::pin(self.desk.carry_out(&order, &one.user)).await
            }
        }
    }

    fn order(&self, verb: Verb, sink: Option<SinkSpec>) -> Order {
        Order { verb, sink, patience: self.patience }
    }
}

/// What moves a rotation on from this stage.
fn verb(stage: Stage) -> Verb {
    match stage {
        Stage::Creating | Stage::Verifying => Verb::Start { replaces: false },
        Stage::Promoted | Stage::Deactivated | Stage::BackedOut => Verb::Finish,
        Stage::BackingOut => Verb::Backout { skips_sink: false },
    }
}

impl Told {
    fn sort(&mut self) {
        self.users.sort_by(|one, other| one.user_name.cmp(&other.user_name));
        self.put_off.sort();
    }

    fn print(&self, format: Format) {
        if format == Format::Json {
            return print_json(self);
        }
        for report in &self.users {
            let (user, command) = (printable(&report.user_name), report.command);
            say(format_args!("{user}: {command}: {}", printable(report.message.as_deref().unwrap_or_default())));
        }
        if !self.put_off.is_empty() {
            say(format_args!("left to a later run by --max-per-run: {}", printable(&self.put_off.join(", "))));
        }
    }

    /// Waiting is no failure, and neither is that another run is at it.
    fn code(&self) -> u8 {
        let any = |outcomes: &[Outcome]| self.users.iter().any(|report| outcomes.contains(&report.outcome));
        if any(&[Outcome::Failed, Outcome::Refused]) {
            return Outcome::Failed.code();
        }
        if any(&[Outcome::Declined]) { Outcome::Declined.code() } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn at_every_interval_each_user_comes_first_some_time() {
        for interval in [60, 3600, 86_400, 7 * 86_400] {
            for users in 1..=60 {
                let orders = (0..2000).map(|run| in_turn((0..users).collect(), 1_790_000_000 + run * interval));
                let firsts: BTreeSet<usize> = orders.map(|order| order[0]).collect();
                assert!(firsts.iter().copied().eq(0..users), "{users} users, every {interval} s: {firsts:?}");
            }
        }
        assert!(in_turn(Vec::<usize>::new(), 1_790_000_000).is_empty());
        let mut all = in_turn(vec![1, 2, 3], 1_790_000_000);
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3]);
    }
}
