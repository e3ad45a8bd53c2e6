//! An account that does not permit everything: read at a higher price, told once.

use std::time::Duration;

use aws_stub::{Fault, Stub};
use testbed::{Exporter, Page};

use crate::{ACCOUNT, DAY, QUICK, exporter, is_up};

const DETAILS: &str = "GetAccountAuthorizationDetails";
const DENIED: &str = "iam:GenerateCredentialReport is not permitted";
const AGAIN: &str = "iam:GenerateCredentialReport is permitted again";

async fn leaked() -> Stub {
    let stub = Stub::start().await.unwrap();
    let now = stub.cloud().now();
    let mut cloud = stub.cloud();
    let user = cloud.account(ACCOUNT).user("ci-bot");
    user.key("AKIAOLD", now - 100 * DAY);
    user.attached_policies.push("AWSCompromisedKeyQuarantineV3".to_owned());
    drop(cloud);
    stub
}

fn came_from(page: &Page, source: &str) -> bool {
    page.value("aws_iam_account_census_info", &[("source", source)]) == Some(1.0) && is_up(page)
}

fn is_whole(page: &Page) -> bool {
    let due = page.value("aws_iam_access_key_rotation_due_timestamp_seconds", &[("access_key_id", "AKIAOLD")]);
    due.is_some() && page.value("aws_iam_access_key_quarantined", &[]) == Some(1.0)
}

fn said(exporter: &mut Exporter, words: &str) -> usize {
    exporter.process().log().matches(words).count()
}

/// Waits until this many calls were made on.
async fn calls(stub: &Stub, operation: &str, more: u64) {
    let made = || stub.cloud().calls().get(operation).copied().unwrap_or_default();
    let wanted = made() + more;
    let enough = testbed::wait::until(Duration::from_mins(1), async || {
        if made() >= wanted { Ok(()) } else { Err(format!("{} calls", made())) }
    });
    enough.await.unwrap();
}

#[tokio::test]
async fn without_the_report_the_account_is_listed_until_the_permission_returns() {
    let stub = leaked().await;
    crate::deny_the_report(&stub);
    let mut exporter = exporter(&stub, QUICK).await;
    let page = exporter.page_when("a listing", |page| came_from(page, "listing")).await;
    assert!(is_whole(&page), "{}", page.text());
    calls(&stub, "GenerateCredentialReport", 3).await;
    assert_eq!((said(&mut exporter, DENIED), said(&mut exporter, AGAIN)), (1, 0));
    stub.cloud().clear_faults();
    let page = exporter.page_when("a report", |page| came_from(page, "credential_report")).await;
    assert!(is_whole(&page), "{}", page.text());
    calls(&stub, "GetAccountSummary", 3).await;
    assert_eq!((said(&mut exporter, DENIED), said(&mut exporter, AGAIN)), (1, 1));
}

#[tokio::test]
async fn without_the_details_users_are_asked_for_one_by_one() {
    let stub = leaked().await;
    stub.cloud().fault(DETAILS, Fault::AccessDenied);
    let mut exporter = exporter(&stub, QUICK).await;
    let page = exporter.page_when("the account up", |page| came_from(page, "credential_report")).await;
    assert!(is_whole(&page), "{}", page.text());
    calls(&stub, "GetAccountSummary", 5).await;
    assert_eq!(said(&mut exporter, "iam:GetAccountAuthorizationDetails is not permitted"), 1);
    assert_eq!(said(&mut exporter, "is permitted again"), 0);
}
