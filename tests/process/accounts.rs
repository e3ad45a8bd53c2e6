//! Many accounts, read by the real binary.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use aws_stub::{Fault, Stub};
use testbed::{Exporter, Page, Settings};

use crate::{ACCOUNT, BINARY, DAY, QUICK};

const MEMBER: &str = "222233334444";
const OTHER: &str = "555566667777";

fn organization() -> String {
    format!("{QUICK}organization: {{ role_name: iam-key-exporter, refresh_interval: 500ms }}\n")
}

async fn seeded() -> Stub {
    let stub = Stub::start().await.unwrap();
    {
        let mut cloud = stub.cloud();
        let now = cloud.now();
        for account in [ACCOUNT, MEMBER] {
            cloud.account(account).user("ci").key(&format!("AKIA{account}"), now - 100 * DAY);
        }
    }
    stub
}

fn up(page: &Page, account: &str) -> Option<f64> {
    page.value("aws_iam_account_up", &[("account_id", account)])
}

fn changes(page: &Page) -> [Option<f64>; 3] {
    ["accounts", "accounts_added_total", "accounts_removed_total"]
        .map(|name| page.value(&format!("iam_key_exporter_{name}"), &[]))
}

#[tokio::test]
async fn an_account_that_joins_appears_and_one_that_leaves_is_gone() {
    let stub = seeded().await;
    let mut exporter = Exporter::start(BINARY, &Settings::of(stub.endpoint()).config(&organization())).await.unwrap();
    let page = exporter.page_when("two accounts", |page| up(page, MEMBER) == Some(1.0)).await;
    assert_eq!(changes(&page), [Some(2.0), Some(2.0), Some(0.0)]);
    let now = stub.cloud().now();
    stub.cloud().account(OTHER).user("late").key("AKIALATE", now - 200 * DAY);
    stub.cloud().account(MEMBER).state = "CLOSED".to_owned();
    let page = exporter
        .page_when("the other account", |page| up(page, OTHER) == Some(1.0) && up(page, MEMBER).is_none())
        .await;
    assert!(!page.text().contains(&format!("access_key_id=\"AKIA{MEMBER}\"")));
    assert_eq!(changes(&page), [Some(2.0), Some(3.0), Some(1.0)]);
    let log = exporter.process().log();
    assert_eq!(log.matches(&format!("account={OTHER}")).count(), 1, "{log}");
    assert_eq!(log.matches("this account is not read any more").count(), 1, "{log}");
}

#[tokio::test]
async fn a_broken_account_is_told_once_and_once_when_it_heals() {
    let stub = seeded().await;
    let mut exporter = Exporter::start(BINARY, &Settings::of(stub.endpoint()).config(&organization())).await.unwrap();
    exporter.page_when("both up", |page| up(page, MEMBER) == Some(1.0) && up(page, ACCOUNT) == Some(1.0)).await;
    stub.cloud().fault_in(MEMBER, "ListAccessKeys", Fault::ServiceFailure);
    let page = exporter.page_when("one down", |page| up(page, MEMBER) == Some(0.0)).await;
    assert_eq!(up(&page, ACCOUNT), Some(1.0));
    assert_eq!(page.with("aws_iam_access_key_active", &[("account_id", MEMBER)]).len(), 1);
    let failed = |page: &Page| {
        let labels = [("account_id", MEMBER), ("operation", "ListAccessKeys"), ("reason", "other")];
        page.value("iam_key_exporter_aws_request_failures_total", &labels).unwrap_or_default()
    };
    exporter.page_when("some more failures", |page| failed(page) > 15.0).await;
    stub.cloud().clear_faults();
    exporter.page_when("up again", |page| up(page, MEMBER) == Some(1.0)).await;
    let log = exporter.process().log();
    assert_eq!(log.matches("not everything could be read").count(), 1, "{log}");
    assert_eq!(log.matches("the account is read again").count(), 1, "{log}");
}

/// Credentials by a command that answers with the key named in a file, good for a second.
fn hand_out(home: &Path, key: &str) {
    fs::write(home.join("key"), key).unwrap();
    let script = home.join("hand-out");
    let text = format!(
        "#!/bin/sh\nprintf '{{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\",\
         \"Expiration\":\"%s\"}}' \"$(cat {})\" \"$(date -u -d '+12 seconds' +%Y-%m-%dT%H:%M:%SZ)\"\n",
        home.join("key").display()
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
    fs::create_dir_all(home.join(".aws")).unwrap();
    fs::write(home.join(".aws/config"), format!("[default]\ncredential_process = {}\n", script.display())).unwrap();
}

#[tokio::test]
async fn hub_credentials_that_rotate_are_taken_up() {
    let (stub, home) = (seeded().await, tempfile::tempdir().unwrap());
    hand_out(home.path(), "AKIAFIRST");
    let settings = Settings::of(stub.endpoint()).config(&organization());
    let settings = settings.env("AWS_ACCESS_KEY_ID", "").env("AWS_SECRET_ACCESS_KEY", "");
    let settings = settings.env("HOME", home.path().to_str().unwrap());
    let exporter = Exporter::start(BINARY, &settings).await.unwrap();
    exporter.page_when("up", |page| up(page, MEMBER) == Some(1.0)).await;
    hand_out(home.path(), "AKIASECOND");
    stub.cloud().refuse_key("AKIAFIRST");
    stub.cloud().fault_in(MEMBER, "GetAccountSummary", Fault::ExpiredToken);
    exporter.page_when("down", |page| up(page, MEMBER) == Some(0.0)).await;
    stub.cloud().clear_faults();
    let both = |page: &Page| up(page, MEMBER) == Some(1.0) && up(page, ACCOUNT) == Some(1.0);
    exporter.page_when("up with the second key", both).await;
}

#[tokio::test]
async fn an_account_is_read_with_the_credentials_of_a_profile() {
    let (stub, home) = (seeded().await, tempfile::tempdir().unwrap());
    stub.cloud().owner_of_key("AKIAPROFILE", MEMBER);
    fs::create_dir_all(home.path().join(".aws")).unwrap();
    let profile = "[profile other]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = s\nregion = us-east-1\n";
    fs::write(home.path().join(".aws/config"), profile).unwrap();
    let settings =
        Settings::of(stub.endpoint()).config(&format!("{QUICK}accounts: [{{ profile: other, name: mine }}]\n"));
    let exporter = Exporter::start(BINARY, &settings.env("HOME", home.path().to_str().unwrap())).await.unwrap();
    let both = |page: &Page| up(page, MEMBER) == Some(1.0) && up(page, ACCOUNT) == Some(1.0);
    let page = exporter.page_when("both", both).await;
    assert_eq!(page.with("aws_iam_account_info", &[("account_id", MEMBER), ("account_name", "mine")]).len(), 1);
    assert!(page.with("aws_iam_access_key_active", &[("account_id", MEMBER)]).len() == 1);
}

async fn accounts_command(stub: &Stub) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::of(stub.endpoint()).config(&organization()).arg("accounts");
    let mut command: Command = settings.command(BINARY.as_ref(), folder.path()).unwrap();
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn the_accounts_command_shows_who_would_be_read_and_whether_that_works() {
    let stub = seeded().await;
    stub.cloud().account(MEMBER).name = "prod".to_owned();
    let (code, table, progress) = accounts_command(&stub).await;
    assert_eq!(code, Some(0), "{table}{progress}");
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["ACCOUNT", "NAME", "WORKS", "THROUGH"]);
    assert_eq!(lines[1][..3], [ACCOUNT, "account-111122223333", "yes"]);
    assert_eq!(lines[2], [MEMBER, "prod", "yes", "arn:aws:iam::222233334444:role/iam-key-exporter"]);
    assert!(progress.contains("read 2 of 2 accounts"), "{progress}");

    stub.cloud().account(MEMBER).external_id = Some("asked-for".to_owned());
    let (code, table, _) = accounts_command(&stub).await;
    assert_eq!(code, Some(1), "{table}");
    assert!(table.contains(" no ") && table.contains("sts:AssumeRole"), "{table}");
}

#[tokio::test]
async fn the_accounts_command_fails_where_the_organization_cannot_be_listed() {
    let stub = seeded().await;
    stub.cloud().fault("ListAccounts", Fault::AccessDenied);
    let (code, table, errors) = accounts_command(&stub).await;
    assert_eq!(code, Some(1), "{table}");
    assert!(errors.contains("the organization could not be listed") && errors.contains("ListAccounts"), "{errors}");
}

#[test]
fn a_shard_that_is_none_is_refused() {
    let output = Command::new(BINARY).args(["--shard=2", "--total-shards=2", "--config.check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("--shard=2") && error.contains("allowed is 0 to 1"), "{error}");
}
