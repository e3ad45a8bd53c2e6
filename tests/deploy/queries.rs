//! Every query that a document shows is answered by a Prometheus that scrapes two replicas, and asks for metrics that there are.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use aws_stub::{DEFAULT_ACCOUNT, Stub};
use serde_json::Value;
use testbed::{Exporter, Prometheus, Settings, prometheus::Watch, wait};

use crate::{BINARY, DAY, QUICK, ROOT, documents, lines, reference, shown};

/// Of Prometheus itself.
const NOT_OURS: [&str; 2] = ["up", "ALERTS"];

const HEADINGS: [&str; 4] = ["## Keys", "## Users", "## Accounts", "## The exporter"];

/// The queries of a document with the line that they begin on; one ends where its brackets are closed.
fn queries(text: &str) -> Vec<(usize, String)> {
    let mut queries: Vec<(usize, String)> = Vec::new();
    for (number, _, line) in lines(text).into_iter().filter(|(_, language, _)| *language == Some("promql")) {
        match queries.last_mut() {
            Some((_, query)) if query.matches('(').count() > query.matches(')').count() => {
                *query += &["\n", line].concat();
            }
            _ => queries.push((number, line.to_owned())),
        }
    }
    queries
}

/// With keys of each kind; a key may be idle for 30 days.
async fn account() -> Stub {
    let stub = Stub::start().await.unwrap();
    let mut cloud = stub.cloud();
    let now = cloud.now();
    let account = cloud.account(DEFAULT_ACCOUNT);
    account.user("busy").key("AKIABUSY", now - 100 * DAY).used(now - DAY, "s3", "eu-central-1");
    account.user("idle").key("AKIAIDLE", now - 80 * DAY).used(now - 40 * DAY, "s3", "eu-central-1");
    account.user("never").key("AKIANEVER", now - 40 * DAY);
    account.user("new").key("AKIANEW", now - DAY);
    account.user("off").key("AKIAOFF", now - 100 * DAY).used(now - 80 * DAY, "s3", "eu-central-1").active = false;
    drop(cloud);
    stub
}

struct Watched {
    prometheus: Prometheus,
    _exporters: [Exporter; 2],
    _stub: Stub,
}

async fn watched(binary: &Path) -> Watched {
    let stub = account().await;
    let settings = Settings::of(stub.endpoint()).config(&format!("{QUICK}policy: {{ max_idle: 30d }}\n"));
    let exporters =
        [Exporter::start(BINARY, &settings).await.unwrap(), Exporter::start(BINARY, &settings).await.unwrap()];
    let targets = exporters.each_ref().map(Exporter::address);
    let watch = Watch { targets: &targets, ..Watch::default() };
    let prometheus = Prometheus::start_binary(binary, &watch).await.unwrap();
    let both = wait::until(Duration::from_mins(1), async || {
        let up = prometheus.query("(aws_iam_account_up == 1) and on (instance) aws_iam_access_key_info").await;
        if up.len() == exporters.len() { Ok(()) } else { Err(format!("{up:?}")) }
    });
    both.await.unwrap_or_else(|last| panic!("{}: {last}\n{}", binary.display(), prometheus.log()));
    Watched { prometheus, _exporters: exporters, _stub: stub }
}

/// The metrics that are selected anywhere in a parsed query.
fn selected(tree: &Value, found: &mut BTreeSet<String>) {
    if tree["type"].as_str().is_some_and(|kind| kind.ends_with("Selector")) {
        found.extend(tree["name"].as_str().map(str::to_owned));
    }
    let below = tree.as_object().into_iter().flat_map(|object| object.values());
    below.chain(tree.as_array().into_iter().flatten()).for_each(|tree| selected(tree, found));
}

#[tokio::test]
async fn every_query_in_a_document_is_answered_and_asks_for_metrics_that_there_are() {
    let known: BTreeSet<String> = HEADINGS
        .iter()
        .flat_map(|heading| reference::rows("docs/metrics.md", heading).into_keys())
        .chain(NOT_OURS.map(str::to_owned))
        .collect();
    let [old, new] = testbed::prometheus::binaries(Path::new(ROOT));
    let (old, new) = (watched(&old).await, watched(&new).await);
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (file, text) in documents() {
        for (number, query) in queries(&text) {
            count += 1;
            let place = format!("{}:{number}", shown(&file));
            for Watched { prometheus, .. } in [&old, &new] {
                wrong.extend(prometheus.ask(&query).await.err().map(|why| format!("{place}: {why}")));
            }
            let mut names = BTreeSet::new();
            selected(&new.prometheus.parsed(&query).await, &mut names);
            wrong.extend(names.is_empty().then(|| format!("{place}: asks for nothing")));
            wrong.extend(names.difference(&known).map(|name| format!("{place}: there is no {name}")));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(count > 20, "only {count} queries were found");
}

#[tokio::test]
async fn the_runbook_of_unused_keys_shows_those_that_are_active_and_beyond_the_configured_limit() {
    let runbook = fs::read_to_string(Path::new(ROOT).join("docs/runbooks/AWSIAMAccessKeyUnused.md")).unwrap();
    let watched = watched(Path::new("prometheus")).await;
    let found = watched.prometheus.query(&queries(&runbook)[0].1).await;
    let ids: Vec<&str> = found.iter().filter_map(|series| series["metric"]["access_key_id"].as_str()).collect();
    assert_eq!(ids.len(), 2, "once each, whatever replicas there are: {ids:?}");
    assert_eq!(BTreeSet::from_iter(ids), BTreeSet::from(["AKIAIDLE", "AKIANEVER"]));
}

#[test]
fn a_query_goes_on_until_its_brackets_are_closed() {
    let text = "```promql\nup\nsum(\n  up\n)\n```\n\n```sh\nno(\n```\n\n```promql\nup == 0\n```\n";
    let expected = [(2, "up"), (3, "sum(\n  up\n)"), (13, "up == 0")];
    assert_eq!(queries(text), expected.map(|(number, query)| (number, query.to_owned())));
}
