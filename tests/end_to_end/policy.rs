//! Who is told of what: owners, exemptions, accounts in an outage, the fleet of the demo.

use std::{collections::BTreeSet, fs, path::PathBuf};

use aws_stub::{Fault, Stub, fleet};
use tempfile::TempDir;
use testbed::{Alertmanager, Exporter, Prometheus, Settings, Webhook, prometheus::Watch, wait};

use crate::{BINARY, DAY, LIMIT, OVERDUE, RULES};

const ROUTES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/alerts/alertmanager.example.yaml");
const CONFIG: &str = "poll_interval: 500ms\nlimits: { requests_per_second: 1000, attempt_timeout: 1s }\n\
                      labels: { user_tags: [owner] }\npolicy: { exempt_until_tag: exempt-until }\n";

/// The exporter on a stub, and a Prometheus with the repository's rules, in which an hour is some seconds.
struct Scaled {
    stub: Stub,
    _exporter: Exporter,
    prometheus: Prometheus,
    pager: Webhook,
    _alertmanager: Alertmanager,
    _rules: TempDir,
}

impl Scaled {
    async fn start(stub: Stub, config: &str) -> Self {
        let exporter = Exporter::start(BINARY, &Settings::of(stub.endpoint()).config(config)).await.unwrap();
        let pager = Webhook::start().await.unwrap();
        let alertmanager = Alertmanager::with(&routes(&pager)).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let rules = scaled_rules(&folder);
        let watch = Watch {
            targets: &[exporter.address()],
            rules: Some(&rules),
            alertmanager: Some(alertmanager.address()),
            ..Watch::default()
        };
        let prometheus = Prometheus::start(&watch).await.unwrap();
        Self { stub, _exporter: exporter, prometheus, pager, _alertmanager: alertmanager, _rules: folder }
    }

    /// Every firing alert: its name, and the account, user or key that it is about.
    async fn firing(&self) -> BTreeSet<(String, String)> {
        let alerts = self.prometheus.query("ALERTS{alertstate=\"firing\"}").await;
        let text = |alert: &serde_json::Value, label: &str| alert["metric"][label].as_str().unwrap_or("").to_owned();
        let about = |alert: &serde_json::Value| match text(alert, "user_name") {
            user if user.is_empty() => text(alert, "account_id"),
            user => user,
        };
        let all: Vec<_> = alerts.iter().map(|alert| (text(alert, "alertname"), about(alert))).collect();
        let set: BTreeSet<_> = all.iter().cloned().collect();
        assert_eq!(set.len(), all.len(), "an alert for each thing to do, and no two: {all:?}");
        set
    }

    async fn fires(
        &self,
        what: &str,
        is_so: impl Fn(&BTreeSet<(String, String)>) -> bool,
    ) -> BTreeSet<(String, String)> {
        let found = wait::until(LIMIT, async || {
            let firing = self.firing().await;
            if is_so(&firing) { Ok(firing) } else { Err(format!("{firing:?}")) }
        });
        found.await.unwrap_or_else(|firing| panic!("never saw: {what}; firing: {firing}"))
    }
}

/// The example's own routes, with its receivers at this webhook and no time to lose.
fn routes(pager: &Webhook) -> String {
    let text = fs::read_to_string(ROUTES).unwrap();
    let text = text.replace("https://pager.example.com/alertmanager", &format!("{}page", pager.url()));
    let text = text.replace("https://tickets.example.com/alertmanager", &format!("{}ticket", pager.url()));
    text.replace("group_wait: 30s", "group_wait: 1s").replace("group_interval: 5m", "group_interval: 1s")
}

/// The repository's rules; only their waiting times are shorter.
fn scaled_rules(folder: &TempDir) -> PathBuf {
    let mut text = fs::read_to_string(RULES).unwrap();
    for (long, short) in [("for: 15m", "for: 15s"), ("for: 1h", "for: 1s"), ("for: 6h", "for: 1s"), ("2 * 3600", "12")]
    {
        assert!(text.contains(long), "no rule waits {long}");
        text = text.replace(long, short);
    }
    let file = folder.path().join("rules.yaml");
    fs::write(&file, text).unwrap();
    file
}

fn alert(name: &str, about: &str) -> (String, String) {
    (name.to_owned(), about.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_owner_is_paged_for_its_own_key_and_nobody_else_is() {
    let stub = Stub::start().await.unwrap();
    {
        let mut cloud = stub.cloud();
        let now = cloud.now();
        for owner in ["search", "payments"] {
            let user = cloud.default_account().user(&format!("{owner}-bot")).tag("owner", owner);
            user.key(&format!("AKIA{owner}"), now - 97 * DAY);
        }
        cloud.default_account().user("orphan").key("AKIAORPHAN", now - 97 * DAY);
    }
    let chain = Scaled::start(stub, CONFIG).await;
    let expected = [("search-bot", "/page/search"), ("payments-bot", "/page/payments"), ("orphan", "/page")];
    for (user, path) in expected {
        let is_meant = |n: &testbed::Notification| n.label("alertname") == OVERDUE && n.label("user_name") == user;
        let page = chain.pager.expect(LIMIT, is_meant).await.unwrap();
        assert_eq!(page.path, path, "{user}");
    }
    let pages = chain.pager.received().into_iter().filter(|n| n.label("alertname") == OVERDUE);
    let got: BTreeSet<_> = pages.map(|n| (n.label("user_name").to_owned(), n.path)).collect();
    assert_eq!(got, expected.map(|(user, path)| (user.to_owned(), path.to_owned())).into(), "only its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exemption_tag_ends_the_page_and_its_end_brings_it_back() {
    let stub = Stub::start().await.unwrap();
    let now = stub.cloud().now();
    stub.cloud().default_account().user("ci-bot").key("AKIAOLD", now - 97 * DAY);
    let chain = Scaled::start(stub, CONFIG).await;
    let overdue = alert(OVERDUE, "ci-bot");
    chain.fires("the page", |firing| firing.contains(&overdue)).await;
    let exempt_for = |seconds: i64| {
        let mut cloud = chain.stub.cloud();
        let end = chrono::DateTime::from_timestamp(cloud.now() + seconds, 0).unwrap();
        let moment = end.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        cloud.default_account().user("ci-bot").tag("exempt-until", &moment);
    };
    exempt_for(600);
    let ending = alert("AWSIAMExemptionEndsSoon", "ci-bot");
    chain.fires("the exemption", |firing| !firing.contains(&overdue) && firing.contains(&ending)).await;
    // That it ends by itself, `tests/engine/exemptions.rs` has seen.
    exempt_for(-1);
    chain.fires("the page again", |firing| firing.contains(&overdue)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_without_iam_changes_no_key_alert_and_raises_one_alert_an_account() {
    let stub = Stub::start().await.unwrap();
    let ids = [aws_stub::DEFAULT_ACCOUNT, "222233334444", "333344445555"];
    for id in ids {
        let now = stub.cloud().now();
        let mut cloud = stub.cloud();
        let key = cloud.account(id).user(&format!("ci-{id}")).key(&format!("AKIA{id}"), now - 97 * DAY);
        key.used(now - DAY, "s3", "us-east-1");
    }
    let config = format!("{CONFIG}organization: {{ role_name: iam-key-exporter, refresh_interval: 1s }}\n");
    let chain = Scaled::start(stub, &config).await;
    let keys: BTreeSet<_> = ids.map(|id| alert(OVERDUE, &format!("ci-{id}"))).into();
    chain.fires("three keys and nothing else", |firing| *firing == keys).await;

    chain.stub.cloud().fault("*", Fault::ServiceFailure);
    let failing = ids.map(|id| alert("AWSIAMAccountCollectionFailing", id));
    let expected: BTreeSet<_> = keys.iter().cloned().chain(failing).collect();
    chain.fires("one more an account", |firing| *firing == expected).await;
    // Beyond the time after which data counts as old, which is told already.
    let begun = chain.stub.cloud().now();
    let longer = wait::until(LIMIT, async || {
        let firing = chain.firing().await;
        assert_eq!(firing, expected, "nothing changes");
        if chain.stub.cloud().now() > begun + 20 { Ok(()) } else { Err("the outage goes on".into()) }
    });
    longer.await.unwrap();

    chain.stub.cloud().clear_faults();
    chain.fires("the keys alone", |firing| *firing == keys).await;
    let resolved =
        chain.pager.received().into_iter().filter(|n| n.status == "resolved" && n.label("alertname") == OVERDUE);
    assert_eq!(resolved.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fleet_of_the_demo_raises_exactly_these_alerts() {
    let stub = Stub::start().await.unwrap();
    let now = stub.cloud().now();
    fleet::demo(&mut stub.cloud(), now);
    let chain = Scaled::start(stub, CONFIG).await;
    let expected: BTreeSet<_> = [
        (OVERDUE, "search-export"),
        (OVERDUE, "payments-archive"),
        (OVERDUE, "carol"),
        ("AWSIAMAccessKeyDueSoon", "search-crawler"),
        ("AWSIAMAccessKeyUnused", "payments-archive"),
        ("AWSIAMAccessKeyUnused", "carol"),
    ]
    .map(|(name, user)| alert(name, user))
    .into();
    chain.fires("all of them", |firing| *firing == expected).await;
    let begun = chain.stub.cloud().now();
    let later = wait::until(LIMIT, async || {
        assert_eq!(chain.firing().await, expected, "no others later; two active keys take a week");
        if chain.stub.cloud().now() > begun + 5 { Ok(()) } else { Err("not yet".into()) }
    });
    later.await.unwrap();
}
