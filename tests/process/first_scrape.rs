//! What a Prometheus sees of a small account.

use std::process::Stdio;

use aws_stub::Stub;
use hyper::Method;
use testbed::{Page, Settings, http};
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::{ACCOUNT, DAY, QUICK, exporter, is_up};

const PATH: &str = "/a\"b\\c/";

fn seeded(stub: &Stub) -> i64 {
    let mut cloud = stub.cloud();
    let now = cloud.now();
    let account = cloud.account(ACCOUNT);
    account.alias = Some("example-prod".to_owned());
    let user = account.user("ci-bot");
    PATH.clone_into(&mut user.path);
    user.tag("owner", "Zoë \"Z\" \\ Łukasiewicz");
    user.key("AKIAOLD", now - 97 * DAY).used(now - DAY, "s3", "eu-central-1");
    account.user("backup").key("AKIAOFF", now - 200 * DAY).deactivate();
    account.user("fresh").key("AKIANEW", now - 3 * DAY);
    account.user("nobody");
    now
}

#[tokio::test]
async fn every_series_of_the_contract_is_on_the_first_page() {
    let stub = Stub::start().await.unwrap();
    let now = seeded(&stub);
    let config = format!("{QUICK}labels: {{ user_tags: [owner] }}\n");
    let exporter = exporter(&stub, &config).await;
    let page = exporter.page_when("the account up", is_up).await;
    let old = [("account_id", ACCOUNT), ("user_name", "ci-bot"), ("access_key_id", "AKIAOLD")];
    let created = now - 97 * DAY;
    assert_eq!(page.value("aws_iam_access_key_created_timestamp_seconds", &old), Some(exact(created)));
    let age = page.value("aws_iam_access_key_age_seconds", &old).unwrap();
    assert!((exact(97 * DAY)..exact(97 * DAY + 120)).contains(&age), "{age}");
    assert_eq!(page.value("aws_iam_access_key_last_used_timestamp_seconds", &old), Some(exact(now - DAY)));
    assert_eq!(page.value("aws_iam_access_key_active", &old), Some(1.0));
    let due = page.value("aws_iam_access_key_rotation_due_timestamp_seconds", &old);
    assert_eq!(due, Some(exact(created + 90 * DAY)));
    let place = [("last_used_service", "s3"), ("last_used_region", "eu-central-1"), ("access_key_id", "AKIAOLD")];
    assert_eq!(page.value("aws_iam_access_key_last_used_info", &place), Some(1.0));
    assert_the_account_is_whole(&page);
    assert_descriptions_are_escaped(&page);
}

#[expect(clippy::cast_precision_loss, reason = "seconds of our time are exact in a float")]
fn exact(seconds: i64) -> f64 {
    seconds as f64
}

fn assert_the_account_is_whole(page: &Page) {
    let account = [("account_id", ACCOUNT)];
    let info = [("account_alias", "example-prod"), ("partition", "aws")];
    assert_eq!(page.value("aws_iam_account_info", &info), Some(1.0));
    assert_eq!(page.value("aws_iam_account_users", &account), Some(4.0));
    assert_eq!(page.value("aws_iam_account_access_keys", &[("status", "Active")]), Some(2.0));
    assert_eq!(page.value("aws_iam_account_access_keys", &[("status", "Inactive")]), Some(1.0));
    assert_eq!(page.value("aws_iam_account_access_keys_overdue", &account), Some(1.0));
    assert_eq!(page.value("aws_iam_account_root_access_keys", &account), Some(0.0));
    assert_eq!(page.value("aws_iam_account_census_info", &[("source", "credential_report")]), Some(1.0));
    for data in ["census", "due_keys"] {
        assert!(page.value("aws_iam_account_data_timestamp_seconds", &[("data", data)]).is_some(), "{data}");
    }
    assert_eq!(page.value("iam_key_exporter_policy_seconds", &[("limit", "max_age")]), Some(exact(90 * DAY)));
    assert!(page.value("iam_key_exporter_build_info", &[]).is_some());
    assert!(page.value("iam_key_exporter_poll_duration_seconds", &account).is_some());
    assert_eq!(page.value("iam_key_exporter_config_last_reload_successful", &[]), Some(1.0));
    assert!(page.value("process_resident_memory_bytes", &[]).is_some());
}

fn assert_descriptions_are_escaped(page: &Page) {
    let info = page.with("aws_iam_access_key_info", &[("access_key_id", "AKIAOLD")]);
    assert_eq!(info[0].label("user_path"), PATH);
    assert_eq!(info[0].label("tag_owner"), "Zoë \"Z\" \\ Łukasiewicz");
    assert_eq!((info[0].label("status"), info[0].label("usage")), ("Active", "used"));
    let off = page.with("aws_iam_access_key_info", &[("access_key_id", "AKIAOFF")]);
    assert_eq!((off[0].label("status"), off[0].label("usage")), ("Inactive", "never"));
}

#[tokio::test]
async fn promtool_accepts_the_page() {
    let stub = Stub::start().await.unwrap();
    seeded(&stub);
    let exporter = exporter(&stub, QUICK).await;
    let page = exporter.page_when("the account up", is_up).await;
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = promtool.spawn().unwrap();
    promtool.stdin.take().unwrap().write_all(page.text().as_bytes()).await.unwrap();
    let output = promtool.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn the_other_pages_answer() {
    let stub = Stub::start().await.unwrap();
    seeded(&stub);
    let settings = Settings::of(stub.endpoint()).config(QUICK).arg("--web.telemetry-path=/iam");
    let exporter = testbed::Exporter::start(crate::BINARY, &settings).await.unwrap();
    let ready = async || match http::get(&exporter.url("/-/ready")).await {
        Ok(answer) if answer.status == 200 => Ok(()),
        other => Err(format!("{other:?}")),
    };
    testbed::wait::until(std::time::Duration::from_secs(20), ready).await.unwrap();
    assert_eq!(http::get(&exporter.url("/-/healthy")).await.unwrap().status, 200);
    let status_page = http::get(&exporter.url("/")).await.unwrap();
    assert_eq!(status_page.header("content-type"), "text/html; charset=utf-8");
    assert!(status_page.text().contains(ACCOUNT) && status_page.text().contains("href=\"/iam\""));
    assert_eq!(http::get(&exporter.url("/metrics")).await.unwrap().status, 404);
    let gzip = [("accept-encoding", "gzip")];
    let metrics = http::send(Method::GET, &exporter.url("/iam"), &gzip, "").await.unwrap();
    assert_eq!(metrics.header("content-encoding"), "gzip");
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    assert_eq!(metrics.body[..2], [0x1f, 0x8b]);
}
