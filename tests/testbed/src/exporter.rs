//! The real exporter, pointed at an AWS of ours.

use std::{io, path::Path, process::Command, time::Duration};

use tempfile::TempDir;

use crate::{http, metrics::Page, process::Process, wait};

/// How long anything on this machine may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// How the exporter is started.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Of the AWS; without one the real one would be asked, so tests always have one.
    pub endpoint: String,
    /// The text of the configuration file, if there is to be one.
    pub config: Option<String>,
    /// `HOST:PORT` to listen on; a free port unless given.
    pub listen: Option<String>,
    /// Arguments besides.
    pub args: Vec<String>,
    /// Environment variables besides or instead; an empty value takes one away.
    pub env: Vec<(String, String)>,
}

/// A running exporter.
#[derive(Debug)]
pub struct Exporter {
    process: Process,
    address: String,
    _config: TempDir,
}

impl Settings {
    /// An exporter of this AWS with its defaults.
    #[must_use]
    pub fn of(endpoint: String) -> Self {
        Self { endpoint, ..Self::default() }
    }

    /// With this configuration file.
    #[must_use]
    pub fn config(self, text: &str) -> Self {
        Self { config: Some(text.to_owned()), ..self }
    }

    /// With another argument.
    #[must_use]
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// With another environment variable; an empty value takes it away.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this web configuration.
    #[must_use]
    pub fn web_config(self, file: &Path) -> Self {
        self.arg(&format!("--web.config.file={}", file.display()))
    }

    /// The command that starts it; the folder must outlive it.
    ///
    /// # Errors
    /// When the configuration file cannot be written.
    pub fn command(&self, binary: &Path, folder: &Path) -> io::Result<Command> {
        let mut command = Command::new(binary);
        command.env_clear().env("AWS_ENDPOINT_URL", &self.endpoint).env("AWS_REGION", "us-east-1");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("AWS_ACCESS_KEY_ID", "AKIAHUB").env("AWS_SECRET_ACCESS_KEY", "secret-of-the-hub");
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", folder);
        let listen = self.listen.as_deref().unwrap_or("127.0.0.1:0");
        command.arg(format!("--web.listen-address={listen}")).args(&self.args);
        if let Some(text) = &self.config {
            let file = folder.join("iam-key-exporter.yml");
            std::fs::write(&file, text)?;
            command.arg(format!("--config.file={}", file.display()));
        }
        for (name, value) in &self.env {
            if value.is_empty() {
                command.env_remove(name)
            } else {
                command.env(name, value)
            };
        }
        Ok(command)
    }
}

impl Exporter {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// When it ends before, with its log.
    pub async fn start(binary: impl AsRef<Path>, settings: &Settings) -> io::Result<Self> {
        let (mut process, config) = Self::launch(binary.as_ref(), settings)?;
        let address = process.address("listening").await?;
        Ok(Self { process, address, _config: config })
    }

    /// Starts it and waits for nothing.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn launch(binary: &Path, settings: &Settings) -> io::Result<(Process, TempDir)> {
        let folder = tempfile::tempdir()?;
        let process = Process::start("iam-key-exporter", &settings.command(binary, folder.path())?)?;
        Ok((process, folder))
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The address of one of its pages.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The process itself.
    #[must_use]
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Its /metrics now.
    ///
    /// # Panics
    /// When there is no such page, or it is not in the Prometheus text format.
    pub async fn page(&self) -> Page {
        let answer = http::get(&self.url("/metrics")).await;
        let answer = answer.unwrap_or_else(|error| panic!("{error}; it said:\n{}", self.process.log()));
        Page::parse(&answer.text()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Its /metrics once something is true of it.
    ///
    /// # Panics
    /// When that does not come; with the last page and the log.
    pub async fn page_when(&self, what: &str, is_so: impl Fn(&Page) -> bool) -> Page {
        self.page_within(PATIENCE, what, is_so).await
    }

    /// As `page_when`, for what takes longer than usual.
    ///
    /// # Panics
    /// When that does not come; with the last page and the log.
    pub async fn page_within(&self, limit: Duration, what: &str, is_so: impl Fn(&Page) -> bool) -> Page {
        let found = wait::until(limit, async || {
            let page = self.page().await;
            if is_so(&page) { Ok(page) } else { Err(page.text().to_owned()) }
        });
        let log = || self.process.log();
        found.await.unwrap_or_else(|page| panic!("never saw: {what}\n--- page\n{page}\n--- log\n{}", log()))
    }
}
