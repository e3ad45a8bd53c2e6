//! `make bench-micro`: parsing a credential report, judging keys and rendering them, each beside the least
//! that any program would have to do with the same bytes.

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use iam_key_exporter::{
    collect::users_of_report,
    config::Config,
    exposition::{Exposition, part::whole},
    inventory::{AccessKey, Account, Census, CensusSource, LastUse, Status, Use, User},
    policy::Policy,
    snapshot::{Health, Snapshots},
};

const KEYS: usize = 10_000;
const NOW: i64 = 1_790_000_000;
const DAY: i64 = 86_400;

fn report(bench: &mut Criterion) {
    let text = report_text();
    let mut group = bench.benchmark_group("credential report, 10,000 users");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("parsed", |b| b.iter(|| users_of_report(black_box(text.as_bytes()))));
    group.bench_function("split by the csv crate", |b| {
        b.iter(|| csv::ReaderBuilder::new().from_reader(black_box(text.as_bytes())).byte_records().count());
    });
    group.finish();
}

fn judging(bench: &mut Criterion) {
    let account = account();
    let configs = [("no rules", ""), ("100 overrides", &*overrides())].map(|(name, text)| (name, text.to_owned()));
    let mut group = bench.benchmark_group("10,000 keys judged");
    group.throughput(Throughput::Elements(KEYS as u64));
    for (name, config) in configs {
        let policy = Policy::new(&Config::parse(&config).expect("a configuration"));
        group.bench_function(name, |b| b.iter(|| policy.due_times(black_box(&account))));
    }
    group.bench_function("dates copied", |b| {
        b.iter(|| black_box(&account).keys().map(|(_, key)| key.created).collect::<Vec<_>>());
    });
    group.finish();
}

fn rendering(bench: &mut Criterion) {
    let account = Arc::new(account());
    let snapshots = Arc::new(Snapshots::default());
    publish(&snapshots, &account);
    let exposition = Exposition::new(snapshots.clone(), &Config::default());
    let page = whole(&exposition.page(NOW));
    let mut group = bench.benchmark_group("page of 10,000 keys");
    group.throughput(Throughput::Bytes(page.len() as u64));
    let mut now = NOW;
    let mut next = || {
        now += 1;
        now
    };
    group.bench_function("of a new snapshot", |b| {
        b.iter(|| {
            publish(&snapshots, &account);
            exposition.page(next())
        });
    });
    group.bench_function("of the next second", |b| b.iter(|| exposition.page(next())));
    group.bench_function("of the same second", |b| b.iter(|| exposition.page(0)));
    group.bench_function("copied", |b| b.iter(|| black_box(&page).clone()));
    group.finish();
}

fn publish(snapshots: &Snapshots, account: &Arc<Account>) {
    let health = Health { is_up: true, errors: vec![], tried_at: NOW, seconds: 0.1 };
    snapshots.publish(&account.id, Some(account), Some(&health));
}

fn overrides() -> String {
    let one = |number| format!("  - {{ user: \"group-{number}-*\", max_age: 30d }}\n");
    format!("overrides:\n{}", (0..100).map(one).collect::<Vec<_>>().concat())
}

fn account() -> Account {
    let mut account = Account {
        users: (0..KEYS).map(user).collect(),
        due_keys_at: Some(NOW),
        census: Census { source: CensusSource::CredentialReport, complete_at: Some(NOW), next_at: NOW },
        ..Account::new(&"111122223333".into(), &"aws".into())
    };
    account.compact();
    account
}

fn user(number: usize) -> User {
    let age = i64::try_from(number * 7_919 % 10_007).expect("small") * 60;
    let last = Use { at: NOW - age / 2, service: "s3".into(), region: "eu-central-1".into() };
    let id = format!("AKIA{number:016}").into();
    let key = AccessKey { id, created: NOW - 10 * DAY - age, status: Status::Active, last_use: LastUse::Used(last) };
    User { keys: vec![key], ..User::new(format!("user-{number:06}").into(), "/service/".into()) }
}

/// The columns of a live one.
const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
cert_1_last_rotated,cert_2_active,cert_2_last_rotated\n";

fn report_text() -> String {
    let row = |number| {
        format!(
            "user-{number:06},arn:aws:iam::111122223333:user/service/user-{number:06},2020-01-01T00:00:00Z,false,N/A,N/A,\
             N/A,false,true,2026-01-02T03:04:05Z,2026-03-04T05:06:00Z,eu-central-1,s3,false,N/A,N/A,N/A,N/A,false,N/A,false,\
             N/A\n"
        )
    };
    let text = format!("{HEADER}{}", (0..KEYS).map(row).collect::<Vec<_>>().concat());
    assert_eq!(users_of_report(text.as_bytes()), Some(KEYS));
    text
}

criterion_group!(micro, report, judging, rendering);
criterion_main!(micro);
