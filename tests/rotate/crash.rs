//! Killed before and after every call and every step of a command's sink, then run again: 100 % of the points.

use std::{fs, time::Duration};

use aws_stub::Moment;
use testbed::wait;

use crate::bench::{Bench, OLD, PLACES, Place, USER, end};

/// What is killed, and what must have come before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Start,
    Finish,
    Delete,
    Backout,
}

impl What {
    async fn prepare(self, bench: &Bench) {
        if self != Self::Start {
            bench.start().await.ends(0);
        }
        if self == Self::Delete {
            bench.finish(&[]).await.ends(0);
        }
    }

    fn args(self, bench: &Bench) -> Vec<String> {
        let sink = bench.sink();
        let args: &[&str] = match self {
            Self::Start => &["start", USER, "--yes", "--sink", &sink],
            Self::Finish => &["finish", USER, "--yes", "--quiet=0s", "--sink", &sink],
            Self::Delete => &["finish", USER, "--yes", "--quiet=0s", "--delete", "--delete-after=0s", "--sink", &sink],
            Self::Backout => &["backout", USER, "--yes", "--sink", &sink],
        };
        args.iter().map(|arg| (*arg).to_owned()).collect()
    }

    /// What is true in the end, whatever happened on the way.
    fn assert_done(self, bench: &Bench, when: &str) {
        bench.assert_consumers_work(when);
        bench.assert_no_secret_is_lost(when);
        let new = bench.new_key().unwrap_or_else(|| panic!("{when}: no new key"));
        let current = bench.current().map(|(id, _)| id);
        let stands =
            (bench.stage(), bench.keys().len(), bench.is_active(OLD), new.active, current.as_ref() == Some(&new.id));
        let expected = match self {
            Self::Start => ("promoted", 2, true, true, true),
            Self::Finish => ("deactivated", 2, false, true, true),
            Self::Delete => ("", 1, false, true, true),
            Self::Backout => ("backed-out", 2, true, false, false),
        };
        assert_eq!(stands, (expected.0.to_owned(), expected.1, expected.2, expected.3, expected.4), "{when}");
    }
}

/// Kills the command at one point, checks, runs it again, checks. Whether there was such a point.
async fn crash(what: What, place: Place, number: u64, moment: Moment) -> bool {
    let bench = Bench::new(place).await;
    what.prepare(&bench).await;
    let args = what.args(&bench);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let before = bench.keys().iter().filter(|key| key.active).count();
    bench.stub.cloud().freeze(number, moment);
    let mut child = bench.begin(&args);
    let frozen = wait::until(Duration::from_mins(1), async || {
        let frozen = bench.stub.cloud().frozen().map(str::to_owned);
        match (frozen, child.try_wait().unwrap()) {
            (Some(action), _) => Ok(Some(action)),
            (None, Some(_)) => Ok(None),
            (None, None) => Err("it goes on".to_owned()),
        }
    });
    let Some(action) = frozen.await.unwrap() else {
        what.assert_done(&bench, "without a crash");
        return false;
    };
    child.kill().await.unwrap();
    bench.stub.cloud().thaw();
    let when = format!("{what:?} to {place:?}, killed {moment:?} call {number}, {action}");
    bench.assert_consumers_work(&when);
    let active = bench.keys().iter().filter(|key| key.active).count();
    assert!(what != What::Start || active >= before, "{when}: {active} keys are Active, and {before} were");
    let again = end(bench.begin(&args)).await;
    assert_eq!(again.code, 0, "{when}, again:\n{}\n{}", again.out, again.err);
    what.assert_done(&bench, &when);
    true
}

/// Every point of a command, one after the other, until there is none any more.
async fn every_point(what: What, place: Place) {
    let mut points = 0;
    for number in 1.. {
        let (before, after) =
            tokio::join!(crash(what, place, number, Moment::Before), crash(what, place, number, Moment::After));
        assert_eq!(before, after, "the same calls are made");
        if !before {
            break;
        }
        points += 2;
    }
    println!("{what:?} to {place:?}: killed at {points} points");
    assert!(points >= 10, "{points}");
}

#[tokio::test]
async fn a_start_that_is_killed_anywhere_goes_on_and_loses_no_secret() {
    for place in [&PLACES[..], &[Place::EmptySecret, Place::NoParameter]].concat() {
        every_point(What::Start, place).await;
    }
}

#[tokio::test]
async fn a_finish_that_is_killed_anywhere_goes_on() {
    every_point(What::Finish, Place::Secret).await;
}

#[tokio::test]
async fn a_deletion_that_is_killed_anywhere_goes_on() {
    every_point(What::Delete, Place::Secret).await;
}

#[tokio::test]
async fn a_backout_that_is_killed_anywhere_goes_on() {
    for place in [Place::Secret, Place::Parameter, Place::File] {
        every_point(What::Backout, place).await;
    }
}

/// The command of the sink kills the rotator before and after its own effect.
#[tokio::test]
async fn a_run_that_is_killed_by_its_sink_goes_on() {
    for (what, point) in [
        (What::Start, "store before"),
        (What::Start, "store after"),
        (What::Start, "promote before"),
        (What::Start, "promote after"),
        (What::Backout, "restore before"),
        (What::Backout, "restore after"),
    ] {
        let bench = Bench::new(Place::Command).await;
        what.prepare(&bench).await;
        let args = what.args(&bench);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        fs::write(bench.path("crash"), point).unwrap();
        assert_eq!(end(bench.begin(&args)).await.code, -1, "{point}");
        bench.assert_consumers_work(point);
        end(bench.begin(&args)).await.ends(0);
        what.assert_done(&bench, point);
    }
}
