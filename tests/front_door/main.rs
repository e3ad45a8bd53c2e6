//! The door of the real binary: who gets in, how it is reloaded, how it stands a crowd.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod auth;
mod crowd;
mod gzip;
mod health;
mod malformed;
mod pki;
mod prometheus;
mod reload;
mod secrets;
mod systemd;
mod tls;
mod web_config;

use std::{
    fs,
    path::{Path, PathBuf},
};

use aws_stub::Stub;
use testbed::{Exporter, Settings};

const BINARY: &str = env!("CARGO_BIN_EXE_iam-key-exporter");

/// Looks for changed files often.
const WATCHFUL: &str = "--config.auto-reload-interval=50ms";

/// Polls often and fast.
const QUICK: &str = "poll_interval: 300ms\nlimits: { requests_per_second: 10000 }\n";

/// Writes a file into a folder.
fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, text).unwrap();
    file
}

/// An exporter of an account with one user, behind this web configuration.
async fn behind(web_config: &Path) -> (Stub, Exporter) {
    let stub = Stub::start().await.unwrap();
    stub.cloud().account(aws_stub::DEFAULT_ACCOUNT).user("ci-bot").key("AKIAONE", 1_700_000_000);
    let settings = Settings::of(stub.endpoint()).config(QUICK).web_config(web_config).arg(WATCHFUL);
    let exporter = Exporter::start(BINARY, &settings).await.unwrap();
    (stub, exporter)
}

/// What it has said, once that is in it.
async fn log_with(exporter: &mut Exporter, words: &str) -> String {
    let found = testbed::wait::until(std::time::Duration::from_secs(20), async || {
        let log = exporter.process().log();
        if log.contains(words) { Ok(log) } else { Err(log) }
    });
    found.await.unwrap_or_else(|log| panic!("never said {words:?}:\n{log}"))
}
