//! A new configuration comes into use, or the old one stays; either way nobody waits and no key is lost.

use std::time::Duration;

use aws_stub::{DEFAULT_ACCOUNT, Stub};
use testbed::{Exporter, Page, Settings, curl, wait};

use crate::{BINARY, QUICK, WATCHFUL, log_with, write};

const SUCCESSFUL: &str = "iam_key_exporter_config_last_reload_successful";
const SOON: Duration = Duration::from_secs(20);

/// An exporter of an account with a key of a day, and where its configuration is.
async fn started(args: &[&str]) -> (Stub, Exporter, tempfile::TempDir) {
    let stub = Stub::start().await.unwrap();
    let yesterday = stub.cloud().now() - 86_400;
    stub.cloud().account(DEFAULT_ACCOUNT).user("ci-bot").key("AKIAONE", yesterday);
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "exporter.yml", QUICK);
    let mut settings = Settings::of(stub.endpoint()).arg(&format!("--config.file={}", file.display()));
    for arg in args {
        settings = settings.arg(arg);
    }
    let exporter = Exporter::start(BINARY, &settings).await.unwrap();
    exporter.page_when("the key", has_the_key).await;
    (stub, exporter, folder)
}

fn has_the_key(page: &Page) -> bool {
    page.series("aws_iam_access_key_rotation_due_timestamp_seconds").len() == 1
}

fn is_overdue(page: &Page) -> bool {
    page.value("aws_iam_account_access_keys_overdue", &[]) == Some(1.0)
}

/// Under this one the key is overdue.
fn strict() -> String {
    format!("{QUICK}policy: {{ max_age: 12h, warn_before: 1h }}\n")
}

#[tokio::test]
async fn a_signal_a_request_and_a_changed_file_bring_the_new_one_into_use() {
    for means in ["signal", "request", "watch"] {
        let never = if means == "watch" { WATCHFUL } else { "--config.auto-reload-interval=0s" };
        let (_stub, mut exporter, folder) = started(&[never]).await;
        assert!(!is_overdue(&exporter.page().await));
        write(folder.path(), "exporter.yml", &strict());
        match means {
            "signal" => exporter.process().signal("HUP"),
            "request" => assert_eq!(curl(&["-X", "POST", &exporter.url("/-/reload")]).await.status, 200),
            _ => {}
        }
        let page = exporter.page_when("the new limit", is_overdue).await;
        assert_eq!(page.value("iam_key_exporter_policy_seconds", &[("limit", "max_age")]), Some(43_200.0), "{means}");
        assert_eq!(page.value(SUCCESSFUL, &[]), Some(1.0));
    }
}

#[tokio::test]
async fn a_wrong_file_changes_nothing_and_is_told_with_its_place() {
    let (_stub, mut exporter, folder) = started(&["--config.auto-reload-interval=0s"]).await;
    let loaded = "iam_key_exporter_config_last_reload_success_timestamp_seconds";
    let before = exporter.page().await.value(loaded, &[]);
    write(folder.path(), "exporter.yml", &format!("{}polices: {{}}\n", strict()));
    let reply = curl(&["-X", "POST", &exporter.url("/-/reload")]).await;
    assert_eq!(reply.status, 500, "{reply:?}");
    assert!(reply.text.contains("exporter.yml:4:1: polices: unknown key, did you mean policy?"), "{reply:?}");
    log_with(&mut exporter, "polices: unknown key").await;
    let page = exporter.page().await;
    assert_eq!((page.value(SUCCESSFUL, &[]), page.value(loaded, &[])), (Some(0.0), before));
    assert!(has_the_key(&page) && !is_overdue(&page));

    write(folder.path(), "exporter.yml", &strict());
    assert_eq!(curl(&["-X", "PUT", &exporter.url("/-/reload")]).await.status, 200);
    let page = exporter.page_when("the new limit", is_overdue).await;
    assert_eq!(page.value(SUCCESSFUL, &[]), Some(1.0));
    assert!(page.value(loaded, &[]) >= before);
}

/// Nothing of it is wrong in the file, so that `--config.check` cannot tell.
#[tokio::test]
async fn what_cannot_be_set_up_changes_nothing_and_is_told_in_the_words_of_the_runbook() {
    let runbook = include_str!("../../docs/runbooks/AWSIAMConfigReloadFailed.md");
    let (_stub, exporter, folder) = started(&["--config.auto-reload-interval=0s"]).await;
    let nowhere = [
        ("state_dir: /dev/null/state\n", "opening the state directory"),
        ("accounts: [{ profile: absent }]\n", "setting up the profile"),
    ];
    for (wish, words) in nowhere {
        write(folder.path(), "exporter.yml", &[&strict(), wish].concat());
        let reply = curl(&["-X", "POST", &exporter.url("/-/reload")]).await;
        assert_eq!(reply.status, 500, "{reply:?}");
        assert!(reply.text.contains(&format!("the one in use stays: {words} \"")), "{reply:?}");
        assert!(runbook.contains(&format!("`{words} …`")), "{words}");
        let page = exporter.page().await;
        assert_eq!(page.value(SUCCESSFUL, &[]), Some(0.0));
        assert!(has_the_key(&page) && !is_overdue(&page));
    }
}

#[tokio::test]
async fn one_wrong_file_of_two_keeps_both_old_ones() {
    let folder = tempfile::tempdir().unwrap();
    let web = write(folder.path(), "web.yml", "rate_limit: { interval: 1ms, burst: 1000 }");
    let (_stub, exporter, files) =
        started(&["--config.auto-reload-interval=0s", &format!("--web.config.file={}", web.display())]).await;
    write(files.path(), "exporter.yml", &strict());
    write(folder.path(), "web.yml", "rate_limit: { interval: soon }");
    assert_eq!(curl(&["-X", "POST", &exporter.url("/-/reload")]).await.status, 500);
    let page = exporter.page().await;
    assert_eq!(page.value("iam_key_exporter_policy_seconds", &[("limit", "max_age")]), Some(7_776_000.0));
}

#[tokio::test]
async fn reloading_is_asked_for_and_not_looked_at() {
    let (_stub, exporter, _folder) = started(&[]).await;
    let reply = curl(&[exporter.url("/-/reload")]).await;
    assert_eq!(reply.status, 405, "{reply:?}");
    assert!(reply.text.to_lowercase().contains("allow: post, put"), "{reply:?}");
}

#[tokio::test]
async fn no_scrape_fails_or_misses_a_key_while_configurations_come_and_go() {
    let (stub, mut exporter, folder) = started(&["--config.auto-reload-interval=0s"]).await;
    let assumed = |stub: &Stub| stub.cloud().calls()["GetCallerIdentity"];
    let before = assumed(&stub);
    for round in 0..20 {
        let text = if round % 2 == 0 { strict() } else { QUICK.to_owned() };
        write(folder.path(), "exporter.yml", &text);
        exporter.process().signal("HUP");
        for _ in 0..5 {
            let page = exporter.page().await;
            assert!(has_the_key(&page), "round {round}: {}", page.text());
            assert_eq!(page.value("aws_iam_account_up", &[]), Some(1.0), "round {round}");
        }
    }
    let settled = wait::until(SOON, async || {
        let log = exporter.process().log();
        let reloads = log.matches("the new configuration is in use").count();
        if reloads >= 2 { Ok(reloads) } else { Err(log) }
    });
    settled.await.unwrap();
    assert!(assumed(&stub) > before, "a new configuration asks anew who we are");
}

#[tokio::test]
async fn an_account_that_stays_keeps_its_data_while_aws_is_away() {
    let (stub, exporter, folder) = started(&["--config.auto-reload-interval=0s"]).await;
    stub.cloud().fault("*", aws_stub::Fault::ServiceFailure);
    exporter.page_when("the account down", |page| page.value("aws_iam_account_up", &[]) == Some(0.0)).await;
    write(folder.path(), "exporter.yml", &strict());
    assert_eq!(curl(&["-X", "POST", &exporter.url("/-/reload")]).await.status, 200);
    let page = exporter.page_when("the new limit", is_overdue).await;
    assert!(has_the_key(&page), "{}", page.text());
    assert_eq!(page.value("aws_iam_account_up", &[]), Some(0.0), "and it is still said to fail");
}
