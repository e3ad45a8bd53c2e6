//! Each format, on one report that has everything in it and names as an attacker would choose them.

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc};

use super::*;
use crate::{
    cli::{Benchmark, FailOn},
    config::Config,
    inventory::{AccessKey, Account, CensusSource, LastUse, Status, Tag, Use, User},
    snapshot::{Health, Snapshots},
};

const DAY: i64 = 86_400;

/// 2027-01-15T08:00:00Z.
const NOW: i64 = 1_800_000_000;

/// Orders to terminals, formulas, markup of every kind. AWS would not take most of it; others might.
const HOSTILE: &str = "=cmd|'/C calc'!A0\u{1b}[2J<b>\"&`*_[x](http://e)\n@all\u{202e}";

fn key(id: &str, days: i64, status: Status, last_use: LastUse) -> AccessKey {
    AccessKey { id: id.into(), created: NOW - days * DAY, status, last_use }
}

fn used(days: i64) -> LastUse {
    LastUse::Used(Use { at: NOW - days * DAY, service: "s3".into(), region: "eu-central-1".into() })
}

fn user(name: &str, keys: Vec<AccessKey>) -> User {
    User { keys, ..User::new(name.into(), "/ci/".into()) }
}

fn account(id: &str, users: Vec<User>) -> Account {
    let mut account = Account::new(&id.into(), &"aws".into());
    account.users = users;
    account.census.source = CensusSource::CredentialReport;
    account.census.complete_at = Some(NOW - 3_600);
    account.due_keys_at = Some(NOW);
    account.root_told_at = Some(NOW - 3_600);
    account.root_keys_present = Some(0);
    account
}

fn first() -> Account {
    let active = Status::Active;
    let mut leaked = user("leaked", vec![key("AKIALEAKED", 10, active, used(1))]);
    leaked.is_quarantined = true;
    let mut tagged = user("tagged", vec![]);
    tagged.tags = vec![Tag { key: "until".into(), value: "soon|<i>".into() }];
    let users = vec![
        user("exempt", vec![key("AKIAEXEMPT", 300, active, used(0))]),
        user("ends", vec![key("AKIAENDS", 300, active, used(0))]),
        user("idle", vec![key("AKIAIDLE", 60, active, used(50))]),
        leaked,
        user("never", vec![key("AKIANEVER", 60, active, LastUse::Never)]),
        user("old", vec![key("AKIAOLD", 97, active, used(1)), key("AKIAGONE", 400, Status::Inactive, used(300))]),
        user("soon", vec![key("AKIASOON", 80, active, LastUse::Unknown)]),
        tagged,
        user("two", vec![key("AKIATWO1", 30, active, used(1)), key("AKIATWO2", 5, active, used(0))]),
        user("young", vec![key("AKIAYOUNG", 5, active, used(0))]),
    ];
    let mut account = account("111122223333", users);
    account.name = Some("prod | <shop>".into());
    account.root.keys = vec![key("root-1", 100, active, LastUse::Never)];
    account.root_keys_present = Some(1);
    account
}

fn health(errors: &[&str]) -> Health {
    let errors = errors.iter().map(|error| (*error).to_owned()).collect::<Vec<_>>();
    Health { is_up: errors.is_empty(), errors, tried_at: NOW, seconds: 1.0 }
}

fn config() -> Config {
    let text = "policy: { exempt_until_tag: until }\nexemptions:\n\
                - { user: exempt, until: 2027-06-30, reason: vendor }\n- { user: ends, until: 2027-01-20, reason: vendor }\n";
    Config::parse(text).unwrap()
}

fn gathered() -> Gathered {
    let snapshots = Snapshots::default();
    let hostile = account("222233334444", vec![user(HOSTILE, vec![key("AKIAHOSTILE", 120, Status::Active, used(2))])]);
    let all = [
        (first(), health(&[])),
        (hostile, health(&["calling ListAccessKeys for \"a\\nb\": throttled: Rate exceeded"])),
    ];
    for (account, health) in all {
        snapshots.publish(&account.id.clone(), Some(&Arc::new(account)), Some(&health));
    }
    let refused = health(&["calling AssumeRole for \"arn:aws:iam::333344445555:role/x\": access_denied"]);
    snapshots.publish(&"333344445555".into(), None, Some(&refused));
    Gathered {
        now: NOW,
        fleet: snapshots.fleet(),
        denied: BTreeMap::new(),
        failures: Vec::new(),
        unlisted: None,
        is_whole_roster_empty: false,
    }
}

fn report(fail_on: FailOn, benchmarks: &[Benchmark]) -> Report {
    let wanted = Wanted { fail_on, benchmarks: benchmarks.to_vec(), region: "eu-central-1".into() };
    Report::new(&config(), wanted, &gathered())
}

fn rendered(format: Format, look: Look) -> String {
    let report = report(FailOn::DueSoon, &[Benchmark::Cis50, Benchmark::SecurityHub]);
    let text = String::from_utf8(render(format, &report, look).unwrap().unwrap()).unwrap();
    text.replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

/// Compares with the file of this name; `UPDATE_GOLDEN=1` writes it, to be looked at before it is committed.
#[expect(clippy::disallowed_methods, reason = "how whoever runs the test says that the files are to change")]
fn assert_golden(name: &str, text: &str) {
    let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/check/golden")).join(name);
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        fs::write(&file, text).unwrap();
    }
    let golden = fs::read_to_string(&file).unwrap_or_default();
    assert!(golden == text, "{}: expected\n{golden}\nfound\n{text}", file.display());
}

#[test]
fn every_format_is_as_it_was() {
    let look = |width| Look { width, all: false };
    assert_golden("table-80.ansi", &rendered(Format::Table, look(Some(80))));
    assert_golden("table-120.ansi", &rendered(Format::Table, look(Some(120))));
    assert_golden("table.ansi", &rendered(Format::Table, Look { width: None, all: true }));
    assert_golden("report.md", &rendered(Format::Markdown, look(None)));
    assert_golden("report.json", &rendered(Format::Json, look(None)));
    assert_golden("report.csv", &rendered(Format::Csv, look(None)));
    assert_golden("report.xml", &rendered(Format::Junit, look(None)));
    assert_golden("report.sarif", &rendered(Format::Sarif, look(None)));
    assert_golden("report.asff.json", &rendered(Format::Asff, look(None)));
}

const OWN_FORMATS: [Format; 7] =
    [Format::Table, Format::Markdown, Format::Json, Format::Csv, Format::Junit, Format::Sarif, Format::Asff];

#[test]
fn every_format_names_the_controls_that_were_asked_for() {
    for format in OWN_FORMATS {
        let text = rendered(format, Look::default());
        assert!(text.contains("1.13") && text.contains("IAM.3"), "{format:?}: {text}");
    }
    let unasked = summary(&report(FailOn::DueSoon, &[]), Format::Json, true);
    assert!(!unasked.contains("CIS"), "a line for each of all benchmarks: {unasked}");
}

#[test]
fn an_account_of_which_nothing_is_known_is_not_passed_over() {
    for format in OWN_FORMATS.into_iter().filter(|format| *format != Format::Asff) {
        let text = rendered(format, Look::default());
        assert!(text.contains("333344445555"), "{format:?}: {text}");
    }
    assert!(rendered(Format::Csv, Look::default()).contains("\n333344445555,,,,,,,,,,,,,,,,false,\n"));
    assert!(rendered(Format::Table, Look::default()).contains("in 3 accounts (3 not read to the end)"));
}

#[test]
fn no_format_lets_a_name_give_orders() {
    for format in [Format::Table, Format::Markdown, Format::Json, Format::Junit, Format::Sarif, Format::Asff] {
        let text = rendered(format, Look { width: None, all: true });
        assert!(!text.contains("\u{1b}[2J"), "{format:?}");
        // JSON is read by programs, and names are names there.
        let is_json = matches!(format, Format::Json | Format::Sarif | Format::Asff);
        assert!(is_json || !text.contains('\u{202e}'), "{format:?}");
        assert!(is_json || format == Format::Table || !text.contains("<b>"), "{format:?}");
    }
    let csv = rendered(Format::Csv, Look::default());
    let rows: Vec<::csv::StringRecord> =
        ::csv::Reader::from_reader(csv.as_bytes()).records().map(Result::unwrap).collect();
    assert!(rows.iter().any(|row| row[2] == format!("'{HOSTILE}")), "{csv}");
    assert!(rows.iter().flatten().all(|cell| !cell.starts_with(['=', '+', '-', '@'])), "{csv}");
    let markdown = rendered(Format::Markdown, Look::default());
    let table: Vec<&str> = markdown.lines().filter(|line| line.starts_with("| ")).collect();
    let cells = |line: &&str| line.replace("\\|", "").matches('|').count();
    assert!(table.iter().all(|line| cells(line) == 9 || cells(line) == 4), "{markdown}");
}

#[test]
fn what_is_found_is_counted_once_and_the_gravest_comes_first() {
    let report = report(FailOn::Overdue, &[]);
    let counts = finding::Kind::ALL.map(|kind| report.count(kind));
    // Of the two of 300 days one is exempt for long; the root key is overdue as well.
    assert_eq!(counts, [3, 1, 1, 1, 1, 1, 1, 1, 1]);
    let levels: Vec<_> = report.rows.iter().map(|row| row.level().map_or(3, |level| level as u8)).collect();
    assert!(levels.is_sorted(), "{levels:?}");
    let due: Vec<_> = report.rows.iter().take(3).filter_map(|row| row.key.as_ref()?.due).collect();
    assert!(due.len() == 3 && due.is_sorted(), "{due:?}");
    assert_eq!(report.outcome(), Outcome::Incomplete);
}

#[test]
fn ids_are_named_as_the_configuration_wants_them() {
    let mut config = config();
    config.labels.access_key_id = crate::key_ids::KeyIds::Last4;
    let mut gathered = gathered();
    let snapshots = Snapshots::default();
    let active = Status::Active;
    let users = vec![user("ci", vec![key("AKIAIOSFODNN7EXAMPLE", 100, active, used(1))])];
    let account = account("111122223333", users);
    snapshots.publish(&account.id.clone(), Some(&Arc::new(account)), Some(&health(&[])));
    gathered.fleet = snapshots.fleet();
    let wanted = Wanted { fail_on: FailOn::Overdue, benchmarks: Vec::new(), region: "eu-central-1".into() };
    let report = Report::new(&config, wanted, &gathered);
    for format in OWN_FORMATS {
        let text = String::from_utf8(render(format, &report, Look::default()).unwrap().unwrap()).unwrap();
        assert!(!text.contains("AKIAIOSFODNN7EXAMPLE") && text.contains("MPLE"), "{format:?}: {text}");
    }
}
