//! What becomes of keys that change in AWS.

use aws_stub::Stub;
use testbed::Page;

use crate::{ACCOUNT, DAY, QUICK, deny_the_report, exporter, failures, is_down, is_up};

fn ids(page: &Page, family: &str) -> Vec<String> {
    page.series(family).iter().map(|sample| sample.label("access_key_id").to_owned()).collect()
}

async fn two_overdue_keys() -> Stub {
    let stub = Stub::start().await.unwrap();
    let now = stub.cloud().now();
    for (user, key) in [("one", "AKIAONE"), ("two", "AKIATWO")] {
        stub.cloud().account(ACCOUNT).user(user).key(key, now - 100 * DAY);
    }
    stub
}

const DUE: &str = "aws_iam_access_key_rotation_due_timestamp_seconds";

#[tokio::test]
async fn a_deleted_key_disappears() {
    let stub = two_overdue_keys().await;
    let exporter = exporter(&stub, QUICK).await;
    exporter.page_when("two keys due", |page| ids(page, DUE).len() == 2).await;
    stub.cloud().account(ACCOUNT).user("one").remove_key("AKIAONE");
    let page = exporter.page_when("one key due", |page| ids(page, DUE) == ["AKIATWO"]).await;
    assert!(is_up(&page));
    for family in ["aws_iam_access_key_info", "aws_iam_access_key_age_seconds", "aws_iam_access_key_active"] {
        assert_eq!(ids(&page, family), ["AKIATWO"], "{family}");
    }
}

#[tokio::test]
async fn a_deleted_user_disappears() {
    let stub = two_overdue_keys().await;
    let exporter = exporter(&stub, QUICK).await;
    exporter.page_when("two keys due", |page| ids(page, DUE).len() == 2).await;
    stub.cloud().account(ACCOUNT).remove_user("two");
    let page = exporter.page_when("one key", |page| ids(page, "aws_iam_access_key_info") == ["AKIAONE"]).await;
    assert!(is_up(&page));
}

#[tokio::test]
async fn a_deactivated_key_is_no_longer_due() {
    let stub = two_overdue_keys().await;
    let exporter = exporter(&stub, QUICK).await;
    exporter.page_when("two keys due", |page| ids(page, DUE).len() == 2).await;
    stub.cloud().account(ACCOUNT).user("one").keys[0].deactivate();
    let page = exporter.page_when("one key due", |page| ids(page, DUE) == ["AKIATWO"]).await;
    assert_eq!(page.value("aws_iam_access_key_active", &[("access_key_id", "AKIAONE")]), Some(0.0));
    assert_eq!(page.value("aws_iam_account_access_keys_overdue", &[]), Some(1.0));
}

#[tokio::test]
async fn a_key_without_creation_date_is_an_invalid_answer_and_not_56_years_old() {
    for listing in [true, false] {
        let stub = two_overdue_keys().await;
        if listing {
            deny_the_report(&stub);
        }
        stub.cloud().account(ACCOUNT).user("one").keys[0].omit_create_date = true;
        let exporter = exporter(&stub, QUICK).await;
        let page = exporter.page_when("the account down", is_down).await;
        assert_eq!(ids(&page, "aws_iam_access_key_age_seconds"), ["AKIATWO"], "listing: {listing}");
        assert!(failures(&page, "ListAccessKeys", "invalid_response") > 0.0);
        stub.cloud().account(ACCOUNT).user("one").keys[0].omit_create_date = false;
        let page = exporter.page_when("the account up", is_up).await;
        assert_eq!(ids(&page, DUE), ["AKIAONE", "AKIATWO"]);
    }
}

#[tokio::test]
async fn a_known_key_outlives_answers_without_its_creation_date() {
    let stub = two_overdue_keys().await;
    let exporter = exporter(&stub, QUICK).await;
    let healthy = exporter.page_when("the account up", is_up).await.alert_relevant();
    stub.cloud().account(ACCOUNT).user("one").keys[0].omit_create_date = true;
    let page = exporter.page_when("the account down", is_down).await;
    assert_eq!(page.alert_relevant(), healthy);
}
