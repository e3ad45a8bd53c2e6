//! Says which revision is built: what the builder says it is, or in a release what git says, or neither.
//! Other builds ask nobody, so that a commit alone makes nothing be built anew.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-env-changed=IAM_KEY_EXPORTER_REVISION");
    let given = env::var_os("IAM_KEY_EXPORTER_REVISION").and_then(|given| given.into_string().ok());
    let is_release = env::var_os("PROFILE").is_some_and(|profile| profile == "release");
    let found = given.filter(|given| is_plain(given)).or_else(|| is_release.then(from_git).flatten());
    println!("cargo::rustc-env=IAM_KEY_EXPORTER_REVISION={}", found.as_deref().unwrap_or("unknown"));
}

fn from_git() -> Option<String> {
    for path in ["HEAD", "logs/HEAD"] {
        if let Some(file) = git(&["rev-parse", "--git-path", path]) {
            println!("cargo::rerun-if-changed={file}");
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"]).filter(|revision| is_plain(revision))
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// It becomes a label of a metric and a word on the command line.
fn is_plain(revision: &str) -> bool {
    !revision.is_empty() && revision.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
}
