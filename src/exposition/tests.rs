use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    inventory::{AccessKey, Account, Census, CensusSource, LastUse, Status, Tag, Use, User},
    snapshot::Health,
};

const DAY: i64 = 86_400;
const NOW: Timestamp = 1_790_000_000;

fn key(id: &str, age: i64, status: Status, last_use: LastUse) -> AccessKey {
    AccessKey { id: id.into(), created: NOW - age, status, last_use }
}

fn account() -> Account {
    let last = LastUse::Used(Use { at: NOW - DAY, service: "s3".into(), region: "eu-central-1".into() });
    let user = |name: &str, path: &str, keys| User { keys, ..User::new(name.into(), path.into()) };
    let mut leaked = user("leaked", "/", vec![key("AKIALEAK", DAY, Status::Active, LastUse::Never)]);
    leaked.is_quarantined = true;
    let tag = |key: &str, value: &str| Tag { key: key.into(), value: value.into() };
    leaked.tags = vec![tag("Cost:Center", "42 \"é\""), tag("unasked", "x")];
    Account {
        alias: Some("prod".into()),
        root_keys_present: Some(1),
        due_keys_at: Some(NOW - 5),
        users: vec![
            user("ci-bot", "/ci/", vec![key("AKIAOLD", 97 * DAY, Status::Active, last)]),
            leaked,
            user("no-keys", "/", vec![]),
            user(
                "o\"hara\\жук",
                "/",
                vec![
                    key("AKIANEW", 3 * DAY, Status::Active, LastUse::Never),
                    key("AKIAOFF", 400 * DAY, Status::Inactive, LastUse::Unknown),
                ],
            ),
        ],
        census: Census { source: CensusSource::CredentialReport, complete_at: Some(NOW - 60), next_at: NOW },
        ..Account::new(&"111122223333".into(), &"aws".into())
    }
}

fn exposition(account: Option<Account>, is_up: bool) -> Exposition {
    let snapshots = Arc::new(Snapshots::default());
    let health = Health { is_up, errors: vec![], tried_at: NOW, seconds: 1.5 };
    snapshots.publish(&"111122223333".into(), account.map(Arc::new).as_ref(), Some(&health));
    let labels = Labels { user_tags: vec!["cost:center".into(), "owner".into()] };
    Exposition::new(snapshots, Policy::new(Duration::from_hours(90 * 24)), &labels)
}

fn text(exposition: &Exposition, now: Timestamp) -> String {
    let page: Vec<u8> = exposition.page(now).concat();
    String::from_utf8(page).unwrap()
}

#[test]
fn an_account_is_written_as_in_the_golden_page() {
    let page = text(&exposition(Some(account()), true), NOW);
    let golden = include_str!("golden.prom");
    assert_eq!(page, golden, "the page is now:\n{page}");
}

#[test]
fn ages_grow_between_scrapes_of_one_snapshot() {
    let exposition = exposition(Some(account()), false);
    let age = |now| {
        let page = text(&exposition, now);
        let line = page.lines().find(|l| l.starts_with("aws_iam_access_key_age_seconds{") && l.contains("AKIAOLD"));
        line.unwrap().rsplit(' ').next().unwrap().parse::<i64>().unwrap()
    };
    assert_eq!(age(NOW), 97 * DAY);
    assert_eq!(age(NOW + 10), 97 * DAY + 10);
}

#[test]
fn a_key_counts_as_overdue_from_the_second_it_falls_due() {
    let exposition = exposition(Some(account()), true);
    let overdue = |now| text(&exposition, now).contains("access_keys_overdue{account_id=\"111122223333\"} 3\n");
    let due = NOW - DAY + 90 * DAY;
    assert!(!overdue(due - 1));
    assert!(overdue(due));
}

#[test]
fn an_account_that_was_never_read_has_health_and_no_data() {
    let page = text(&exposition(None, false), NOW);
    assert!(page.contains("aws_iam_account_up{account_id=\"111122223333\"} 0\n"));
    assert!(!page.contains("aws_iam_access_key"));
    assert!(!page.contains("data_timestamp"));
    assert!(!page.contains("overdue"));
}
