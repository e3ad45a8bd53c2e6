//! Every operation of a poll, gone wrong in every way, at the first poll and later: the
//! overdue keys stay, the account says it is failing, the reason is right, recovery is whole.

use std::{collections::BTreeSet, time::Duration};

use crate::in_process::{ACCOUNT, DAY, POLL, Watch, now};
use aws_stub::{Fault, Stub};
use iam_key_exporter::aws::Reason;

/// Operations without which a poll falls short, and whether a refusal is done without.
const OPERATIONS: [(&str, bool); 7] = [
    ("GetAccountSummary", true),
    ("GenerateCredentialReport", true),
    ("GetCredentialReport", true),
    ("GetAccountAuthorizationDetails", true),
    ("ListAccessKeys", false),
    ("GetAccessKeyLastUsed", false),
    ("ListUserTags", true),
];

fn faults() -> Vec<(Fault, Reason)> {
    vec![
        (Fault::Throttle, Reason::Throttled),
        (Fault::ServiceFailure, Reason::Other),
        (Fault::Delay(Duration::from_mins(1)), Reason::Timeout),
        (Fault::DropConnection, Reason::Network),
        (Fault::CutBody, Reason::Network),
        (Fault::MalformedXml, Reason::InvalidResponse),
        (Fault::EmptyBody, Reason::InvalidResponse),
        (Fault::AccessDenied, Reason::AccessDenied),
        (Fault::ExpiredToken, Reason::AccessDenied),
    ]
}

fn seeded() -> Stub {
    let stub = Stub::unbound();
    {
        let mut cloud = stub.cloud();
        let account = cloud.account(ACCOUNT);
        account.user("ci-bot").key("AKIAOLD", now() - 97 * DAY).used(now() - DAY, "s3", "us-east-1");
        account.user("backup").key("AKIAOLDER", now() - 400 * DAY);
        account.user("fresh").key("AKIANEW", now() - 3 * DAY);
        account.user("retired").key("AKIAOFF", now() - 500 * DAY).deactivate();
    }
    stub
}

fn overdue() -> BTreeSet<String> {
    ["AKIAOLD", "AKIAOLDER"].map(String::from).into()
}

fn failures(watch: &Watch, operation: &str, reason: Reason) -> u64 {
    let counts = watch.tally.counts();
    counts.iter().filter(|((_, o), _)| *o == operation).map(|(_, count)| count.failures(reason)).sum()
}

async fn assert_recovered(watch: &mut Watch, what: &str) {
    watch.stub.cloud().clear_faults();
    watch.poll_after(4 * 3600 + POLL).await;
    assert!(watch.is_up(), "{what}: recovered, but {:?}", watch.errors());
    assert_eq!(watch.overdue(), overdue(), "{what}: recovered");
    assert_eq!(watch.keys("aws_iam_access_key_active").len(), 4, "{what}: recovered");
    let source = watch.value("aws_iam_account_census_info", "credential_report");
    assert_eq!(source, Some(1), "{what}: back to the report");
}

/// A fault that hits an operation the poll can do without leaves the account up.
fn is_done_without(fault: &Fault, optional: bool) -> bool {
    optional && *fault == Fault::AccessDenied
}

async fn steady(operation: &str, optional: bool, fault: &Fault, reason: Reason) {
    let what = format!("{operation} with {fault:?} later");
    let mut watch = Watch::new(&seeded(), None).await;
    watch.poll().await;
    assert_eq!(watch.overdue(), overdue(), "{what}: at first");
    watch.stub.cloud().fault(operation, fault.clone());
    watch.poll_after(POLL).await;
    watch.poll_after(4 * 3600).await;
    assert_eq!(watch.overdue(), overdue(), "{what}: {:?}", watch.errors());
    if operation != "ListUserTags" {
        assert!(failures(&watch, operation, reason) > 0, "{what}: counted as {reason:?}, {:?}", watch.tally);
        assert_eq!(watch.is_up(), is_done_without(fault, optional), "{what}: {:?}", watch.errors());
    }
    assert_recovered(&mut watch, &what).await;
}

async fn first(operation: &str, optional: bool, fault: &Fault, reason: Reason) {
    let what = format!("{operation} with {fault:?} at first");
    let mut watch = Watch::new(&seeded(), None).await;
    watch.stub.cloud().fault(operation, fault.clone());
    watch.poll().await;
    assert!(watch.overdue().is_subset(&overdue()), "{what}");
    if operation != "ListUserTags" {
        assert!(failures(&watch, operation, reason) > 0, "{what}: counted as {reason:?}, {:?}", watch.tally);
        assert_eq!(watch.is_up(), is_done_without(fault, optional), "{what}: {:?}", watch.errors());
    }
    assert_recovered(&mut watch, &what).await;
}

#[test]
fn any_fault_of_any_operation_is_told_survived_and_recovered_from() {
    for (operation, optional) in OPERATIONS {
        for (fault, reason) in faults() {
            crate::in_process::run(steady(operation, optional, &fault, reason));
            crate::in_process::run(first(operation, optional, &fault, reason));
        }
    }
}

#[test]
fn tags_that_cannot_be_read_directly_are_told() {
    crate::in_process::run(async {
        let mut watch = Watch::new(&seeded(), None).await;
        watch.poll().await;
        watch.stub.cloud().fault("ListUserTags", Fault::ServiceFailure);
        watch.poll_after(POLL).await;
        assert!(!watch.is_up());
        let failures = failures(&watch, "ListUserTags", Reason::Other);
        assert!(failures > 0 && failures.is_multiple_of(3), "three attempts a call, {failures} failures");
        assert_eq!(watch.overdue(), overdue());
    });
}

#[test]
fn a_report_that_is_none_keeps_what_is_known() {
    let bad: [&[u8]; 4] = [b"", b"not a report", b"user,arn\nx,y", b"\xff\xfe\x00"];
    for content in bad {
        crate::in_process::run(async {
            let mut watch = Watch::new(&seeded(), None).await;
            watch.poll().await;
            watch.stub.cloud().fault("GetCredentialReport", Fault::Report(content.to_vec()));
            watch.poll_after(4 * 3600 + POLL).await;
            assert!(!watch.is_up());
            assert_eq!(watch.overdue(), overdue());
            assert!(failures(&watch, "GetCredentialReport", Reason::InvalidResponse) > 0);
            assert_recovered(&mut watch, "a bad report").await;
        });
    }
}
