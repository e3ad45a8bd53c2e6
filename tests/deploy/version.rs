//! The revision in `--version`: given by the builder, found by git in a release, or not known.

use std::{fs, path::Path, process::Command};

use crate::{BINARY, ROOT};

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What the build script says, run in a folder as cargo would.
fn revision(script: &Path, folder: &Path, profile: &str, given: &str) -> String {
    let mut command = Command::new(script);
    command.current_dir(folder).env("PROFILE", profile).env_remove("GIT_DIR").env("GIT_CEILING_DIRECTORIES", "/");
    command.env("IAM_KEY_EXPORTER_REVISION", given);
    let said = run(&mut command);
    let told = said.lines().find_map(|line| line.strip_prefix("cargo::rustc-env=IAM_KEY_EXPORTER_REVISION="));
    told.unwrap_or_else(|| panic!("no revision in {said}")).to_owned()
}

#[test]
fn a_release_knows_its_revision_and_no_build_needs_git() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("build");
    run(Command::new("rustc").args(["--edition=2024", "-o"]).arg(&script).arg(Path::new(ROOT).join("build.rs")));
    let repository = folder.path().join("repository");
    fs::create_dir(&repository).unwrap();
    let git = |args: &[&str]| {
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        run(Command::new("git").args(who).args(args).current_dir(&repository))
    };
    git(&["init", "--quiet"]);
    git(&["commit", "--quiet", "--allow-empty", "--message", "one"]);
    let head = git(&["rev-parse", "HEAD"]);
    let release = revision(&script, &repository, "release", "");
    assert!(release.len() == 12 && head.starts_with(&release), "{release} of {head}");
    assert_eq!(revision(&script, &repository, "debug", ""), "unknown");
    assert_eq!(revision(&script, folder.path(), "release", ""), "unknown");
    assert_eq!(revision(&script, folder.path(), "release", "v1.2.3-4"), "v1.2.3-4");
    assert_eq!(revision(&script, folder.path(), "debug", "a\"b"), "unknown");
}

#[test]
fn version_says_version_and_revision() {
    let said = run(Command::new(BINARY).arg("--version"));
    let version = env!("CARGO_PKG_VERSION");
    assert!(said.starts_with(&format!("iam-key-exporter {version} (revision ")), "{said}");
}
