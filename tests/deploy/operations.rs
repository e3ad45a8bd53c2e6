//! The calls that are made, against the policies that are printed: none missing, none to spare.

use std::{collections::BTreeSet, time::Duration};

use aws_stub::{DEFAULT_ACCOUNT, Fault, Stub};
use testbed::{Exporter, Settings};

use crate::{BINARY, DAY, QUICK, actions, policy};

const MEMBER: &str = "222233334444";
const UNIT: &str = "ou-ab12-11111111";

/// AWS permits it to everybody, and a policy cannot forbid it.
const FREE: &str = "GetCallerIdentity";

struct Case {
    config: String,
    without: &'static [&'static str],
    denied: &'static [&'static str],
}

fn case(config: &str) -> Case {
    Case { config: format!("{QUICK}{config}\n"), without: &[], denied: &[] }
}

async fn seeded(case: &Case) -> Stub {
    let stub = Stub::start().await.unwrap();
    let mut cloud = stub.cloud();
    let now = cloud.now();
    for account in [DEFAULT_ACCOUNT, MEMBER] {
        let user = cloud.account(account).user("ci");
        user.key(&format!("AKIA{account}"), now - 100 * DAY);
    }
    cloud.organization().unit(UNIT, "workloads", None);
    cloud.account(MEMBER).parent = Some(UNIT.to_owned());
    cloud.organization().hidden.insert("Paths".to_owned());
    if case.denied.contains(&"GenerateCredentialReport") {
        // A listing that takes a while is not begun again at once, so that due users are read by themselves.
        cloud.set_latency(Duration::from_millis(250));
    }
    for operation in case.denied {
        cloud.fault(operation, Fault::AccessDenied);
    }
    drop(cloud);
    stub
}

/// What the exporter calls in some polls, without that which is not permitted to it.
async fn called(case: &Case, account: &str) -> BTreeSet<String> {
    let stub = seeded(case).await;
    let _exporter = Exporter::start(BINARY, &Settings::of(stub.endpoint()).config(&case.config)).await.unwrap();
    let polls = || stub.cloud().calls_of(account).get("GetAccountSummary").copied().unwrap_or_default();
    let some = testbed::wait::until(Duration::from_mins(1), async || {
        if polls() > 4 { Ok(()) } else { Err(format!("{} polls", polls())) }
    });
    some.await.unwrap();
    let calls = stub.cloud().calls_of(account).into_keys();
    calls.filter(|call| call != FREE && !case.denied.contains(&call.as_str())).collect()
}

fn permitted(case: &Case, role: &str) -> BTreeSet<String> {
    let without = case.without.iter().map(|part| format!("--without={part}"));
    let args: Vec<String> = without.chain([format!("--role={role}")]).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let actions = actions(&policy(&case.config, &args));
    actions.iter().map(|action| action.split_once(':').unwrap().1.to_owned()).collect()
}

#[tokio::test]
async fn one_account_is_permitted_what_is_called_in_it() {
    let alone = case("");
    assert_eq!(called(&alone, DEFAULT_ACCOUNT).await, permitted(&alone, "hub"));
}

#[tokio::test]
async fn an_account_without_report_details_or_tags_is_permitted_what_is_called_instead() {
    let parts: [(&[&str], &[&str]); 4] = [
        (&["credential-report"], &["GenerateCredentialReport", "GetCredentialReport"]),
        (&["details"], &["GetAccountAuthorizationDetails"]),
        (&["tags"], &["ListUserTags"]),
        (
            &["credential-report", "details", "tags"],
            &["GenerateCredentialReport", "GetCredentialReport", "GetAccountAuthorizationDetails", "ListUserTags"],
        ),
    ];
    let tries = parts.map(async |(without, denied)| {
        let case = Case { without, denied, ..case("") };
        assert_eq!(called(&case, DEFAULT_ACCOUNT).await, permitted(&case, "hub"), "{without:?}");
    });
    futures_util::future::join_all(tries).await;
}

#[tokio::test]
async fn hub_and_member_of_an_organization_are_permitted_what_each_calls() {
    let whole = case("organization: { role_name: iam-key-exporter, refresh_interval: 400ms }");
    assert_eq!(called(&whole, DEFAULT_ACCOUNT).await, permitted(&whole, "hub"));
    assert_eq!(called(&whole, MEMBER).await, permitted(&whole, "member"));
}

#[tokio::test]
async fn a_hub_that_picks_units_is_permitted_to_walk_them() {
    let units = case(&format!("organization: {{ role_name: iam-key-exporter, include: [{UNIT}] }}"));
    assert_eq!(called(&units, DEFAULT_ACCOUNT).await, permitted(&units, "hub"));
}

#[tokio::test]
async fn a_hub_that_reads_other_accounts_alone_is_permitted_no_more_than_to_enter_them() {
    let role = format!("own_account: false\naccounts: [{{ role_arn: 'arn:aws:iam::{MEMBER}:role/reader' }}]");
    let listed = case(&role);
    assert_eq!(called(&listed, MEMBER).await, permitted(&listed, "member"));
    assert_eq!(permitted(&listed, "hub"), BTreeSet::from(["AssumeRole".to_owned()]));
}
