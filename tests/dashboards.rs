//! The dashboards: drawn by no rule broken, and every query answered by a real Prometheus
//! that scrapes two replicas of the exporter.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use aws_stub::{Fault, Stub, fleet};
use serde_json::Value;
use testbed::{Exporter, Prometheus, Settings, prometheus::Watch, wait};

const BINARY: &str = env!("CARGO_BIN_EXE_iam-key-exporter");
const NAMES: [&str; 3] = ["fleet", "account", "exporter"];

fn dashboard(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("dashboards/{name}.json"));
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Every rule that is broken, as `panel: what is wrong`.
fn violations(dashboard: &Value) -> Vec<String> {
    let mut found = frame_violations(dashboard);
    let panels = list(&dashboard["panels"]);
    for panel in panels {
        let wrong = panel_violations(panel);
        found.extend(wrong.into_iter().map(|what| format!("{}: {what}", text(panel, "title"))));
    }
    for (place, panel) in panels.iter().enumerate() {
        let others = panels[place + 1..].iter().filter(|other| overlap(&panel["gridPos"], &other["gridPos"]));
        found.extend(others.map(|other| format!("{} lies upon {}", text(panel, "title"), text(other, "title"))));
    }
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    let titles: BTreeSet<_> = panels.iter().map(|panel| text(panel, "title")).collect();
    if titles.len() != panels.len() {
        found.push("two panels have the same title".into());
    }
    if ids.len() != panels.len() || ids.contains(&None) {
        found.push("panels without an id of their own".into());
    }
    found
}

fn frame_violations(dashboard: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |is_so: bool, what: &str| found.extend((!is_so).then(|| what.to_owned()));
    check(dashboard["id"].is_null() && dashboard.get("id").is_some(), "id must be null");
    check((8..=40).contains(&text(dashboard, "uid").len()), "uid must be fixed, 8 to 40 characters");
    check(dashboard["editable"] == false, "must not be editable");
    check(!text(dashboard, "description").is_empty(), "has no description");
    let variables = list(&dashboard["templating"]["list"]);
    let first = variables.first().map(|variable| (text(variable, "name"), text(variable, "label")));
    check(first == Some(("datasource", "Data source")), "the first variable must be the data source");
    for (name, label) in [("job", "Job"), ("instance", "Instance")] {
        let variable = variables.iter().find(|variable| text(variable, "name") == name).unwrap_or(&Value::Null);
        let is_right = text(variable, "label") == label
            && variable["multi"] == true
            && variable["allValue"] == ".+"
            && variable["refresh"] == 2
            && variable["datasource"]["uid"] == "${datasource}";
        check(is_right, &format!("variable {name} must be labelled, multiple, all of .+ and follow the time range"));
    }
    found
}

fn panel_violations(panel: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |is_so: bool, what: &str| found.extend((!is_so).then(|| what.to_owned()));
    check(!text(panel, "title").is_empty() && !text(panel, "description").is_empty(), "needs title and description");
    check(panel["datasource"]["uid"] == "${datasource}", "must take the chosen data source");
    check(!text(&panel["fieldConfig"]["defaults"], "unit").is_empty(), "needs a unit");
    let place = |key: &str| panel["gridPos"][key].as_u64().unwrap_or(99);
    check(place("x") + place("w") <= 24, "is wider than the page");
    let targets = list(&panel["targets"]);
    let refs: BTreeSet<_> = targets.iter().map(|target| text(target, "refId")).collect();
    check(!targets.is_empty() && refs.len() == targets.len() && !refs.contains(""), "needs targets, each with a refId");
    for expr in targets.iter().map(|target| text(target, "expr")) {
        let (selectors, chosen) =
            (expr.matches('{').count(), expr.matches("job=~\"$job\", instance=~\"$instance\"").count());
        check(selectors > 0 && selectors == chosen, "every selection must be of the chosen jobs and instances");
        check(!expr.contains("rate(") || expr.contains("[$__rate_interval]"), "a rate must be over $__rate_interval");
        check(
            !expr.contains("_total{") || expr.contains("rate(") || expr.contains("increase("),
            "a counter needs a rate",
        );
    }
    found
}

fn overlap(a: &Value, b: &Value) -> bool {
    let side = |place: &Value, from: &str, size: &str| {
        let from = place[from].as_u64().unwrap();
        from..from + place[size].as_u64().unwrap()
    };
    let meet = |a: std::ops::Range<u64>, b: std::ops::Range<u64>| a.start < b.end && b.start < a.end;
    meet(side(a, "x", "w"), side(b, "x", "w")) && meet(side(a, "y", "h"), side(b, "y", "h"))
}

#[test]
fn no_rule_for_dashboards_is_broken() {
    let mut uids = BTreeSet::new();
    for name in NAMES {
        let dashboard = dashboard(name);
        assert_eq!(violations(&dashboard), [""; 0], "{name}");
        assert!(uids.insert(text(&dashboard, "uid").to_owned()), "{name} has the uid of another");
    }
}

type Break = fn(&mut Value);

/// A rule that finds nothing wrong in anything would be none.
#[test]
fn every_broken_rule_is_found() {
    let broken: [(&str, Break); 9] = [
        ("id", |d| d["id"] = 7.into()),
        ("uid", |d| d["uid"] = "x".into()),
        ("refresh", |d| d["templating"]["list"][1]["refresh"] = 1.into()),
        ("data source", |d| d["panels"][0]["datasource"]["uid"] = "prom".into()),
        ("unit", |d| d["panels"][0]["fieldConfig"]["defaults"]["unit"] = "".into()),
        ("description", |d| d["panels"][0]["description"] = "".into()),
        ("place", |d| d["panels"][1]["gridPos"]["x"] = 0.into()),
        ("refId", |d| d["panels"][0]["targets"][0]["refId"] = "".into()),
        ("selection", |d| d["panels"][0]["targets"][0]["expr"] = "sum(aws_iam_account_users{job=~\"$job\"})".into()),
    ];
    for (what, break_it) in broken {
        let mut dashboard = dashboard("fleet");
        break_it(&mut dashboard);
        assert!(!violations(&dashboard).is_empty(), "{what}");
    }
}

async fn watched(stub: &Stub) -> (Vec<Exporter>, Prometheus) {
    let config = "poll_interval: 500ms\nlimits: { requests_per_second: 1000 }\nlabels: { user_tags: [owner] }\n\
                  exemptions: [{ user: carol, until: 2099-12-31, reason: left }]\n";
    let mut replicas = Vec::new();
    for _ in 0..2 {
        replicas.push(Exporter::start(BINARY, &Settings::of(stub.endpoint()).config(config)).await.unwrap());
    }
    let targets: Vec<_> = replicas.iter().map(Exporter::address).collect();
    let prometheus = Prometheus::start(&Watch { targets: &targets, ..Watch::default() }).await.unwrap();
    (replicas, prometheus)
}

/// The result of a panel's query, with all of everything chosen.
async fn asked(prometheus: &Prometheus, expr: &str) -> Vec<Value> {
    let all =
        ["$job", "$instance", "$account", "$user"].iter().fold(expr.to_owned(), |expr, name| expr.replace(name, ".+"));
    prometheus.query(&all.replace("$__rate_interval", "1m")).await
}

async fn panel(prometheus: &Prometheus, dashboard_name: &str, title: &str) -> Vec<Vec<Value>> {
    let dashboard = dashboard(dashboard_name);
    let panel = list(&dashboard["panels"]).iter().find(|panel| text(panel, "title") == title);
    let panel = panel.unwrap_or_else(|| panic!("no panel {title}"));
    let mut answers = Vec::new();
    for target in list(&panel["targets"]) {
        answers.push(asked(prometheus, text(target, "expr")).await);
    }
    answers
}

async fn number(prometheus: &Prometheus, dashboard: &str, title: &str) -> f64 {
    let answers = panel(prometheus, dashboard, title).await;
    assert_eq!((answers.len(), answers[0].len()), (1, 1), "{title}: {answers:?}");
    answers[0][0]["value"][1].as_str().unwrap().parse().unwrap()
}

fn users(rows: &[Value]) -> BTreeSet<&str> {
    rows.iter().map(|row| text(&row["metric"], "user_name")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_shows_what_the_fleet_of_the_demo_implies() {
    let stub = Stub::start().await.unwrap();
    let now = stub.cloud().now();
    fleet::demo(&mut stub.cloud(), now);
    let (_replicas, prometheus) = watched(&stub).await;
    let both = wait::until(Duration::from_mins(1), async || {
        let counted = prometheus.query("count(aws_iam_account_users)").await;
        if counted.first().is_some_and(|count| count["value"][1] == "2") { Ok(()) } else { Err(format!("{counted:?}")) }
    });
    both.await.unwrap();

    let numbers = [
        ("fleet", "Overdue now", 2.0),
        ("fleet", "Due soon", 1.0),
        ("fleet", "Active keys", 11.0),
        ("fleet", "Root keys", 0.0),
        ("fleet", "Accounts not read", 0.0),
        ("account", "Overdue", 2.0),
        ("account", "Active keys", 11.0),
        ("account", "Inactive keys", 2.0),
        ("account", "Users", 13.0),
        ("exporter", "Exporters", 2.0),
        ("exporter", "Accounts read", 1.0),
        ("exporter", "Accounts failing", 0.0),
        ("exporter", "Shards missing", 0.0),
        ("exporter", "Configuration refused", 0.0),
    ];
    for (dashboard, title, expected) in numbers {
        let shown = number(&prometheus, dashboard, title).await;
        assert!((shown - expected).abs() < 1e-9, "{dashboard}, {title}: {shown}, expected {expected}");
    }
    let within = number(&prometheus, "fleet", "Within policy").await;
    assert!((within - 9.0 / 11.0).abs() < 1e-9, "{within}");

    let tables = [
        ("fleet", "Overdue keys", vec!["payments-archive", "search-export"]),
        ("fleet", "Keys due soon", vec!["search-crawler"]),
        ("fleet", "Exemptions, the next to end first", vec!["carol"]),
        ("account", "Users with two active keys", vec!["payments-batch"]),
        ("account", "Unused keys", vec!["carol", "payments-archive"]),
    ];
    for (dashboard, title, expected) in tables {
        let answers = panel(&prometheus, dashboard, title).await;
        assert_eq!(users(&answers[0]), expected.iter().copied().collect(), "{title}");
        assert_eq!(answers[0].len(), expected.len(), "{title}: one row a key, whatever number of replicas");
    }
    let ages = panel(&prometheus, "fleet", "Active keys by age in days").await;
    let ages: Vec<_> = ages.iter().map(|answer| answer[0]["value"][1].as_str().unwrap().to_owned()).collect();
    assert_eq!(ages, ["3", "3", "2", "1", "0", "2"]);
    let keys = panel(&prometheus, "account", "Every key").await;
    assert_eq!(keys.iter().map(Vec::len).collect::<Vec<_>>(), [13, 13, 11, 10, 11, 1]);
    let owner = keys[0].iter().find(|row| text(&row["metric"], "user_name") == "search-export").unwrap();
    assert_eq!(text(&owner["metric"], "tag_owner"), "search@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_is_missing_where_nothing_is_wrong() {
    let stub = Stub::start().await.unwrap();
    let now = stub.cloud().now();
    stub.cloud().default_account().user("fresh").key("AKIAFRESH", now - 60).used(now - 5, "s3", "us-east-1");
    let (_replicas, prometheus) = watched(&stub).await;
    let read = wait::until(Duration::from_mins(1), async || {
        let counted = prometheus.query("aws_iam_account_users").await;
        if counted.len() == 2 { Ok(()) } else { Err(format!("{counted:?}")) }
    });
    read.await.unwrap();
    for name in NAMES {
        let dashboard = dashboard(name);
        for panel in list(&dashboard["panels"]) {
            for target in list(&panel["targets"]) {
                let shown = asked(&prometheus, text(target, "expr")).await;
                let is_number = ["stat", "bargauge"].contains(&text(panel, "type"));
                assert!(!is_number || shown.len() == 1, "{name}, {}: {shown:?}", text(panel, "title"));
            }
        }
    }
}

/// The panels with a number that say something, by dashboard and title.
async fn told(prometheus: &Prometheus) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    for name in NAMES {
        let dashboard = dashboard(name);
        let numbers =
            list(&dashboard["panels"]).iter().filter(|panel| ["stat", "bargauge"].contains(&text(panel, "type")));
        for panel in numbers {
            for target in list(&panel["targets"]) {
                if !asked(prometheus, text(target, "expr")).await.is_empty() {
                    told.insert(format!("{name}, {}", text(panel, "title")));
                }
            }
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_to_be_well_where_there_is_no_data() {
    let prometheus = Prometheus::start(&Watch::default()).await.unwrap();
    assert_eq!(told(&prometheus).await, BTreeSet::from(["exporter, Exporters".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_was_never_read_is_in_the_table_and_makes_nothing_look_well() {
    let stub = Stub::start().await.unwrap();
    for action in ["GenerateCredentialReport", "GetCredentialReport", "ListUsers", "GetAccountSummary"] {
        stub.cloud().fault(action, Fault::AccessDenied);
    }
    let (_replicas, prometheus) = watched(&stub).await;
    let failing = wait::until(Duration::from_mins(1), async || {
        let down = prometheus.query("aws_iam_account_up{account_id!='unknown'} == 0").await;
        if down.len() == 2 { Ok(()) } else { Err(format!("{down:?}")) }
    });
    failing.await.unwrap();
    let rows = panel(&prometheus, "fleet", "Accounts that cannot be read").await;
    assert_eq!(rows[0].len(), 1, "one row, whatever number of replicas: {rows:?}");
    let fleet: Vec<_> = told(&prometheus).await.into_iter().filter(|panel| panel.starts_with("fleet")).collect();
    assert_eq!(fleet, ["fleet, Accounts not read"]);
}
