//! A real Alertmanager that tells at once.

use std::{fs, io, process::Command};

use tempfile::TempDir;

use crate::process::Process;

/// A running Alertmanager.
#[derive(Debug)]
pub struct Alertmanager {
    _process: Process,
    address: String,
    _folder: TempDir,
}

impl Alertmanager {
    /// Starts one that tells everything to this webhook, each alert by itself.
    ///
    /// # Errors
    /// When it does not start; with its log.
    pub async fn start(webhook: &str) -> io::Result<Self> {
        let configuration = serde_json::json!({
            "route": {
                "receiver": "webhook", "group_by": ["..."],
                "group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h",
            },
            "receivers": [{ "name": "webhook", "webhook_configs": [{ "url": webhook, "send_resolved": true }] }],
        });
        Self::with(&configuration.to_string()).await
    }

    /// Starts one with this configuration.
    ///
    /// # Errors
    /// When it does not start; with its log.
    pub async fn with(configuration: &str) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("alertmanager.yml");
        fs::write(&file, configuration)?;
        let mut command = Command::new("prometheus-alertmanager");
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.path={}", folder.path().join("data").display()));
        command.args(["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="]);
        let mut process = Process::start("alertmanager", &command)?;
        let address = process.address("msg=\"Listening on\"").await?;
        Ok(Self { _process: process, address, _folder: folder })
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}
