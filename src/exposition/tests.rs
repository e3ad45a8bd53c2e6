use std::{ops::Range, sync::Arc};

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
        details_at: Some(NOW - 50),
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
    configured(account, is_up, "labels: { user_tags: ['cost:center', owner] }")
}

fn configured(account: Option<Account>, is_up: bool, config: &str) -> Exposition {
    let snapshots = Arc::new(Snapshots::default());
    let health = Health { is_up, errors: vec![], tried_at: NOW, seconds: 1.5 };
    snapshots.publish(&"111122223333".into(), account.map(Arc::new).as_ref(), Some(&health));
    Exposition::new(snapshots, &Config::parse(config).unwrap())
}

fn text(exposition: &Exposition, now: Timestamp) -> String {
    part::whole(&exposition.page(now))
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

const EXEMPTING: &str = "policy: { max_age_tag: max-age }\n\
    exemptions:\n- { user: ci-bot, until: 2026-10-01, reason: vendor }\n- { user: gone, until: 2026-10-01, reason: old }\n";

/// The lines of a family, without its name.
fn lines(page: &str, family: &str) -> Vec<String> {
    let lines = page.lines().filter_map(|line| line.strip_prefix(family)).filter(|line| line.starts_with('{'));
    lines.map(str::to_owned).collect()
}

#[test]
fn an_exempt_key_has_no_rotation_date_until_the_exemption_ends_by_itself() {
    let exposition = configured(Some(account()), true, EXEMPTING);
    let end = crate::config::parse_date("2026-10-01").unwrap();
    let due = "aws_iam_access_key_rotation_due_timestamp_seconds";
    let exempt = "aws_iam_access_key_exempt_until_timestamp_seconds";
    let has_old = |page: &str, family| lines(page, family).iter().any(|line| line.contains("AKIAOLD"));
    let overdue = |page: &str| lines(page, "aws_iam_account_access_keys_overdue")[0].ends_with(" 1");
    let (before, after) = (text(&exposition, end - 1), text(&exposition, end));
    assert_eq!((has_old(&before, due), has_old(&before, exempt), overdue(&before)), (false, true, false));
    assert_eq!((has_old(&after, due), has_old(&after, exempt), overdue(&after)), (true, false, true));
}

#[test]
fn an_exemption_that_holds_for_nobody_is_seen() {
    let page = text(&configured(Some(account()), true, EXEMPTING), NOW);
    let keys = lines(&page, "iam_key_exporter_exemption_keys");
    assert_eq!(
        keys,
        [
            "{account=\"*\",user=\"ci-bot\",until=\"2026-10-01\",reason=\"vendor\"} 1",
            "{account=\"*\",user=\"gone\",until=\"2026-10-01\",reason=\"old\"} 0",
        ]
    );
}

#[test]
fn a_tag_that_is_not_understood_is_seen() {
    let mut account = account();
    account.users[0].tags = vec![Tag { key: "max-age".into(), value: "often".into() }];
    let page = text(&configured(Some(account), true, EXEMPTING), NOW);
    let invalid = "{account_id=\"111122223333\",user_name=\"ci-bot\",tag_key=\"max-age\"} 1";
    assert_eq!(lines(&page, "aws_iam_user_tag_invalid"), [invalid]);
}

fn published(snapshots: &Snapshots, account: Account) {
    let health = Health { is_up: true, errors: vec![], tried_at: NOW, seconds: 1.5 };
    snapshots.publish(&"111122223333".into(), Some(&Arc::new(account)), Some(&health));
}

fn wide() -> Account {
    with_keys(100..200)
}

/// Each as old as its number says.
fn with_keys(numbers: Range<i64>) -> Account {
    let key = |number: i64| key(&format!("AKIA{number:016}"), number, Status::Active, LastUse::Never);
    let user = |number| User { keys: vec![key(number)], ..User::new(format!("user-{number}").into(), "/".into()) };
    Account { users: numbers.map(user).collect(), ..account() }
}

#[test]
fn scrapes_of_one_second_share_one_page() {
    let snapshots = Arc::new(Snapshots::default());
    published(&snapshots, wide());
    let exposition = Exposition::new(snapshots.clone(), &Config::default());
    let page = exposition.page(NOW);
    assert!(Arc::ptr_eq(&page, &exposition.page(NOW)));
    assert!(!Arc::ptr_eq(&page, &exposition.page(NOW + 1)));
    published(&snapshots, wide());
    assert!(!Arc::ptr_eq(&page, &exposition.page(NOW)), "news must not wait for the next second");
}

#[test]
fn what_did_not_change_is_shared_by_later_snapshots() {
    let snapshots = Arc::new(Snapshots::default());
    published(&snapshots, wide());
    let exposition = Exposition::new(snapshots.clone(), &Config::default());
    let before = exposition.page(NOW);
    let mut changed = wide();
    changed.users[0].keys[0].status = Status::Inactive;
    published(&snapshots, changed);
    let after = exposition.page(NOW + 1);
    let shared = |family: &str| {
        let of = |page: &[Arc<Part>]| page.iter().find(|part| part.text().starts_with(family.as_bytes())).cloned();
        Arc::ptr_eq(&of(&before).unwrap(), &of(&after).unwrap())
    };
    assert!(shared("aws_iam_access_key_created_timestamp_seconds{"));
    assert!(!shared("aws_iam_access_key_active{"));
    assert!(!shared("aws_iam_access_key_info{"));
}

/// How many parts of each family that is not an age are other ones after the change.
fn renewed(change: impl Fn(&mut Account)) -> usize {
    let snapshots = Arc::new(Snapshots::default());
    published(&snapshots, with_keys(1_000..6_000));
    let exposition = Exposition::new(snapshots.clone(), &Config::default());
    let before = exposition.page(NOW);
    let mut changed = with_keys(1_000..6_000);
    change(&mut changed);
    published(&snapshots, changed);
    let after = exposition.page(NOW);
    let is_new = |part: &&Arc<Part>| !before.iter().any(|known| Arc::ptr_eq(known, part));
    let is_age = |part: &&Arc<Part>| part.as_str().contains("aws_iam_access_key_age_seconds");
    assert!(before.len() > 50 && before.iter().all(|part| part.text().len() < 128 << 10));
    after.iter().filter(is_new).filter(|part| !is_age(part)).count()
}

#[test]
fn a_change_in_a_large_account_leaves_most_parts_as_they_are() {
    let keyed = User { keys: with_keys(1..2).users[0].keys.clone(), ..User::new("a".into(), "/".into()) };
    let families = 8;
    assert!(renewed(|account| account.users[2_500].keys[0].created -= 1) <= families);
    assert!(renewed(|account| account.users[2_500].keys[0].status = Status::Inactive) <= families);
    assert!(renewed(|account| account.users.insert(0, keyed.clone())) <= families);
    assert!(renewed(|account| drop(account.users.remove(0))) <= families);
}

#[test]
fn a_large_account_has_every_line() {
    let snapshots = Arc::new(Snapshots::default());
    published(&snapshots, with_keys(1_000..6_000));
    let page = part::whole(&Exposition::new(snapshots, &Config::default()).page(NOW));
    let ages = lines(&page, "aws_iam_access_key_age_seconds");
    assert_eq!((ages.len(), ages.last().unwrap().ends_with("} 5999")), (5_000, true));
    assert_eq!(lines(&page, "aws_iam_access_key_active").len(), 5_000);
}

#[test]
fn a_page_does_not_keep_the_snapshot_that_it_was_made_from() {
    let snapshots = Arc::new(Snapshots::default());
    published(&snapshots, wide());
    let exposition = Exposition::new(snapshots.clone(), &Config::default());
    let _page = exposition.page(NOW);
    let before = Arc::downgrade(snapshots.fleet().accounts["111122223333"].account.as_ref().unwrap());
    published(&snapshots, wide());
    assert!(before.upgrade().is_none());
}
