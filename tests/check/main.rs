//! `iam-key-exporter check` as a process, on the stub of AWS and on moto.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod comparison;
mod exit_codes;
mod formats;
mod output;
mod terminal;

use std::{path::Path, process::Command};

use aws_stub::Stub;
use serde_json::Value;
use testbed::Settings;

const BINARY: &str = env!("CARGO_BIN_EXE_iam-key-exporter");
const ACCOUNT: &str = aws_stub::DEFAULT_ACCOUNT;
const MEMBER: &str = "222233334444";
/// Of an account that is not to be read.
const BROKEN: &str = "333344445555";
const DAY: i64 = 86_400;

/// Asks fast.
const QUICK: &str =
    "poll_interval: 300ms\nlimits: { requests_per_second: 10000, attempt_timeout: 10s, poll_timeout: 2m }\n";

/// What a check said, and how it ended.
#[derive(Debug)]
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The command of a check; the folder must outlive it.
fn command(settings: &Settings, folder: &Path) -> Command {
    settings.command(BINARY.as_ref(), folder).unwrap()
}

async fn run(settings: Settings) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(&settings, folder.path());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A check of the stub's accounts, with these arguments.
async fn check(stub: &Stub, config: &str, args: &[&str]) -> Run {
    run(settings(stub, config, args)).await
}

fn settings(stub: &Stub, config: &str, args: &[&str]) -> Settings {
    let settings = Settings::of(stub.endpoint()).config(&format!("{QUICK}{config}")).arg("check");
    args.iter().fold(settings, |settings, arg| settings.arg(arg))
}

/// Two accounts of an organization.
const ORGANIZATION: &str = "organization: { role_name: iam-key-exporter }\n";

/// A user whose key is so many days old, and was used an hour ago.
fn key(stub: &Stub, account: &str, user: &str, days: i64) {
    let mut cloud = stub.cloud();
    let now = cloud.now();
    let id = format!("AKIA{}", user.to_ascii_uppercase());
    cloud.account(account).user(user).key(&id, now - days * DAY).used(now - 3_600, "s3", "us-east-1");
}
