//! Every call fails in turn, in every way: nothing is harmed, and a second run comes to the end.

use aws_stub::Fault;
use futures_util::future::join_all;

use crate::bench::{Bench, OLD, Place, USER};

const START: [(Place, &str); 13] = [
    (Place::Secret, "GetUser"),
    (Place::Secret, "ListAccessKeys"),
    (Place::Secret, "TagUser"),
    (Place::Secret, "CreateAccessKey"),
    (Place::Secret, "GetCallerIdentity"),
    (Place::Secret, "DescribeSecret"),
    (Place::Secret, "GetSecretValue"),
    (Place::Secret, "PutSecretValue"),
    (Place::Secret, "UpdateSecretVersionStage"),
    (Place::Parameter, "DescribeParameters"),
    (Place::Parameter, "PutParameter"),
    (Place::Parameter, "GetParameter"),
    (Place::Parameter, "DeleteParameter"),
];
const BACKOUT: [(Place, &str); 10] = [
    (Place::Secret, "GetUser"),
    (Place::Secret, "ListAccessKeys"),
    (Place::Secret, "TagUser"),
    (Place::Secret, "UpdateAccessKey"),
    (Place::Secret, "DescribeSecret"),
    (Place::Secret, "GetSecretValue"),
    (Place::Secret, "UpdateSecretVersionStage"),
    (Place::Parameter, "DescribeParameters"),
    (Place::Parameter, "PutParameter"),
    (Place::Parameter, "GetParameter"),
];
const FINISH: [&str; 6] = ["GetUser", "ListAccessKeys", "TagUser", "UpdateAccessKey", "DeleteAccessKey", "UntagUser"];

fn faults() -> [Fault; 6] {
    let none = Fault::Error { status: 400, code: "ValidationError".into(), message: "no".into() };
    [Fault::AccessDenied, Fault::ServiceFailure, Fault::CutBody, Fault::DropConnection, Fault::EmptyBody, none]
}

#[tokio::test]
async fn whatever_fails_in_a_start_the_old_key_stays_and_the_next_start_ends_well() {
    for (place, action) in START {
        join_all(faults().map(|fault| start_with(place, action, fault))).await;
    }
}

async fn start_with(place: Place, action: &str, fault: Fault) {
    let when = format!("{place:?}, {action}, {fault:?}");
    let bench = Bench::new(place).await;
    bench.stub.cloud().fault(action, fault);
    bench.start().await;
    assert!(bench.is_active(OLD), "{when}");
    bench.assert_consumers_work(&when);
    bench.stub.cloud().clear_faults();
    let ran = bench.start().await;
    assert_eq!(ran.code, 0, "{when}\n{}\n{}", ran.out, ran.err);
    bench.assert_no_secret_is_lost(&when);
    assert_eq!((bench.stage(), bench.keys().len()), ("promoted".to_owned(), 2), "{when}");
    bench.assert_consumers_work(&when);
}

#[tokio::test]
async fn whatever_fails_on_the_way_back_consumers_go_on() {
    for (place, action) in BACKOUT {
        join_all(faults().map(|fault| backout_with(place, action, fault))).await;
    }
}

async fn backout_with(place: Place, action: &str, fault: Fault) {
    let when = format!("{place:?}, {action}, {fault:?}");
    let bench = Bench::new(place).await;
    bench.start().await.ends(0);
    bench.finish(&[]).await.ends(0);
    bench.stub.cloud().fault(action, fault);
    bench.backout().await;
    bench.assert_consumers_work(&when);
    bench.stub.cloud().clear_faults();
    let ran = bench.backout().await;
    assert_eq!(ran.code, 0, "{when}\n{}\n{}", ran.out, ran.err);
    assert_eq!((bench.stage(), bench.is_active(OLD)), ("backed-out".to_owned(), true), "{when}");
    assert!(!bench.new_key().unwrap().active, "{when}");
}

#[tokio::test]
async fn whatever_fails_at_the_end_the_new_key_goes_on() {
    for action in FINISH {
        join_all(faults().map(|fault| finish_with(action, fault))).await;
    }
}

async fn finish_with(action: &str, fault: Fault) {
    let when = format!("{action}, {fault:?}");
    let bench = Bench::new(Place::Secret).await;
    bench.start().await.ends(0);
    bench.stub.cloud().fault(action, fault);
    bench.finish(&[]).await;
    bench.assert_consumers_work(&when);
    bench.finish(&["--delete"]).await;
    bench.assert_consumers_work(&when);
    bench.stub.cloud().clear_faults();
    for _ in 0..2 {
        let ran = bench.finish(&["--delete"]).await;
        assert_eq!(ran.code, 0, "{when}\n{}\n{}", ran.out, ran.err);
    }
    assert_eq!((bench.stage(), bench.keys().len()), (String::new(), 1), "{when}");
    bench.assert_consumers_work(&when);
}

#[tokio::test]
async fn each_change_has_its_line_with_who_what_and_the_result() {
    let bench = Bench::new(Place::Secret).await;
    bench.stub.cloud().fault_times("UpdateSecretVersionStage", Fault::AccessDenied, 1);
    let ran = bench.run(&["start", USER, "--sink", &bench.sink(), "--log.format=json"]).await.ends(1);
    let lines: Vec<serde_json::Value> = ran.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let audit: Vec<_> = lines.iter().filter(|line| line["message"] == "audit").collect();
    let told: Vec<_> =
        audit.iter().map(|line| (line["operation"].as_str().unwrap(), line["result"].as_str().unwrap())).collect();
    assert_eq!(
        told,
        [
            ("TagUser", "ok"),
            ("CreateAccessKey", "ok"),
            ("PutSecretValue", "ok"),
            ("TagUser", "ok"),
            ("UpdateSecretVersionStage", "failed")
        ]
    );
    let new = bench.new_key().unwrap().id;
    assert!(audit[1..].iter().all(|line| line["access_key_id"] == new.as_str()), "which key, is told whole");
    for line in audit {
        for field in ["timestamp", "actor", "account", "user", "request_id"] {
            assert!(line[field].as_str().is_some_and(|text| !text.is_empty()), "{field} in {line}");
        }
    }
}
