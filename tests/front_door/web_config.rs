//! Web configurations, good and bad: we and promtool say the same of them, and a bad one is told
//! with its place. `UPDATE=1` writes the messages anew, to be read before they are kept.
//!
//! A first line such as `# promtool: good, TLS 1.0 is broken` says that promtool thinks otherwise,
//! and why we do not.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::{BINARY, pki::Authority};

/// The configurations and what they name, in one folder.
fn corpus() -> (tempfile::TempDir, Vec<(PathBuf, bool)>) {
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::new(folder.path(), "ours");
    ours.server("server");
    ours.server("another");
    fs::write(folder.path().join("nonsense.crt"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    let mut files = Vec::new();
    for (kind, is_good) in [("good", true), ("bad", false)] {
        let from = source(kind);
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            if Path::new(&name).extension().is_some_and(|ending| ending == "yml") {
                fs::copy(source(kind).join(&name), folder.path().join(&name)).unwrap();
                files.push((PathBuf::from(name), is_good));
            }
        }
    }
    files.sort();
    (folder, files)
}

fn source(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/web_config").join(kind)
}

fn ours(folder: &Path, file: &Path) -> Output {
    let mut command = Command::new(BINARY);
    command.current_dir(folder).arg("--config.check").arg(format!("--web.config.file={}", file.display()));
    command.output().unwrap()
}

#[test]
fn the_good_are_taken_and_every_mistake_of_the_bad_is_told_with_its_place() {
    let (folder, files) = corpus();
    assert!(files.len() >= 40, "where are the files?");
    let mut differences = Vec::new();
    for (file, is_good) in files {
        let output = ours(folder.path(), &file);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        if is_good {
            assert!(output.status.success(), "{}: {message}", file.display());
            continue;
        }
        assert_eq!(output.status.code(), Some(2), "{}: {message}", file.display());
        let expected = source("bad").join(file.with_extension("expected"));
        if env::var_os("UPDATE").is_some() {
            fs::write(&expected, &message).unwrap();
        }
        if fs::read_to_string(&expected).unwrap_or_default() != message {
            differences.push(format!("\n--- {}\n{message}", file.display()));
        }
    }
    assert!(differences.is_empty(), "not as in the .expected files:\n{}", differences.concat());
}

#[test]
fn promtool_says_the_same_unless_there_is_a_reason() {
    let (folder, files) = corpus();
    let mut differences = Vec::new();
    for (file, is_good) in files {
        let output =
            Command::new("promtool").args(["check", "web-config"]).arg(&file).current_dir(folder.path()).output();
        let output = output.expect("promtool is installed");
        let text = fs::read_to_string(folder.path().join(&file)).unwrap();
        let expected = match text.lines().next().and_then(|line| line.strip_prefix("# promtool: ")) {
            Some(reason) => reason.starts_with("good"),
            None => is_good,
        };
        if output.status.success() != expected {
            let said = String::from_utf8_lossy(&output.stderr);
            differences.push(format!("{}: we say {is_good}, promtool {}: {said}\n", file.display(), output.status));
        }
    }
    assert!(differences.is_empty(), "{}", differences.concat());
}

#[test]
fn the_example_of_the_documentation_is_a_good_one() {
    let (folder, _) = corpus();
    for name in ["server.crt", "server.key", "ours.crt"] {
        assert!(folder.path().join(name).exists(), "{name}");
    }
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/web-configuration.md")).unwrap();
    let example = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    fs::write(folder.path().join("web.yml"), example).unwrap();
    let output = ours(folder.path(), Path::new("web.yml"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
