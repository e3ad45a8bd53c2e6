//! From the stub of AWS to the pager, with the repository's rules: real exporter, real
//! Prometheus, real Alertmanager.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod policy;

use std::{path::Path, time::Duration};

use aws_stub::{Fault, Stub};
use testbed::{Alertmanager, Exporter, Notification, Prometheus, Settings, Webhook, prometheus::Watch, wait};

const BINARY: &str = env!("CARGO_BIN_EXE_iam-key-exporter");
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/alerts/rules.yaml");
const CONFIG: &str = "poll_interval: 500ms\nlimits: { requests_per_second: 1000, attempt_timeout: 1s }\n";
const OVERDUE: &str = "AWSIAMAccessKeyOverdue";
const DAY: i64 = 86_400;
const LIMIT: Duration = Duration::from_mins(1);

/// Everything from AWS to the pager.
struct Chain {
    stub: Stub,
    settings: Settings,
    exporter: Exporter,
    prometheus: Prometheus,
    _alertmanager: Alertmanager,
    pager: Webhook,
}

impl Chain {
    async fn start(config: &str) -> Self {
        let stub = Stub::start().await.unwrap();
        let now = stub.cloud().now();
        stub.cloud().default_account().user("ci-bot").key("AKIAOLD", now - 97 * DAY);
        stub.cloud().default_account().user("fresh").key("AKIANEW", now - 3 * DAY);
        let settings = Settings::of(stub.endpoint()).config(config);
        let exporter = Exporter::start(BINARY, &settings).await.unwrap();
        let pager = Webhook::start().await.unwrap();
        let alertmanager = Alertmanager::start(&pager.url()).await.unwrap();
        let watch = Watch {
            targets: &[exporter.address()],
            rules: Some(Path::new(RULES)),
            alertmanager: Some(alertmanager.address()),
            ..Watch::default()
        };
        let prometheus = Prometheus::start(&watch).await.unwrap();
        Self { stub, settings, exporter, prometheus, _alertmanager: alertmanager, pager }
    }

    async fn told(&self, status: &str, user: &str) -> Notification {
        let is_meant =
            |n: &Notification| n.status == status && n.label("alertname") == OVERDUE && n.label("user_name") == user;
        self.pager.expect(LIMIT, is_meant).await.unwrap()
    }

    async fn is_up(&self, up: f64) {
        let labels = [("account_id", aws_stub::DEFAULT_ACCOUNT)];
        let is_so = |page: &testbed::Page| page.value("aws_iam_account_up", &labels) == Some(up);
        self.exporter.page_when(&format!("up is {up}"), is_so).await;
    }

    /// Kills the exporter and starts it again at the same address.
    async fn restart(&mut self) {
        let address = self.exporter.address().to_owned();
        self.exporter.process().signal("KILL");
        self.exporter.process().exit(LIMIT).await;
        let settings = Settings { listen: Some(address), ..self.settings.clone() };
        self.exporter = Exporter::start(BINARY, &settings).await.unwrap();
    }

    /// Watches the alerts for as long as it takes Prometheus to scrape this often.
    async fn firing_throughout(&self, scrapes: f64) {
        let how_often = "count_over_time(up{job=\"iam-key-exporter\"}[5m])";
        let begin = number(&self.prometheus.query(how_often).await);
        let done = wait::until(LIMIT, async || {
            let firing = self.prometheus.firing(OVERDUE).await;
            assert_eq!(firing.len(), 1, "{firing:?}");
            assert_eq!(firing[0]["access_key_id"], "AKIAOLD");
            let now = number(&self.prometheus.query(how_often).await);
            if now >= begin + scrapes { Ok(()) } else { Err(format!("{begin} scrapes, now {now}")) }
        });
        done.await.unwrap();
        let resolved = self.pager.received().iter().filter(|n| n.status == "resolved").count();
        assert_eq!(resolved, 0, "{:?}", self.pager.received());
    }
}

fn number(result: &[serde_json::Value]) -> f64 {
    result.first().and_then(|series| series["value"][1].as_str()).map_or(0.0, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overdue_key_pages_outlives_an_outage_and_resolves_when_rotated() {
    let chain = Chain::start(CONFIG).await;
    let page = chain.told("firing", "ci-bot").await;
    assert_eq!(page.label("severity"), "critical");
    assert!(page.annotation("description").contains("is 97d 0h"), "{page:?}");
    assert!(page.annotation("runbook_url").ends_with("/AWSIAMAccessKeyOverdue.md"));

    chain.stub.cloud().fault("*", Fault::ServiceFailure);
    chain.is_up(0.0).await;
    chain.firing_throughout(5.0).await;
    chain.stub.cloud().clear_faults();
    chain.is_up(1.0).await;

    chain.stub.cloud().rotate(aws_stub::DEFAULT_ACCOUNT, "ci-bot");
    chain.told("resolved", "ci-bot").await;
    let paged = chain.pager.received().into_iter().filter(|n| n.label("alertname") == OVERDUE);
    assert_eq!(paged.filter(|n| n.status == "firing").count(), 1, "one key, one page");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_during_an_outage_resolves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let with_state = format!("{CONFIG}state_dir: {}\n", folder.path().join("state").display());
    for config in [with_state.as_str(), CONFIG] {
        let mut chain = Chain::start(config).await;
        chain.told("firing", "ci-bot").await;
        chain.stub.cloud().fault("*", Fault::ServiceFailure);
        chain.restart().await;
        chain.firing_throughout(5.0).await;
        let page = chain.exporter.page().await;
        let shown = page.series("aws_iam_access_key_rotation_due_timestamp_seconds").len();
        assert_eq!(shown, if config == CONFIG { 0 } else { 2 }, "the state is published at once");
        chain.stub.cloud().clear_faults();
        chain.is_up(1.0).await;
        chain.stub.cloud().rotate(aws_stub::DEFAULT_ACCOUNT, "ci-bot");
        chain.told("resolved", "ci-bot").await;
    }
}
