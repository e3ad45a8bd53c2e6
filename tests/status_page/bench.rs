//! `make bench-page`: what a page costs beside a scrape of the same keys.

use std::{sync::Arc, time::Instant};

use iam_key_exporter::{
    config::Config,
    exposition::Exposition,
    inventory::{AccessKey, Account, Census, CensusSource, LastUse, Status, Tag, Use, User},
    snapshot::{Health, Snapshots},
    status_page::StatusPage,
};

const NOW: i64 = 1_790_000_000;
const DAY: i64 = 86_400;
const ROUNDS: usize = 101;
const CONFIG: &str = "labels: { user_tags: [owner, team] }\noverrides: [{ user: 'breakglass-*', max_age: 30d }]\n";

#[test]
#[ignore = "measures; make bench-page"]
fn bench_page() {
    println!("| keys | accounts | page | first request | median | slowest | HTML | scrape, median |");
    println!("| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |");
    for (accounts, keys_each) in [(1, 10_000), (10, 1_000), (1_000, 100)] {
        let snapshots = fleet(accounts, keys_each);
        let config = Config::parse(CONFIG).unwrap();
        let exposition = Exposition::new(snapshots.clone(), &config);
        let mut second = NOW;
        let mut scrapes = times(|| {
            second += 1;
            exposition.page(second).iter().map(|part| part.text().len()).sum()
        });
        let scrape = median(&mut scrapes);
        let last = format!("page={}", accounts * keys_each / 100);
        for (name, query) in [("first", ""), ("last", &last), ("of one owner, overdue", "owner=team-50&state=overdue")]
        {
            let page = StatusPage::new(snapshots.clone(), &config, "/metrics");
            let began = Instant::now();
            let size = page.html(query, NOW).len();
            let first = began.elapsed().as_secs_f64() * 1_000.0;
            let mut times = times(|| page.html(query, NOW).len());
            let (median, slowest) = (median(&mut times), times[ROUNDS - 1]);
            let (keys, kib) = (accounts * keys_each, size / 1024);
            println!(
                "| {keys} | {accounts} | {name} | {first:.1} ms | {median:.2} ms | {slowest:.2} ms | {kib} KiB | {scrape:.2} ms |"
            );
        }
    }
}

fn times(mut work: impl FnMut() -> usize) -> Vec<f64> {
    let time = |_| {
        let began = Instant::now();
        assert!(work() > 10);
        began.elapsed().as_secs_f64() * 1_000.0
    };
    (0..ROUNDS).map(time).collect()
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

fn fleet(accounts: usize, keys_each: usize) -> Arc<Snapshots> {
    let snapshots = Arc::new(Snapshots::default());
    let health = Health { is_up: true, errors: vec![], tried_at: NOW, seconds: 0.1 };
    for number in 0..accounts {
        let account = Arc::new(account(number, keys_each));
        snapshots.publish(&account.id.clone(), Some(&account), Some(&health));
    }
    snapshots
}

fn account(number: usize, keys: usize) -> Account {
    let mut account = Account {
        users: (0..keys).map(|place| user(number * keys + place)).collect(),
        due_keys_at: Some(NOW),
        root_keys_present: Some(0),
        census: Census { source: CensusSource::CredentialReport, complete_at: Some(NOW), next_at: NOW },
        ..Account::new(&format!("{number:012}").into(), &"aws".into())
    };
    account.compact();
    account
}

/// Ages are mixed, so that nothing is in order by chance; a fiftieth is overdue.
fn user(number: usize) -> User {
    let mixed = i64::try_from(number * 7_919 % 100_003).unwrap();
    let age = if number.is_multiple_of(50) { 120 * DAY } else { 10 * DAY + mixed * 60 };
    let tag = |key: &str, value: String| Tag { key: key.into(), value: value.into() };
    let last = Use { at: NOW - mixed, service: "s3".into(), region: "eu-central-1".into() };
    let id = format!("AKIA{number:016}").into();
    let key = AccessKey { id, created: NOW - age, status: Status::Active, last_use: LastUse::Used(last) };
    User {
        tags: vec![tag("owner", format!("team-{}", number % 100)), tag("team", format!("team-{}", number % 20))],
        keys: vec![key],
        ..User::new(format!("user-{number:06}").into(), "/service/".into())
    }
}
