//! What AWS does not tell, or no longer tells, must be seen: a critical alert that can never come is
//! worse than one that comes for nothing.

use std::sync::atomic::Ordering::Relaxed;

use aws_stub::{Fault, Key, Stub};
use iam_key_exporter::state::StateDir;

use crate::{
    cost::Shape,
    in_process::{ACCOUNT, DAY, POLL, Watch, now, run},
    organization,
};

const REPORT_LIFETIME: i64 = 4 * 3600;
const ROOT_KEYS: &str = "aws_iam_account_root_access_keys";

fn with_key(age: i64) -> Stub {
    let stub = Stub::unbound();
    stub.cloud().account(ACCOUNT).user("ci").key("AKIACI", now() - age);
    stub
}

#[test]
fn a_root_key_is_seen_though_the_count_is_not_permitted_any_more() {
    run(async {
        let stub = with_key(DAY);
        let mut watch = Watch::new(&stub, None).await;
        watch.poll().await;
        assert_eq!(watch.value(ROOT_KEYS, ACCOUNT), Some(0));
        stub.cloud().fault("GetAccountSummary", Fault::AccessDenied);
        stub.cloud().account(ACCOUNT).root_keys.push(Key::new("AKIAROOT", now()));
        watch.poll_after(REPORT_LIFETIME + POLL).await;
        assert_eq!(watch.value(ROOT_KEYS, ACCOUNT), Some(1));
        assert!(watch.keys("aws_iam_access_key_active").contains_key("root-1"));
        stub.cloud().account(ACCOUNT).root_keys.clear();
        watch.poll_after(REPORT_LIFETIME + POLL).await;
        assert_eq!(watch.value(ROOT_KEYS, ACCOUNT), Some(0));
        assert!(!watch.keys("aws_iam_access_key_active").contains_key("root-1"));
    });
}

#[test]
fn a_root_key_that_the_count_says_is_gone_does_not_come_back_with_an_older_report() {
    run(async {
        let stub = with_key(DAY);
        stub.cloud().account(ACCOUNT).root_keys.push(Key::new("AKIAROOT", now()));
        let mut watch = Watch::new(&stub, None).await;
        watch.poll().await;
        assert_eq!(watch.value(ROOT_KEYS, ACCOUNT), Some(1));
        stub.cloud().account(ACCOUNT).root_keys.clear();
        // Its report is the one that AWS still keeps.
        let mut fresh = Watch::new(&stub, None).await;
        fresh.poll_after(POLL).await;
        assert_eq!(fresh.value(ROOT_KEYS, ACCOUNT), Some(0));
        assert!(!fresh.keys("aws_iam_access_key_active").contains_key("root-1"));
    });
}

#[test]
fn an_account_whose_leaked_keys_cannot_be_known_is_not_up() {
    for (denied, is_up) in [
        (&["GetAccountAuthorizationDetails"][..], true),
        (&["ListAttachedUserPolicies"], true),
        (&["GetAccountAuthorizationDetails", "ListAttachedUserPolicies"], false),
    ] {
        run(async {
            let (stub, dir) = (with_key(DAY), tempfile::tempdir().unwrap());
            let state = || Some(StateDir::open(dir.path()).unwrap());
            for operation in denied {
                stub.cloud().fault(operation, Fault::AccessDenied);
            }
            let mut first = Watch::new(&stub, state()).await;
            first.poll().await;
            assert_eq!(first.is_up(), is_up, "{denied:?}: {:?}", first.errors());
            // A restart forgets what was refused, and does not ask for hours.
            let mut watch = Watch::new(&stub, state()).await;
            watch.poll().await;
            assert_eq!(watch.is_up(), is_up, "{denied:?}: {:?}", watch.errors());
            let calls = stub.cloud().total_calls();
            watch.poll_after(POLL).await;
            assert_eq!(watch.is_up(), is_up, "{denied:?}: {:?}", watch.errors());
            assert_eq!(stub.cloud().total_calls() - calls, 1, "{denied:?}: it is not asked again at every poll");
            stub.cloud().clear_faults();
            watch.poll_after(REPORT_LIFETIME + POLL).await;
            assert!(watch.is_up(), "{denied:?}: {:?}", watch.errors());
        });
    }
}

#[test]
fn nothing_is_kept_of_an_account_of_which_nothing_was_read() {
    run(async {
        let (stub, dir) = (with_key(DAY), tempfile::tempdir().unwrap());
        let state = StateDir::open(dir.path()).unwrap();
        let mut watch = Watch::new(&stub, Some(state.clone())).await;
        let all_but_who_we_are =
            ["ListUsers", "GenerateCredentialReport", "GetCredentialReport", "GetAccountAuthorizationDetails"];
        for operation in all_but_who_we_are {
            stub.cloud().fault(operation, Fault::ServiceFailure);
        }
        watch.poll().await;
        assert!(!watch.is_up() && state.load().is_empty());
        stub.cloud().clear_faults();
        watch.poll_after(POLL).await;
        assert!(watch.is_up() && state.load().len() == 1);
    });
}

#[test]
fn two_root_keys_are_two_though_the_count_says_one() {
    run(async {
        let stub = with_key(DAY);
        let keys = ["AKIAROOT1", "AKIAROOT2"].map(|id| Key::new(id, now()));
        stub.cloud().account(ACCOUNT).root_keys.extend(keys);
        let mut watch = Watch::new(&stub, None).await;
        for _ in 0..3 {
            watch.poll_after(POLL).await;
            assert_eq!(watch.value(ROOT_KEYS, ACCOUNT), Some(2));
        }
    });
}

#[test]
fn details_user_by_user_go_on_from_poll_to_poll_and_the_account_is_up_when_they_are_known() {
    run(async {
        let stub = Shape::of(2_000).stub();
        stub.cloud().fault("GetAccountAuthorizationDetails", Fault::AccessDenied);
        let mut watch = Watch::new(&stub, None).await;
        watch.poll().await;
        assert_eq!(
            watch.value("aws_iam_account_data_timestamp_seconds", "details"),
            None,
            "some are still to be asked"
        );
        for _ in 0..9 {
            watch.poll_after(POLL).await;
        }
        assert!(watch.is_up(), "{:?}", watch.errors());
        assert!(watch.value("aws_iam_account_data_timestamp_seconds", "details").is_some());
    });
}

#[test]
fn a_leaked_key_is_read_at_every_poll_however_young_it_is() {
    run(async {
        let stub = with_key(DAY);
        let policy = "AWSCompromisedKeyQuarantineV3".to_owned();
        stub.cloud().account(ACCOUNT).user("ci").attached_policies.push(policy);
        let mut watch = Watch::new(&stub, None).await;
        watch.poll().await;
        assert!(watch.keys("aws_iam_access_key_quarantined").contains_key("AKIACI"));
        stub.cloud().account(ACCOUNT).user("ci").keys.clear();
        watch.poll_after(POLL).await;
        assert!(watch.keys("aws_iam_access_key_quarantined").is_empty(), "deleted, and gone within one poll");
    });
}

#[test]
fn an_organization_that_was_never_listed_says_so() {
    run(async {
        let stub = with_key(DAY);
        stub.cloud().fault("ListAccounts", Fault::AccessDenied);
        let mut watch = Watch::of(&stub, None, organization::sources(organization::ROLE)).await;
        watch.poll().await;
        assert_eq!((watch.changes.has_organization.load(Relaxed), watch.changes.listed_at.load(Relaxed)), (true, 0));
        stub.cloud().clear_faults();
        watch.poll_after(POLL).await;
        assert_eq!(watch.changes.listed_at.load(Relaxed), now());
        let mut alone = Watch::new(&stub, None).await;
        alone.poll().await;
        assert!(!alone.changes.has_organization.load(Relaxed));
    });
}

#[test]
fn an_account_that_nobody_can_be_found_for_is_not_up() {
    run(async {
        let stub = with_key(100 * DAY);
        let dir = tempfile::tempdir().unwrap();
        let state = || Some(StateDir::open(dir.path()).unwrap());
        let other = "200000000000";
        stub.cloud().account(other).user("ci").key("AKIAOTHER", now() - DAY);
        let config = format!("accounts:\n- {{ role_arn: 'arn:aws:iam::{other}:role/reader' }}\n");
        let mut first = Watch::of(&stub, state(), organization::sources(&config)).await;
        first.poll().await;
        assert_eq!(first.by_account("aws_iam_account_up"), [(ACCOUNT.into(), 1.0), (other.into(), 1.0)].into());
        stub.cloud().fault("GetCallerIdentity", Fault::ServiceFailure);
        let mut second = Watch::of(&stub, state(), organization::sources(&config)).await;
        second.poll().await;
        let ups = second.by_account("aws_iam_account_up");
        assert_eq!((ups.get(ACCOUNT), ups.get(other)), (Some(&0.0), Some(&1.0)), "{ups:?}");
        assert!(second.overdue().contains("AKIACI"), "nothing is lost");
    });
}
