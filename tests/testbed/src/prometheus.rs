//! A real Prometheus that judges and tells every second, and scrapes every other.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{http, process::Process, wait};

/// How long it may take to be ready.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    process: Process,
    address: String,
    _folder: TempDir,
}

/// What a Prometheus watches, and whom it tells.
#[derive(Clone, Debug, Default)]
pub struct Watch<'a> {
    /// `HOST:PORT` of each exporter.
    pub targets: &'a [&'a str],
    /// The rules; the repository's own file, not a copy.
    pub rules: Option<&'a Path>,
    /// `HOST:PORT` of the Alertmanager, if there is one.
    pub alertmanager: Option<&'a str>,
    /// How the targets are scraped: scheme, TLS, password, as in `scrape_config`.
    pub through: Value,
}

/// The Prometheus of this machine, and the newer one that `tests/install.sh` brought, both of which
/// people have.
#[must_use]
pub fn binaries(repository: &Path) -> [PathBuf; 2] {
    ["prometheus".into(), repository.join("target/tools/prometheus3/usr/bin/prometheus")]
}

impl Prometheus {
    /// Starts it and waits until it answers queries.
    ///
    /// # Errors
    /// When it does not start; with its log.
    pub async fn start(watch: &Watch<'_>) -> io::Result<Self> {
        Self::start_binary(Path::new("prometheus"), watch).await
    }

    /// As `start`, with this program.
    ///
    /// # Errors
    /// When it does not start; with its log.
    pub async fn start_binary(binary: &Path, watch: &Watch<'_>) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, configuration(watch))?;
        let mut command = Command::new(binary);
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        command.arg("--web.listen-address=127.0.0.1:0");
        let mut process = Process::start("prometheus", &command)?;
        let address = process.address("Listening on").await?;
        let started = Self { process, address, _folder: folder };
        let ready = wait::until(PATIENCE, async || match http::get(&format!("{}/-/ready", started.url())).await {
            Ok(answer) if answer.status == 200 => Ok(()),
            other => Err(format!("{other:?}")),
        });
        ready.await.map_err(|last| io::Error::other(format!("prometheus is not ready: {last}\n{}", started.log())))?;
        Ok(started)
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The labels of the alerts with this name that fire now.
    ///
    /// # Panics
    /// When Prometheus does not tell.
    pub async fn firing(&self, alert: &str) -> Vec<Value> {
        let answer = self.api("alerts").await;
        assert_eq!(answer["status"], "success", "{answer}");
        let alerts = answer["data"]["alerts"].as_array().cloned().unwrap_or_default();
        let meant = |a: &Value| a["state"] == "firing" && a["labels"]["alertname"] == alert;
        alerts.into_iter().filter(meant).map(|alert| alert["labels"].clone()).collect()
    }

    /// The result of an instant query.
    ///
    /// # Panics
    /// When Prometheus refuses the query, or does not answer.
    pub async fn query(&self, query: &str) -> Vec<Value> {
        self.ask(query).await.unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    /// The result of an instant query.
    ///
    /// # Errors
    /// When Prometheus refuses the query; with what it said.
    pub async fn ask(&self, query: &str) -> Result<Vec<Value>, String> {
        let answer = self.api(&format!("query?query={}", encoded(query))).await;
        if answer["status"] != "success" {
            return Err(format!("{query}: {answer}"));
        }
        Ok(answer["data"]["result"].as_array().cloned().unwrap_or_default())
    }

    /// A query as Prometheus understands it, which only the newer one tells.
    pub async fn parsed(&self, query: &str) -> Value {
        self.api(&format!("parse_query?query={}", encoded(query))).await["data"].take()
    }

    /// No answer is not the answer that there is nothing: it is asked again.
    async fn api(&self, path: &str) -> Value {
        let url = format!("{}/api/v1/{path}", self.url());
        let answer = wait::until(PATIENCE, async || {
            let answer = http::get(&url).await?;
            if answer.status < 500 { Ok(answer) } else { Err(answer.text()) }
        });
        let answer = answer.await.unwrap_or_else(|last| panic!("{path}: {last}\n{}", self.log()));
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }
}

fn encoded(query: &str) -> String {
    form_urlencoded::byte_serialize(query.as_bytes()).collect()
}

/// JSON is YAML.
fn configuration(watch: &Watch<'_>) -> String {
    let rules: Vec<_> = watch.rules.iter().map(|rules| rules.display().to_string()).collect();
    let alertmanagers: Vec<_> = watch.alertmanager.iter().collect();
    serde_json::json!({
        "global": { "scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "1s" },
        "rule_files": rules,
        "alerting": { "alertmanagers": [{ "static_configs": [{ "targets": alertmanagers }] }] },
        "scrape_configs": [scrape_config(watch)],
    })
    .to_string()
}

fn scrape_config(watch: &Watch<'_>) -> Value {
    let mut config = watch.through.as_object().cloned().unwrap_or_default();
    config.insert("job_name".into(), "iam-key-exporter".into());
    config.insert("static_configs".into(), serde_json::json!([{ "targets": watch.targets }]));
    config.into()
}
