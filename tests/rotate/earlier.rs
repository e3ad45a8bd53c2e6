//! What was in the sink before: nothing, what the user had, or somebody else's.

use std::{fs, time::Duration};

use aws_stub::{Fault, Moment};
use testbed::wait;

use crate::bench::{Bench, OLD, Place, USER, end};

const EMPTY: [Place; 2] = [Place::EmptySecret, Place::NoParameter];

async fn started(place: Place) -> (Bench, String) {
    let bench = Bench::new(place).await;
    bench.start().await.ends(0);
    let new = bench.new_key().unwrap().id;
    (bench, new)
}

#[tokio::test]
async fn a_value_that_is_not_about_the_old_key_is_not_replaced_unseen() {
    for place in [Place::Secret, Place::Parameter] {
        let bench = Bench::new(place).await;
        bench.put("postgres://shop:s3cr3t@db/shop");
        let sink = bench.sink();
        bench.start().await.ends(3).says("does not name key AKIAOLD").says("--replace-value");
        assert_eq!((bench.keys().len(), bench.stage()), (1, String::new()), "refused before anything is changed");
        let plan = ["start", USER, "--sink", &sink, "--replace-value", "--dry-run"];
        end(bench.begin(&plan)).await.ends(0).says("in place of a value that does not name the old key");
        bench.run(&["start", USER, "--sink", &sink, "--replace-value"]).await.ends(0).says("now promoted");
        bench.backout().await.ends(0);
        assert_eq!(bench.current(), None, "what was replaced is there again");
    }
}

#[tokio::test]
async fn a_value_that_names_the_old_key_or_is_empty_is_replaced_without_a_word() {
    for value in ["export AWS_ACCESS_KEY_ID=AKIAOLD", " "] {
        for place in [Place::Secret, Place::Parameter] {
            let bench = Bench::new(place).await;
            bench.put(value);
            let ran = bench.start().await.ends(0);
            assert!(!ran.out.contains("in place of"), "{}", ran.out);
        }
    }
}

#[tokio::test]
async fn a_way_back_to_nothing_is_refused_and_takes_down_nobody() {
    for place in EMPTY {
        for finished in [false, true] {
            let (bench, new) = started(place).await;
            if finished {
                bench.finish(&[]).await.ends(0);
            }
            let (keys, stage) = (bench.keys(), bench.stage());
            let words = format!("the sink still hands out key {new} and has no earlier value");
            bench.backout().await.ends(3).says(&words).says("--skip-sink");
            assert_eq!((bench.keys(), bench.stage()), (keys, stage), "{place:?}: nothing is changed");
            bench.put("the secret of AKIAOLD");
            bench.backout().await.ends(0).says("now backed-out");
            assert!(bench.is_active(OLD) && !bench.is_active(&new), "{place:?}");
        }
    }
}

#[tokio::test]
async fn who_says_to_leave_the_sink_alone_goes_back_from_it_all_the_same() {
    for place in EMPTY {
        let (bench, new) = started(place).await;
        bench.run(&["backout", USER, "--skip-sink"]).await.ends(0).says("left as it is");
        assert!(bench.is_active(OLD) && !bench.is_active(&new), "{place:?}");
    }
}

#[tokio::test]
async fn a_new_key_that_a_person_put_there_in_another_form_is_seen() {
    for place in [Place::Secret, Place::Parameter, Place::File] {
        let (bench, new) = started(place).await;
        bench.put(&format!("aws_access_key_id = {new}"));
        bench.backout().await.ends(3).says(&format!("the sink still hands out key {new}"));
        assert!(bench.is_active(&new) && bench.stage() == "promoted", "{place:?}");
        bench.put("aws_access_key_id = AKIAOLD");
        bench.backout().await.ends(0);
    }
}

#[tokio::test]
async fn a_command_that_did_not_go_back_is_asked_and_found_out() {
    let (bench, new) = started(Place::Command).await;
    fs::write(bench.path("keeps"), "").unwrap();
    bench.backout().await.ends(1).says(&format!("the sink still hands out key {new}"));
    assert!(bench.is_active(&new));
    fs::remove_file(bench.path("keeps")).unwrap();
    bench.backout().await.ends(0);
}

/// Holds a command at the first call of this name that changes something, once it has looked.
async fn held_at(bench: &Bench, action: &str, args: &[&str], meanwhile: impl Fn()) -> crate::bench::Ran {
    for number in 1.. {
        bench.stub.cloud().freeze(number, Moment::Before);
        let mut child = bench.begin(args);
        let frozen = wait::until(Duration::from_mins(1), async || {
            bench.stub.cloud().frozen().map(str::to_owned).ok_or_else(|| "it goes on".to_owned())
        });
        if frozen.await.unwrap() == action {
            meanwhile();
            bench.stub.cloud().thaw();
            return end(child).await;
        }
        child.kill().await.unwrap();
        bench.stub.cloud().thaw();
    }
    unreachable!()
}

#[tokio::test]
async fn a_sink_that_changes_after_the_look_is_seen_before_the_key_goes() {
    for place in [Place::Secret, Place::Parameter] {
        let (bench, new) = started(place).await;
        let sink = bench.sink();
        let args = ["backout", USER, "--yes", "--sink", &sink];
        let meanwhile = || bench.put(&format!("aws_access_key_id = {new}"));
        held_at(&bench, "TagUser", &args, meanwhile).await.ends(1).says("still hands out");
        assert!(bench.is_active(&new), "{place:?}");
    }
}

/// A start that is killed anywhere, and then taken back instead of gone on with. Whether there was such a point.
async fn killed_and_taken_back(place: Place, number: u64, moment: Moment) -> bool {
    let bench = Bench::new(place).await;
    bench.stub.cloud().freeze(number, moment);
    let sink = bench.sink();
    let mut child = bench.begin(&["start", USER, "--yes", "--sink", &sink]);
    let frozen = wait::until(Duration::from_mins(1), async || {
        match (bench.stub.cloud().frozen().is_some(), child.try_wait().unwrap()) {
            (true, _) => Ok(true),
            (false, Some(_)) => Ok(false),
            _ => Err("it goes on".to_owned()),
        }
    });
    let was_frozen = frozen.await.unwrap();
    child.kill().await.unwrap();
    bench.stub.cloud().thaw();
    let ran = bench.backout().await;
    let when = format!("{place:?}, killed {moment:?} call {number}, then back:\n{}\n{}", ran.out, ran.err);
    assert!([0, 3].contains(&ran.code), "{when}");
    bench.assert_consumers_work(&when);
    was_frozen
}

#[tokio::test]
async fn a_start_into_nothing_that_is_killed_anywhere_and_taken_back_takes_down_nobody() {
    for place in EMPTY {
        let mut number = 1;
        while killed_and_taken_back(place, number, Moment::Before).await {
            assert!(killed_and_taken_back(place, number, Moment::After).await);
            number += 1;
        }
        assert!(number > 10, "{number} calls");
    }
}

#[tokio::test]
async fn whatever_fails_on_a_way_back_to_nothing_the_new_key_stays() {
    for (place, action) in [
        (Place::EmptySecret, "DescribeSecret"),
        (Place::EmptySecret, "GetSecretValue"),
        (Place::NoParameter, "GetParameter"),
        (Place::NoParameter, "DescribeParameters"),
    ] {
        for fault in [Fault::AccessDenied, Fault::ServiceFailure, Fault::CutBody, Fault::EmptyBody] {
            let (bench, new) = started(place).await;
            bench.stub.cloud().fault(action, fault.clone());
            assert_ne!(bench.backout().await.code, 0, "{action}, {fault:?}");
            assert!(bench.is_active(&new), "{action}, {fault:?}");
            bench.stub.cloud().clear_faults();
            bench.backout().await.ends(3);
            bench.assert_consumers_work(action);
        }
    }
}
