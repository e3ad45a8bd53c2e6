//! The same accounts read by an independent reader: the credential report as it is served, taken apart
//! here, judged here.

use std::{collections::BTreeSet, path::Path};

use aws_stub::Stub;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use fastrand::Rng;
use serde_json::Value;
use testbed::{Moto, Settings, http};

use crate::{DAY, QUICK, Run, check, run};

const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools");

/// A key by what both readers can tell: its user and when it was created.
type Seen = BTreeSet<(String, i64)>;

/// What a reader finds.
#[derive(Debug, Default, PartialEq)]
struct Found {
    keys: Seen,
    overdue: Seen,
    unused: Seen,
    never_used: Seen,
}

/// The report over plain HTTP.
pub(crate) async fn report(endpoint: &str, signature: &str) -> String {
    let ask = async |action: &str| {
        let body = format!("Action={action}&Version=2010-05-08");
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("authorization", signature)];
        http::send(hyper::Method::POST, endpoint, &headers, &body).await.unwrap().text()
    };
    for _ in 0..3 {
        ask("GenerateCredentialReport").await;
    }
    let answer = ask("GetCredentialReport").await;
    let (_, content) = answer.split_once("<Content>").unwrap_or_else(|| panic!("{answer}"));
    let content = content.split_once("</Content>").unwrap().0.replace(char::is_whitespace, "");
    String::from_utf8(STANDARD.decode(content).unwrap()).unwrap()
}

/// 90 and 45 days, as the control has them.
fn read_independently(report: &str, now: i64) -> Found {
    let mut reader = csv::Reader::from_reader(report.as_bytes());
    let header = reader.headers().unwrap().clone();
    let mut found = Found::default();
    for record in reader.records() {
        let record = record.unwrap();
        let cell = |name: &str| &record[header.iter().position(|column| column == name).unwrap()];
        let seconds = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp());
        for slot in ["access_key_1", "access_key_2"] {
            let Some(created) = seconds(cell(&format!("{slot}_last_rotated"))) else { continue };
            let key = (cell("user").to_owned(), created);
            found.keys.insert(key.clone());
            if !cell(&format!("{slot}_active")).eq_ignore_ascii_case("true") {
                continue;
            }
            if now - created >= 90 * DAY {
                found.overdue.insert(key.clone());
            }
            match seconds(cell(&format!("{slot}_last_used_date"))) {
                Some(used) if now - used >= 45 * DAY => drop(found.unused.insert(key)),
                None if now - created >= 45 * DAY => drop(found.never_used.insert(key)),
                _ => {}
            }
        }
    }
    found
}

fn time_in(value: &Value) -> i64 {
    chrono::DateTime::parse_from_rfc3339(value.as_str().unwrap()).unwrap().timestamp()
}

fn read_by_us(document: &Value) -> Found {
    let mut found = Found::default();
    for key in document["keys"].as_array().unwrap() {
        let seen = (key["user_name"].as_str().unwrap().to_owned(), time_in(&key["created_at"]));
        let kinds: Vec<&str> = key["findings"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap()).collect();
        let lists =
            [("overdue", &mut found.overdue), ("unused", &mut found.unused), ("never-used", &mut found.never_used)];
        for (kind, list) in lists {
            if kinds.contains(&kind) {
                list.insert(seen.clone());
            }
        }
        found.keys.insert(seen);
    }
    found
}

/// Users without, with one, with two keys, of any age and use, with names as people give them.
fn populate(stub: &Stub, seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let mut cloud = stub.cloud();
    let now = cloud.now();
    let account = cloud.default_account();
    for number in 0..150 {
        let name = format!("{}user,{number}@example.com", ["", "=", "+", "-", "@"][rng.usize(0..5)]);
        let user = account.user(&name);
        for slot in 0..rng.usize(0..3) {
            let created = now - rng.i64(0..200 * DAY);
            let key = user.key(&format!("AKIA{number}X{slot}"), created);
            if rng.bool() {
                key.used(now - rng.i64(0..=now - created), "s3", "us-east-1");
            }
            key.active = rng.u8(0..4) > 0;
        }
    }
}

fn assert_same(run: &Run, report: &str) {
    let document = run.json();
    let (ours, independent) = (read_by_us(&document), read_independently(report, time_in(&document["made_at"])));
    assert_eq!(ours, independent);
    assert_eq!(run.code, Some(i32::from(!independent.overdue.is_empty())), "{}", run.stderr);
}

#[tokio::test]
async fn a_random_fleet_is_judged_as_an_independent_reader_of_the_report_judges_it() {
    for seed in [1, 2, 3, 4] {
        let stub = Stub::start().await.unwrap();
        populate(&stub, seed);
        let report = report(&stub.endpoint(), "").await;
        let run = check(&stub, "", &["--format=json"]).await;
        assert_same(&run, &report);
        let found = read_by_us(&run.json());
        let kinds = [&found.overdue, &found.unused, &found.never_used].map(BTreeSet::len);
        println!("seed {seed}: {} keys; overdue, unused, never used: {kinds:?}; 0 differences", found.keys.len());
        assert!(kinds.iter().all(|count| *count > 5), "seed {seed}: {kinds:?}");
    }
}

const SEED: &str = r#"
for name in ["ci-bot", "fresh", "sleepy", "nobody", "two+keys@example.com"]:
    iam.create_user("us-east-1", name, "/", [])
key("ci-bot", 97, used=1)
key("fresh", 3)
key("sleepy", 80)
key("two+keys@example.com", 200, used=150, status="Inactive")
key("two+keys@example.com", 89, used=60)
"#;

#[tokio::test]
async fn an_account_of_moto_is_judged_as_its_report_is() {
    let moto = Moto::start(Path::new(TOOLS), SEED).await.unwrap();
    let signature =
        "AWS4-HMAC-SHA256 Credential=AKIAHUB/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0";
    let report = report(&moto.endpoint(), signature).await;
    let run = run(Settings::of(moto.endpoint()).config(QUICK).arg("check").arg("--format=json")).await;
    assert_same(&run, &report);
    let found = read_by_us(&run.json());
    assert_eq!([found.keys.len(), found.overdue.len(), found.unused.len(), found.never_used.len()], [5, 1, 1, 1]);
}
