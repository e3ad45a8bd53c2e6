//! What people see: widths, colours, progress.

use std::{fs, process::Command};

use aws_stub::{Stub, fleet};

use crate::{ACCOUNT, BINARY, MEMBER, ORGANIZATION, check, settings};

async fn demo() -> Stub {
    let stub = Stub::start().await.unwrap();
    let mut cloud = stub.cloud();
    let now = cloud.now();
    fleet::demo(&mut cloud, now);
    drop(cloud);
    stub
}

/// What a terminal of this width is sent, and what standard error says to one.
async fn on_terminal(stub: &Stub, config: &str, columns: u32, environment: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let command = crate::command(&settings(stub, config, &[]), folder.path());
    let arguments: Vec<String> = command.get_args().map(|arg| format!("'{}'", arg.to_string_lossy())).collect();
    let (errors, arguments) = (folder.path().join("errors"), arguments.join(" "));
    let script =
        format!("stty cols {columns} rows 50; env {environment} '{BINARY}' {arguments} 2>'{}'", errors.display());
    let mut terminal = Command::new("script");
    terminal.args(["--quiet", "--command", &script, "/dev/null"]).current_dir(folder.path());
    for (name, value) in command.get_envs() {
        terminal.env(name, value.unwrap_or_default());
    }
    terminal.env("SHELL", "/bin/sh").env("TERM", "xterm-256color").env_remove("NO_COLOR");
    let output = tokio::task::spawn_blocking(move || terminal.output().unwrap()).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n");
    (text, fs::read_to_string(errors).unwrap())
}

fn plain(text: &str) -> String {
    String::from_utf8(anstream::adapter::strip_bytes(text.as_bytes()).into_vec()).unwrap()
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
    for (columns, config) in [(80, ""), (120, ""), (80, ORGANIZATION), (120, ORGANIZATION)] {
        let (text, _) = on_terminal(&stub, config, columns, "").await;
        let text = plain(&text);
        let widest = text.lines().max_by_key(|line| line.chars().count()).unwrap();
        assert!(widest.chars().count() <= columns as usize, "{columns}: {widest}\n{text}");
        let words: String = text.replace(|c: char| c.is_whitespace(), "");
        assert!(text.contains("overdue") && text.contains("AKIA"), "{text}");
        assert_eq!(words.contains("member"), config == ORGANIZATION, "{text}");
        // The name goes on in further lines of its column.
        let head: String = long.chars().take(10).collect();
        assert!(text.contains(&head), "{text}");
    }
}

#[tokio::test]
async fn colours_are_for_terminals_that_want_them() {
    let stub = demo().await;
    assert!(on_terminal(&stub, "", 80, "").await.0.contains("\u{1b}[31moverdue"));
    for environment in ["NO_COLOR=1", "TERM=dumb"] {
        let (text, _) = on_terminal(&stub, "", 80, environment).await;
        assert!(text.contains("overdue") && !text.contains('\u{1b}'), "{environment}: {text:?}");
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
