//! What people see: widths, colours, progress.

use std::{fs, process::Command};

use aws_stub::{Stub, fleet};

use crate::{ACCOUNT, BINARY, BROKEN, MEMBER, ORGANIZATION, check, settings};

async fn demo() -> Stub {
    let stub = Stub::start().await.unwrap();
    let mut cloud = stub.cloud();
    let now = cloud.now();
    fleet::demo(&mut cloud, now);
    drop(cloud);
    stub
}

/// What a terminal of this width is sent, on standard output and standard error.
async fn on_terminal(stub: &Stub, (config, args): (&str, &[&str]), columns: u32, environment: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let command = crate::command(&settings(stub, config, args), folder.path());
    let arguments: Vec<String> = command.get_args().map(|arg| format!("'{}'", arg.to_string_lossy())).collect();
    let script = format!("stty cols {columns} rows 50; env {environment} '{BINARY}' {}", arguments.join(" "));
    let mut terminal = Command::new("script");
    // What CI sets, for one, decides on colours as well.
    terminal.args(["--quiet", "--command", &script, "/dev/null"]).current_dir(folder.path()).env_clear();
    for (name, value) in command.get_envs() {
        terminal.env(name, value.unwrap_or_default());
    }
    terminal.env("SHELL", "/bin/sh").env("TERM", "xterm-256color");
    let output = tokio::task::spawn_blocking(move || terminal.output().unwrap()).await.unwrap();
    String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n")
}

/// What stays to be read: no colours, and of a line that is overwritten the last.
fn left_on(terminal: &str) -> String {
    let plain = String::from_utf8(anstream::adapter::strip_bytes(terminal.as_bytes()).into_vec()).unwrap();
    plain.split('\n').map(|line| line.rsplit('\r').next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The text of a column, whatever line it goes on in.
fn column(text: &str, title: &str, next: &str) -> String {
    let head = text.lines().find(|line| line.contains(title)).unwrap();
    let (from, to) = (head.find(title).unwrap(), head.find(next).unwrap());
    let cells = text.lines().filter(|line| line.len() > from).map(|line| &line[from..to.min(line.len())]);
    cells.map(str::trim).collect()
}

#[tokio::test]
async fn nothing_is_wider_than_the_terminal_and_nothing_is_left_out() {
    let stub = demo().await;
    let long = "a-user-with-a-name-of-sixty-four-characters-as-long-as-they-come";
    {
        let mut cloud = stub.cloud();
        let now = cloud.now();
        cloud.account(ACCOUNT).user(long).key("AKIAIOSFODNN7EXAMPLE", now - 100 * crate::DAY);
    }
    crate::key(&stub, MEMBER, "member", 95);
    for (columns, config) in [(80, ""), (120, ""), (80, ORGANIZATION), (120, ORGANIZATION), (200, ORGANIZATION)] {
        let text = left_on(&on_terminal(&stub, (config, &[]), columns, "").await);
        let widest = text.lines().max_by_key(|line| line.chars().count()).unwrap();
        assert!(widest.chars().count() <= columns as usize, "{columns}: {widest}\n{text}");
        let table = text.split_once("\n\n").unwrap().0;
        assert!(column(table, "USER", "ACCESS KEY").contains(long), "{columns}: {text}");
        assert_eq!(text.contains("AKIAMEMBER"), config == ORGANIZATION, "{text}");
    }
}

/// Three accounts, one of which cannot be read.
async fn fleet_with_a_broken_account() -> Stub {
    let stub = demo().await;
    crate::key(&stub, MEMBER, "member", 95);
    crate::key(&stub, BROKEN, "broken", 95);
    stub.cloud().account(BROKEN).external_id = Some("asked-for".into());
    stub
}

#[tokio::test]
async fn a_broken_account_is_told_in_words_and_nothing_is_broken_at_120_columns() {
    let stub = fleet_with_a_broken_account().await;
    for columns in [80, 120] {
        let sent = on_terminal(&stub, (ORGANIZATION, &[]), columns, "").await;
        assert!(sent.contains("\rread 3 of 3 accounts …\u{1b}[K\r\u{1b}[K"), "{sent:?}");
        let text = left_on(&sent);
        let unfolded = text.replace("\n  ", " ");
        let told = format!("NOT KNOWN: account {BROKEN}: the whole account: calling AssumeRole");
        assert!(unfolded.contains(&told) && unfolded.contains("AccessDenied: User: "), "{text}");
        assert!(!text.contains("Error {"), "what the SDK shows to programmers: {text}");
        assert!(unfolded.contains("in 3 accounts (1 not read to the end)"), "{text}");
        assert!(!text.contains("read 3 of 3"), "{text}");
        assert!(columns < 120 || text.contains("overdue, unused\n"), "{text}");
    }
}

#[tokio::test]
async fn a_file_does_not_depend_on_the_terminal_that_it_was_made_from() {
    let stub = fleet_with_a_broken_account().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.txt");
    let output = format!("--output={}", file.display());
    on_terminal(&stub, (ORGANIZATION, &[&output]), 60, "").await;
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.lines().next().unwrap().contains("ACCOUNT       USER"), "{text}");
}

#[tokio::test]
async fn colours_are_for_terminals_that_want_them() {
    let stub = demo().await;
    assert!(on_terminal(&stub, ("", &[]), 80, "").await.contains("\u{1b}[31moverdue"));
    for environment in ["NO_COLOR=1", "TERM=dumb"] {
        let text = on_terminal(&stub, ("", &[]), 80, environment).await;
        let table = text.rsplit('\r').next().unwrap_or_default();
        assert!(
            table.contains("overdue") && !table.trim_start_matches("\u{1b}[K").contains('\u{1b}'),
            "{environment}: {text:?}"
        );
    }
    let piped = check(&stub, "", &[]).await;
    assert!(piped.stdout.contains("overdue") && !piped.stdout.contains('\u{1b}'), "{piped:?}");
}

#[tokio::test]
async fn progress_is_a_line_now_and_then_where_nobody_watches() {
    let stub = demo().await;
    crate::key(&stub, MEMBER, "member", 95);
    let run = check(&stub, ORGANIZATION, &["--format=json"]).await;
    let progress: Vec<&str> = run.stderr.lines().filter(|line| line.starts_with("read ")).collect();
    assert_eq!(progress, ["read 1 of 2 accounts", "read 2 of 2 accounts"]);
    assert!(!run.stderr.contains(['\r', '\u{1b}']), "{run:?}");
}
