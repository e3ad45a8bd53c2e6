//! Wrong configurations, each beside the message that it must get: `tests/config/*.yml`
//! and `*.expected`. `UPDATE=1` writes the messages anew, to be read before they are kept.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn check(file: &Path) -> Output {
    let exporter = Command::new(env!("CARGO_BIN_EXE_iam-key-exporter"))
        .current_dir(file.parent().unwrap())
        .arg(format!("--config.file={}", file.file_name().unwrap().display()))
        .arg("--config.check")
        .output();
    exporter.expect("the binary was built for this test")
}

fn wrong() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|ending| ending == "yml")).collect();
    files.sort();
    files
}

#[test]
fn every_mistake_is_told_with_its_place_and_what_is_allowed() {
    let files = wrong();
    assert!(files.len() >= 10, "where are the wrong files?");
    let mut differences = String::new();
    for file in files {
        let output = check(&file);
        assert_eq!(output.status.code(), Some(2), "{}", file.display());
        assert!(output.stdout.is_empty());
        let message = String::from_utf8(output.stderr).unwrap();
        let expected = file.with_extension("expected");
        if env::var_os("UPDATE").is_some() {
            fs::write(&expected, &message).unwrap();
        }
        if fs::read_to_string(&expected).unwrap_or_default() != message {
            differences += "\n--- ";
            differences += &message;
        }
    }
    assert!(differences.is_empty(), "not as in the .expected files:\n{differences}");
}

#[test]
fn the_example_and_an_empty_file_are_valid_and_mean_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.yml");
    fs::write(&empty, "# nothing\n").unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("iam-key-exporter.example.yml");
    for file in [empty, example] {
        let output = check(&file);
        assert!(output.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).ends_with(": ok\n"));
        let config = iam_key_exporter::config::Config::load(file).unwrap();
        assert_eq!(config, iam_key_exporter::config::Config::default());
    }
}

#[test]
fn the_organization_may_be_listed_every_two_hours_and_not_less_often() {
    let folder = tempfile::tempdir().unwrap();
    for (interval, is_allowed) in [("2h", true), ("2h 1s", false)] {
        let file = folder.path().join("seldom.yml");
        fs::write(&file, format!("organization: {{ role_name: reader, refresh_interval: {interval} }}\n")).unwrap();
        assert_eq!(check(&file).status.success(), is_allowed, "{interval}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named_with_the_reason() {
    let output = check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("nowhere.yml"));
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        message,
        "error: reading the configuration file \"nowhere.yml\"\n  caused by: No such file or directory (os error 2)\n"
    );
}
