//! What people install: policies, units, charts and packages, held against the program.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod commands;
mod least_privilege;
mod links;
mod operations;
mod queries;
mod reference;
mod version;

use std::{
    fs,
    path::{Path, PathBuf},
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
    fs::write(&file, config).unwrap();
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

/// Every document of the repository, with its text.
fn documents() -> Vec<(PathBuf, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![PathBuf::from(ROOT)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 20, "where are the documents?");
    found.sort();
    found
}

/// Lines of fenced blocks with their number from one, and the language of the block; other lines have none.
fn lines(text: &str) -> Vec<(usize, Option<&str>, &str)> {
    let mut language = None;
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        match line.trim_start().strip_prefix("```") {
            Some(opened) => language = language.is_none().then_some(opened.trim()),
            None => lines.push((number + 1, language, line)),
        }
    }
    lines
}

fn shown(file: &Path) -> String {
    file.strip_prefix(ROOT).unwrap_or(file).display().to_string()
}

fn tools() -> PathBuf {
    Path::new(ROOT).join("target/tools")
}
