//! Every page of everything, whatever size AWS makes them.

use std::time::Duration;

use aws_stub::Stub;
use testbed::Page;

use crate::{ACCOUNT, DAY, QUICK, deny_the_report, exporter, is_up};

const USERS: usize = 2_500;
const KEYED: usize = 250;
/// More keys than a page of 7 has, on one user.
const KEYS_OF_ONE: usize = 9;

fn seeded(stub: &Stub, page_size: usize) {
    let mut cloud = stub.cloud();
    let now = cloud.now();
    cloud.set_page_size(page_size);
    let account = cloud.account(ACCOUNT);
    for number in 0..USERS {
        let user = account.user(&format!("user-{number:04}"));
        if number % (USERS / KEYED) == 9 {
            user.key(&format!("AKIA{number:012}"), now - 10 * DAY);
        }
    }
    let hoarder = account.user("user-2499");
    for number in 1..KEYS_OF_ONE {
        hoarder.key(&format!("AKIAHOARD{number}"), now - 100 * DAY);
    }
}

async fn assert_all_is_read(page_size: usize, by_listing: bool) {
    let stub = Stub::start().await.unwrap();
    seeded(&stub, page_size);
    if by_listing {
        deny_the_report(&stub);
    }
    let exporter = exporter(&stub, QUICK).await;
    let is_complete = |page: &Page| is_up(page) && !page.series("aws_iam_account_users").is_empty();
    let page = exporter.page_within(Duration::from_mins(4), "the census complete", is_complete).await;
    let source = if by_listing { "listing" } else { "credential_report" };
    assert_eq!(page.value("aws_iam_account_census_info", &[("source", source)]), Some(1.0));
    assert_eq!(page.value("aws_iam_account_users", &[("account_id", ACCOUNT)]), Some(2_500.0));
    // The report has room for two keys of a user; the others are seen once the user is read directly.
    let keys = KEYED + KEYS_OF_ONE - 1;
    assert_eq!(page.series("aws_iam_access_key_active").len(), keys, "pages of {page_size}");
    let calls = stub.cloud().calls();
    let users_call = if by_listing { "ListUsers" } else { "GetAccountAuthorizationDetails" };
    assert!(calls[users_call] >= u64::try_from(USERS.div_ceil(page_size)).unwrap(), "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_thousand() {
    assert_all_is_read(1_000, true).await;
    assert_all_is_read(1_000, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_hundred() {
    assert_all_is_read(100, true).await;
    assert_all_is_read(100, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_seven() {
    assert_all_is_read(7, true).await;
    assert_all_is_read(7, false).await;
}
