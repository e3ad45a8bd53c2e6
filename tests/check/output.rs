//! A report in a file: whole or not at all.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use aws_stub::{Fault, Stub};
use iam_key_exporter::{check::output, cli::Format};
use testbed::{Exporter, Page, Writer};

use crate::{ACCOUNT, BINARY, MEMBER, ORGANIZATION, check, command, key, settings};

const KILLS: u32 = 60;
const WRITER_FILE: &str = "CHECK_OUTPUT_WRITER_FILE";

/// Everything in the folder that a reader of reports could stumble over.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.filter(|name| !name.starts_with('.')).collect()
}

#[test]
fn a_writer_that_is_killed_leaves_the_old_file_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    output::replace(&file, report(1).as_bytes(), Format::Json).unwrap();
    let writer = Writer { test: "output::writer", variable: WRITER_FILE, place: &file };
    writer.is_killed(KILLS, Duration::from_millis(6), || {
        assert_eq!(files(folder.path()), ["keys.json"]);
        number_in(&fs::read_to_string(&file).unwrap())
    });
}

/// Not a test: the writer that the test above starts and kills.
#[test]
#[ignore = "runs only as the process that is killed"]
#[expect(clippy::disallowed_methods, reason = "how the test tells its writer where")]
fn writer() {
    let file = std::env::var(WRITER_FILE).unwrap();
    let first = number_in(&fs::read_to_string(&file).unwrap()) + 1;
    println!("ready");
    for number in first.. {
        output::replace(Path::new(&file), report(number).as_bytes(), Format::Json).unwrap();
        println!("wrote {number}");
    }
}

/// A report that takes more than one page of a disk.
fn report(number: u32) -> String {
    format!("{number}\n").repeat(20_000)
}

/// The number of a report that is whole.
fn number_in(text: &str) -> u32 {
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 20_000, "half a file");
    assert!(lines.iter().all(|line| *line == lines[0]), "parts of two files");
    lines[0].parse().unwrap()
}

#[tokio::test]
async fn a_check_that_is_ended_in_the_middle_leaves_the_old_file() {
    let stub = Stub::start().await.unwrap();
    key(&stub, ACCOUNT, "ci", 100);
    stub.cloud().fault("ListAccessKeys", Fault::Delay(Duration::from_secs(30)));
    for signal in ["TERM", "INT", "KILL"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.json");
        fs::write(&file, "old").unwrap();
        let settings = settings(&stub, "", &[&format!("--output={}", file.display()), "--format=json"]);
        let settings = settings.config("limits: { attempt_timeout: 1m }");
        let home = tempfile::tempdir().unwrap();
        let mut process = testbed::Process::start("check", &command(&settings, home.path())).unwrap();
        let before = stub.cloud().total_calls();
        testbed::wait::until(Duration::from_secs(20), async || {
            let calls = stub.cloud().total_calls();
            if calls > before + 3 { Ok(()) } else { Err(format!("{calls} calls")) }
        })
        .await
        .unwrap();
        process.signal(signal);
        assert!(!process.exit(Duration::from_secs(20)).await.success(), "{signal}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "old", "{signal}");
    }
}

#[tokio::test]
async fn an_incomplete_report_is_written_and_says_so() {
    let stub = Stub::start().await.unwrap();
    key(&stub, ACCOUNT, "ci", 10);
    stub.cloud().fault("ListAccessKeys", Fault::AccessDenied);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let run = check(&stub, "", &[&format!("--output={}", file.display()), "--format=json"]).await;
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{run:?}");
    assert!(run.stderr.contains("NOT EVERYTHING COULD BE READ"), "{run:?}");
    let document: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!((&document["outcome"], &document["exit_code"]), (&"incomplete".into(), &2.into()));
}

#[tokio::test]
async fn a_textfile_is_the_daemons_page_for_everybody_to_read() {
    let stub = Stub::start().await.unwrap();
    key(&stub, ACCOUNT, "ci", 100);
    key(&stub, MEMBER, "member", 50);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.prom");
    let config = format!("{ORGANIZATION}exemptions: [{{ user: nobody, until: 2099-01-31, reason: none }}]\n");
    let run = check(&stub, &config, &[&format!("--output={}", file.display()), "--format=prometheus"]).await;
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("process_"), "node_exporter has these itself");
    let checked = Page::parse(&text).unwrap();
    let exporter = Exporter::start(BINARY, &daemon(&stub, &config)).await.unwrap();
    let is_read = |page: &Page| page.with("aws_iam_account_up", &[]).iter().filter(|up| up.value > 0.5).count() == 2;
    let page = exporter.page_when("both accounts", is_read).await;
    assert_eq!(stable(&checked), stable(&page));
    promtool(&text);
}

fn daemon(stub: &Stub, config: &str) -> testbed::Settings {
    testbed::Settings::of(stub.endpoint()).config(&format!("{}{config}", crate::QUICK))
}

/// What does not change from second to second.
fn stable(page: &Page) -> Vec<String> {
    let changing = [
        "_age_seconds",
        "poll_duration",
        "data_timestamp",
        "requests_total",
        "failures_total",
        "process_",
        "reload",
        "_listed_",
    ];
    let lines = page.text().lines().filter(|line| !changing.iter().any(|word| line.contains(word)));
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    lines.sort();
    lines
}

fn promtool(text: &str) {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed");
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[tokio::test]
async fn a_textfile_tells_that_an_account_or_all_of_aws_could_not_be_read() {
    let stub = Stub::start().await.unwrap();
    key(&stub, ACCOUNT, "ci", 100);
    key(&stub, MEMBER, "member", 50);
    stub.cloud().account(MEMBER).external_id = Some("asked-for".into());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.prom");
    let args = [format!("--output={}", file.display()), "--format=prometheus".to_owned()];
    let args = [args[0].as_str(), args[1].as_str()];
    let up = |account: &str| {
        let page = Page::parse(&fs::read_to_string(&file).unwrap()).unwrap();
        page.value("aws_iam_account_up", &[("account_id", account)])
    };
    assert_eq!(check(&stub, ORGANIZATION, &args).await.code, Some(2));
    assert_eq!((up(ACCOUNT), up(MEMBER)), (Some(1.0), Some(0.0)));
    let stranger = settings(&stub, "", &args).env("AWS_ACCESS_KEY_ID", "").env("AWS_SECRET_ACCESS_KEY", "");
    assert_eq!(crate::run(stranger).await.code, Some(2));
    assert_eq!((up(ACCOUNT), up("unknown")), (None, Some(0.0)));
}
