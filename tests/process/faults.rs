//! Each fault of each action of a listing, in turn: the keys stay, the account says that it
//! is failing and why, and it recovers whole. All other operations are held to the same in
//! `tests/engine/fault_matrix.rs`.

use std::time::Duration;

use aws_stub::{Fault, Stub};

use crate::{ACCOUNT, DAY, QUICK, deny_the_report, exporter, failures, is_down, is_up};

fn faults() -> [(Fault, &'static str); 9] {
    [
        (Fault::Throttle, "throttled"),
        (Fault::ServiceFailure, "other"),
        (Fault::Delay(Duration::from_secs(5)), "timeout"),
        (Fault::DropConnection, "network"),
        (Fault::CutBody, "network"),
        (Fault::MalformedXml, "invalid_response"),
        (Fault::EmptyBody, "invalid_response"),
        (Fault::AccessDenied, "access_denied"),
        (Fault::ExpiredToken, "access_denied"),
    ]
}

fn seeded(stub: &Stub) {
    let mut cloud = stub.cloud();
    let now = cloud.now();
    let account = cloud.account(ACCOUNT);
    account.user("ci-bot").key("AKIAOLD", now - 97 * DAY).used(now - DAY, "s3", "us-east-1");
    account.user("fresh").key("AKIANEW", now - 3 * DAY).used(now - 2 * DAY, "sqs", "us-east-1");
    account.user("retired").key("AKIAOFF", now - 500 * DAY).used(now - 400 * DAY, "ec2", "us-east-1").deactivate();
}

async fn assert_faults_change_nothing(action: &str) {
    let stub = Stub::start().await.unwrap();
    seeded(&stub);
    deny_the_report(&stub);
    // What comes late must be given up, and soon.
    let exporter = exporter(&stub, &QUICK.replace("attempt_timeout: 10s", "attempt_timeout: 1s")).await;
    let healthy = exporter.page_when("the account up", is_up).await.alert_relevant();
    for (fault, reason) in faults() {
        let what = format!("{action} with {fault:?}");
        let before = failures(&exporter.page().await, action, reason);
        stub.cloud().fault(action, fault);
        let told = |page: &testbed::Page| is_down(page) && failures(page, action, reason) > before;
        let page = exporter.page_when(&format!("{what} told"), told).await;
        assert_eq!(page.alert_relevant(), healthy, "{what}");
        stub.cloud().clear_faults();
        deny_the_report(&stub);
        let page = exporter.page_when(&format!("{what} recovered from"), is_up).await;
        assert_eq!(page.alert_relevant(), healthy, "{what}, recovered");
    }
}

#[tokio::test]
async fn no_fault_of_list_users_changes_a_key() {
    assert_faults_change_nothing("ListUsers").await;
}

#[tokio::test]
async fn no_fault_of_list_access_keys_changes_a_key() {
    assert_faults_change_nothing("ListAccessKeys").await;
}

#[tokio::test]
async fn no_fault_of_get_access_key_last_used_changes_a_key() {
    assert_faults_change_nothing("GetAccessKeyLastUsed").await;
}

#[tokio::test]
async fn a_last_use_that_was_never_told_is_unknown_and_not_never() {
    let stub = Stub::start().await.unwrap();
    seeded(&stub);
    deny_the_report(&stub);
    stub.cloud().fault("GetAccessKeyLastUsed", Fault::ServiceFailure);
    let exporter = exporter(&stub, QUICK).await;
    let page = exporter.page_when("the account down", is_down).await;
    let usages: Vec<_> = page.series("aws_iam_access_key_info").iter().map(|info| info.label("usage")).collect();
    assert_eq!(usages, ["unknown"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_smaller_than_our_pace_costs_no_key() {
    let stub = Stub::start().await.unwrap();
    let now = stub.cloud().now();
    for number in 0..150 {
        let user = format!("user-{number}");
        for key in 0..2 {
            stub.cloud().account(ACCOUNT).user(&user).key(&format!("AKIA{number}X{key}"), now - 100 * DAY);
        }
    }
    deny_the_report(&stub);
    stub.cloud().account(ACCOUNT).set_quota(10.0, 10);
    let exporter = exporter(&stub, "limits: { requests_per_second: 40 }\n").await;
    let all = |page: &testbed::Page| page.series("aws_iam_access_key_info").len() == 300 && is_up(page);
    let page = exporter.page_within(Duration::from_mins(4), "all 300 keys, and up", all).await;
    let usages = page.with("aws_iam_access_key_info", &[("usage", "never")]);
    assert_eq!(usages.len(), 300, "each key's last use was asked for until it was told");
    assert!(failures(&page, "ListAccessKeys", "throttled") > 0.0, "the test has throttled something");
}
