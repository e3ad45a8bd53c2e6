//! What people install: policies, units, charts and packages, held against the program.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod least_privilege;
mod operations;
mod version;

use std::{
    path::Path,
    process::{Command, Output},
};

const BINARY: &str = env!("CARGO_BIN_EXE_iam-key-exporter");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const DAY: i64 = 86_400;

/// Polls often and fast.
const QUICK: &str = "poll_interval: 300ms\n\
    limits: { requests_per_second: 10000, attempt_timeout: 10s, poll_timeout: 2m, concurrent_accounts: 4 }\n";

fn run(args: &[&str]) -> Output {
    Command::new(BINARY).args(args).output().unwrap()
}

/// What the `policy` command prints for a configuration.
fn policy(config: &str, args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("iam-key-exporter.yml");
    std::fs::write(&file, config).unwrap();
    let config = format!("--config.file={}", file.display());
    let output = run(&[&["policy", &config][..], args].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The actions that a policy allows.
fn actions(policy: &str) -> Vec<String> {
    let policy: serde_json::Value = serde_json::from_str(policy).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let actions = statements.iter().flat_map(|statement| statement["Action"].as_array().unwrap());
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

fn tools() -> std::path::PathBuf {
    Path::new(ROOT).join("target/tools")
}
