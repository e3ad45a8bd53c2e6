use super::{
    judged::State,
    survey::{Leaf, sorted_part},
    view::{ACCOUNTS, KEYS},
    *,
};
use crate::{
    inventory::{AccessKey, Census, CensusSource, LastUse, Status, Tag, Use, User},
    snapshot::Health,
};

const DAY: i64 = 86_400;
const NOW: Timestamp = 1_790_000_000;
const CONFIG: &str =
    "labels: { user_tags: [team, Owner] }\nexemptions: [{ user: 'ses-*', until: 2026-10-01, reason: r }]";

fn key(id: &str, age: i64) -> AccessKey {
    AccessKey { id: id.into(), created: NOW - age, status: Status::Active, last_use: LastUse::Never }
}

fn user(name: &str, owner: &str, keys: Vec<AccessKey>) -> User {
    let tags = if owner.is_empty() { vec![] } else { vec![Tag { key: "owner".into(), value: owner.into() }] };
    User { tags, keys, ..User::new(name.into(), "/".into()) }
}

fn account(id: &str, mut users: Vec<User>) -> Account {
    users.sort_by(|one, other| one.name.cmp(&other.name));
    let census = Census { source: CensusSource::CredentialReport, complete_at: Some(NOW - 7_200), next_at: NOW };
    let due_keys_at = Some(NOW - 5);
    Account { users, census, due_keys_at, root_keys_present: Some(0), ..Account::new(&id.into(), &"aws".into()) }
}

fn health(errors: &[&str]) -> Health {
    let errors: Vec<_> = errors.iter().map(|error| (*error).to_owned()).collect();
    Health { is_up: errors.is_empty(), errors, tried_at: NOW - 3, seconds: 0.5 }
}

fn page_of(accounts: Vec<(Account, Option<Health>)>) -> StatusPage {
    let snapshots = Arc::new(Snapshots::default());
    for (account, health) in accounts {
        snapshots.publish(&account.id.clone(), Some(&Arc::new(account)), health.as_ref());
    }
    StatusPage::new(snapshots, &Config::parse(CONFIG).unwrap(), "/metrics")
}

/// One key in each state, two of some.
fn fleet() -> StatusPage {
    let off = AccessKey { status: Status::Inactive, ..key("AKIAOFF", 400 * DAY) };
    let users = vec![
        user("new", "search", vec![key("AKIANEW", DAY)]),
        user("off", "search", vec![off]),
        user("late", "Payments", vec![key("AKIALATE", 91 * DAY)]),
        user("later", "", vec![key("AKIALATER", 400 * DAY)]),
        user("soon", "payments", vec![key("AKIASOON", 76 * DAY), key("AKIASOONER", 80 * DAY)]),
        user("ses-mail", "search", vec![key("AKIASES", 200 * DAY)]),
    ];
    let other = vec![user("edge", "search", vec![key("AKIAEDGE", 90 * DAY)])];
    let named = Account { name: Some("Staging".into()), ..account("222233334444", other) };
    page_of(vec![(account("111122223333", users), Some(health(&[]))), (named, Some(health(&["no <way> in"])))])
}

/// The ids of the keys shown, from the top.
fn ids(html: &str) -> Vec<&str> {
    let cells = html.split("<code>").skip(1);
    cells.filter_map(|cell| cell.split("</code>").next()).collect()
}

#[test]
fn what_is_due_first_is_on_top_and_what_is_inactive_last() {
    let order = ["AKIALATER", "AKIALATE", "AKIAEDGE", "AKIASOONER", "AKIASOON", "AKIANEW", "AKIASES", "AKIAOFF"];
    assert_eq!(ids(&fleet().html("", NOW)), order);
}

#[test]
fn a_state_changes_in_the_very_second() {
    let page = page_of(vec![(account("1", vec![user("u", "", vec![key("AKIA", 0)])]), Some(health(&[])))]);
    let shown = |state: &str, at| ids(&page.html(&format!("state={state}"), NOW + at)).len();
    for (at, state) in
        [(76 * DAY - 1, "in-time"), (76 * DAY, "due-soon"), (90 * DAY - 1, "due-soon"), (90 * DAY, "overdue")]
    {
        for other in ["in-time", "due-soon", "overdue", "exempt", "inactive"] {
            assert_eq!(shown(other, at), usize::from(other == state), "{other} at {at}");
        }
    }
}

#[test]
fn an_exemption_ends_by_itself() {
    let end = crate::config::parse_date("2026-10-01").unwrap();
    let page = fleet();
    let exempt = |now| ids(&page.html("state=exempt", now)).join(",");
    assert_eq!((exempt(end - 1).as_str(), exempt(end).as_str()), ("AKIASES", ""));
    assert!(ids(&page.html("state=overdue", end)).contains(&"AKIASES"));
    assert!(page.html("state=exempt", NOW).contains("<small>2026-10-01</small>"), "no date of the exemption");
}

#[test]
fn filters_choose_by_account_owner_and_state_together() {
    let cases = [
        ("owner=payments", "AKIALATE,AKIASOONER,AKIASOON"),
        ("owner=PAYMENTS&state=due-soon", "AKIASOONER,AKIASOON"),
        ("account=222233334444", "AKIAEDGE"),
        ("account=staging&owner=search", "AKIAEDGE"),
        ("account=staging&owner=payments", ""),
        ("state=unowned", "AKIALATER"),
        ("state=inactive", "AKIAOFF"),
        ("state=root", ""),
        ("state=quarantined", ""),
        ("account=2222", ""),
    ];
    for (query, expected) in cases {
        assert_eq!(ids(&fleet().html(query, NOW)).join(","), expected, "{query}");
    }
}

#[test]
fn root_keys_and_quarantined_ones_stand_out_and_can_be_chosen() {
    let mut leaked = user("leaked", "", vec![key("AKIALEAK", DAY)]);
    leaked.is_quarantined = true;
    let mut with_root = account("1", vec![leaked]);
    with_root.root.keys = vec![key("root-1", 3 * DAY)];
    with_root.root_keys_present = Some(1);
    let page = page_of(vec![(with_root, Some(health(&[])))]);
    assert_eq!(ids(&page.html("state=root", NOW)), ["root-1"]);
    assert_eq!(ids(&page.html("state=quarantined", NOW)), ["AKIALEAK"]);
    let html = page.html("", NOW);
    assert!(html.contains("AWSIAMUserQuarantined.md\" rel=\"noreferrer\" title=\"Quarantined: runbook\""));
    assert!(html.contains("AWSIAMRootAccessKeyPresent.md\" rel=\"noreferrer\" title=\"Root key: runbook\""));
    assert_eq!([tile(&html, "Quarantined"), tile(&html, "Root keys")], ["1", "1"]);
}

#[test]
fn last_use_has_three_states() {
    let last = LastUse::Used(Use { at: NOW - 3_600, service: "s3".into(), region: "eu-central-1".into() });
    let of = |last_use| {
        let one = AccessKey { last_use, ..key("AKIA", DAY) };
        page_of(vec![(account("1", vec![user("u", "", vec![one])]), Some(health(&[])))]).html("", NOW)
    };
    let cell =
        |html: &str| html.split("data-label=\"Last use\">").nth(1).unwrap().split("</td>").next().unwrap().to_owned();
    assert!(cell(&of(last)).contains(">1 h ago</time><small>s3, eu-central-1</small>"));
    assert_eq!(cell(&of(LastUse::Never)), "never");
    assert_eq!(cell(&of(LastUse::Unknown)), "<span class=\"quiet\">unknown</span>");
}

#[test]
fn an_active_key_unused_for_long_is_called_so_unless_its_use_is_unknown() {
    let used = |days| LastUse::Used(Use { at: NOW - days * DAY, service: "s3".into(), region: "N/A".into() });
    let is_called = |last_use, status| {
        let one = AccessKey { status, last_use, ..key("AKIA", 60 * DAY) };
        let html = page_of(vec![(account("1", vec![user("u", "", vec![one])]), Some(health(&[])))]).html("", NOW);
        html.contains("title=\"Unused: runbook\"")
    };
    assert!(is_called(LastUse::Never, Status::Active));
    assert!(is_called(used(45), Status::Active));
    assert!(!is_called(used(44), Status::Active));
    assert!(!is_called(LastUse::Unknown, Status::Active));
    assert!(!is_called(LastUse::Never, Status::Inactive));
}

/// The number in this tile.
fn tile<'a>(html: &'a str, label: &str) -> &'a str {
    let after = html.split(&format!("{label}</span> <strong>")).nth(1).unwrap();
    after.split('<').next().unwrap()
}

#[test]
fn counts_are_of_the_whole_fleet_whatever_is_filtered() {
    for query in ["", "state=root", "owner=nobody"] {
        let html = fleet().html(query, NOW);
        let tiles = ["Overdue", "Due soon", "Quarantined", "Root keys", "Accounts failing", "Data age"];
        assert_eq!(tiles.map(|label| tile(&html, label)), ["3", "2", "0", "0", "1", "5 s"], "{query}");
        for plain in ["2 accounts", "7 users", "7 active keys", "1 inactive key", "1 exempt"] {
            assert!(html.contains(&format!("<span>{plain}</span>")), "{plain}");
        }
        assert!(html.contains("<title>3 overdue, 1 failing · iam-key-exporter</title>"));
    }
}

#[test]
fn what_is_not_known_is_not_zero() {
    let snapshots = Arc::new(Snapshots::default());
    let page = StatusPage::new(snapshots.clone(), &Config::default(), "/metrics");
    let html = page.html("", NOW);
    assert!(html.contains("No account is known yet") && html.contains("No keys are known yet."), "{html}");
    assert!(html.contains("<title>? overdue") && html.contains("users and keys not known yet"), "{html}");
    snapshots.publish(&"unknown".into(), None, Some(&health(&["loading credentials"])));
    let html = page.html("", NOW);
    assert_eq!(["Overdue", "Root keys", "Accounts failing"].map(|label| tile(&html, label)), ["?", "?", "1"]);
    assert!(html.contains("Nothing is known of it.") && html.contains("loading credentials"), "{html}");
    let known = account("111122223333", vec![]);
    snapshots.publish(&known.id.clone(), Some(&Arc::new(known)), Some(&health(&[])));
    let html = page.html("", NOW);
    assert_eq!(tile(&html, "Overdue"), "0");
    assert!(html.contains("1 account unknown") && html.contains("1 account not counted yet"), "{html}");
}

#[test]
fn an_account_fares_by_its_health_and_the_age_of_its_data() {
    let old = |due_keys: i64, census: i64| {
        let mut old = account("1", vec![]);
        (old.due_keys_at, old.census.complete_at) = (Some(NOW - due_keys), Some(NOW - census));
        old
    };
    let fare = |account, health| {
        let html = page_of(vec![(account, health)]).html("", NOW);
        let rows = html.split("id=\"accounts\"").nth(1).unwrap().split("</table>").next().unwrap().to_owned();
        let is = |label: &str| rows.contains(&format!("</span> {label}</"));
        ["Failing", "Not read yet", "Data is old", "Up"].into_iter().find(|label| is(label)).unwrap()
    };
    assert_eq!(fare(old(0, 0), Some(health(&[]))), "Up");
    assert_eq!(fare(old(7_200, 86_400), Some(health(&[]))), "Up");
    assert_eq!(fare(old(7_201, 0), Some(health(&[]))), "Data is old");
    assert_eq!(fare(old(0, 86_401), Some(health(&[]))), "Data is old");
    assert_eq!(fare(old(7_201, 0), Some(health(&["no"]))), "Failing");
    assert_eq!(fare(old(0, 0), None), "Not read yet");
}

#[test]
fn what_is_read_seldom_is_not_old_before_its_time() {
    let snapshots = Arc::new(Snapshots::default());
    let known = Account { due_keys_at: Some(NOW - 5 * 3_600), ..account("1", vec![]) };
    snapshots.publish(&known.id.clone(), Some(&Arc::new(known)), Some(&health(&[])));
    let is_old = |config: &str| {
        let page = StatusPage::new(snapshots.clone(), &Config::parse(config).unwrap(), "/metrics");
        page.html("", NOW).contains("has old data")
    };
    assert_eq!((is_old("poll_interval: 2h"), is_old("poll_interval: 3h")), (true, false));
}

#[test]
fn keys_found_before_a_census_is_complete_are_not_all() {
    let mut begun = account("1", vec![user("u", "", vec![key("AKIALATE", 100 * DAY)])]);
    begun.census.complete_at = None;
    let html = page_of(vec![(begun, Some(health(&["throttled"])))]).html("", NOW);
    assert!(html.contains("1 overdue so far<small>1 active, 0 inactive so far</small>"), "{html}");
    assert!(html.contains("failing: as last known"), "{html}");
}

#[test]
fn texts_of_others_stay_texts() {
    let html = fleet().html("owner=%3Cscript%3E&%3Cb%3E=1", NOW);
    for markup in ["<script", "<way>", "<b>"] {
        assert!(!html.contains(markup), "{markup}");
    }
    assert!(html.contains("no &#60;way&#62; in"));
}

fn many(number: usize) -> StatusPage {
    let users = (0..number).map(|place| {
        let age = 89 * DAY - i64::try_from(place).unwrap();
        user(&format!("u{place:06}"), "", vec![key(&format!("AKIA{place:06}"), age)])
    });
    page_of(vec![(account("1", users.collect()), Some(health(&[])))])
}

#[test]
fn every_key_is_on_exactly_one_page() {
    let link =
        |html: &str, rel: &str| html.split("class=\"accounts\"").next().unwrap().contains(&format!("rel=\"{rel}\""));
    for number in [0, 1, KEYS - 1, KEYS, KEYS + 1, 2 * KEYS, 2 * KEYS + 50] {
        let (page, pages) = (many(number), number.div_ceil(KEYS).max(1));
        let mut shown = Vec::new();
        for place in 1..=pages {
            let html = page.html(&format!("page={place}"), NOW);
            assert_eq!((link(&html, "prev"), link(&html, "next")), (place > 1, place < pages), "{place} of {number}");
            assert!(!html.contains("class=\"notice\""));
            shown.extend(ids(&html).into_iter().map(str::to_owned));
        }
        let expected: Vec<_> = (0..number).map(|place| format!("AKIA{place:06}")).collect();
        assert_eq!(shown, expected);
    }
}

#[test]
fn a_page_that_there_is_not_is_the_nearest() {
    let page = many(KEYS + 1);
    let last = page.html("page=2", NOW);
    let huge = page.html("page=340282366920938463463374607431768211456", NOW);
    assert_eq!(ids(&huge), ids(&last));
    assert!(huge.contains("There are pages 1 to 2 of keys; this is page 2."));
    assert_eq!(ids(&page.html("page=0", NOW)).len(), KEYS);
}

#[test]
fn pages_of_accounts_begin_with_the_worst() {
    let healthy = (0..ACCOUNTS).map(|place| (account(&format!("{place:012}"), vec![]), Some(health(&[]))));
    let late = account("000000000900", vec![user("late", "", vec![key("AKIALATE", 100 * DAY)])]);
    let rest = [(late, Some(health(&[]))), (account("000000000901", vec![]), Some(health(&["no"])))];
    let page = page_of(healthy.chain(rest).collect());
    let rows = |html: &str| -> Vec<String> {
        let rows = html.split("data-label=\"Account\"><a href=\"?account=").skip(1);
        rows.map(|row| row.split('#').next().unwrap().to_owned()).collect()
    };
    let (first, second) = (rows(&page.html("", NOW)), rows(&page.html("accounts_page=2", NOW)));
    assert_eq!((first.len(), second.len()), (ACCOUNTS, 2));
    assert_eq!(first[..3], ["000000000901", "000000000900", "000000000000"]);
    assert_eq!(second, ["000000000023", "000000000024"]);
}

#[test]
fn a_sorted_part_is_what_sorting_everything_would_give() {
    let numbers: Vec<u32> = (0..500).map(|place| place * 7_919 % 500).collect();
    for first in [0, 1, 99, 100, 499, 500, 501] {
        for size in [0, 1, 100, 600] {
            let mut all = numbers.clone();
            let expected: Vec<u32> = (0..500).skip(first).take(size).collect();
            assert_eq!(sorted_part(&mut all, first, size), expected, "{size} from {first}");
        }
    }
}

#[test]
fn a_leaf_is_where_it_says() {
    let leaf = |asked, total| {
        let Leaf { page, pages, first, end, .. } = Leaf::new(asked, total, 10);
        (page, pages, first, end)
    };
    assert_eq!(leaf(1, 0), (1, 1, 0, 0));
    assert_eq!(leaf(1, 10), (1, 1, 0, 10));
    assert_eq!(leaf(2, 11), (2, 2, 10, 11));
    assert_eq!(leaf(usize::MAX, 11), (2, 2, 10, 11));
    assert!(State::Overdue < State::DueSoon && State::Exempt < State::Inactive);
}

#[test]
fn every_runbook_that_is_linked_is_one_of_the_alerts() {
    let rules = include_str!("../../alerts/rules.yaml");
    for (_, runbook) in rows::RUNBOOKS {
        assert!(rules.contains(&format!("runbook_url: {runbook}\n")), "{runbook}");
    }
}

#[test]
fn a_new_snapshot_is_judged_anew() {
    let page = fleet();
    assert_eq!(ids(&page.html("account=111122223333", NOW)).len(), 7);
    let next = account("111122223333", vec![user("new", "", vec![key("AKIANEXT", DAY)])]);
    page.snapshots.publish(&next.id.clone(), Some(&Arc::new(next)), None);
    assert_eq!(ids(&page.html("account=111122223333", NOW)), ["AKIANEXT"]);
}

#[test]
fn a_page_does_not_keep_the_snapshot_that_it_was_made_from() {
    let page = page_of(vec![(account("111122223333", vec![user("ci", "", vec![key("AKIACI", DAY)])]), None)]);
    assert_eq!(ids(&page.html("", NOW)), ["AKIACI"]);
    let before = Arc::downgrade(page.snapshots.fleet().accounts["111122223333"].account.as_ref().unwrap());
    page.snapshots.publish(&"111122223333".into(), Some(&Arc::new(account("111122223333", vec![]))), None);
    assert!(before.upgrade().is_none());
}
