//! Starts that cannot succeed end with one clear line; what may heal is tried again.

use std::{path::Path, time::Duration};

use aws_stub::{Fault, Stub};
use testbed::{Exporter, Settings};

use crate::{BINARY, QUICK, exporter, is_up};

async fn refused(settings: Settings) -> (Option<i32>, String) {
    let (mut process, _folder) = Exporter::launch(Path::new(BINARY), &settings).unwrap();
    let status = process.exit(Duration::from_secs(30)).await;
    let log = testbed::wait::until(Duration::from_secs(5), async || {
        let log = process.log();
        if log.contains("rror") { Ok(log) } else { Err(log) }
    });
    (status.code(), log.await.unwrap())
}

#[tokio::test]
async fn no_region_says_where_was_looked_and_what_to_set() {
    let (code, log) = refused(Settings::of("http://127.0.0.1:9".into()).env("AWS_REGION", "")).await;
    assert_eq!(code, Some(1));
    assert!(log.contains("error: no AWS region: looked at AWS_REGION"), "{log}");
    assert!(log.contains("set AWS_REGION, for example AWS_REGION=us-east-1"), "{log}");
}

#[tokio::test]
async fn no_credentials_say_where_was_looked() {
    let settings = Settings::of("http://127.0.0.1:9".into()).env("AWS_ACCESS_KEY_ID", "");
    let (code, log) = refused(settings.env("AWS_SECRET_ACCESS_KEY", "")).await;
    assert_eq!(code, Some(1));
    assert!(log.contains("error: no AWS credentials: looked at the environment"), "{log}");
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_reason() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let settings = Settings::of("http://127.0.0.1:9".into()).arg(&format!("--web.listen-address={address}"));
    let (code, log) = refused(settings).await;
    assert_eq!(code, Some(1));
    assert!(log.contains(&address) && log.contains("Address already in use"), "{log}");
}

#[tokio::test]
async fn a_wrong_configuration_never_starts() {
    let (code, log) = refused(Settings::of("http://127.0.0.1:9".into()).config("policy: { max_agee: 1d }\n")).await;
    assert_eq!(code, Some(2));
    assert!(log.contains("iam-key-exporter.yml:1:11: policy.max_agee: unknown key, did you mean max_age?"), "{log}");
    assert!(!log.contains("listening"), "{log}");
}

#[tokio::test]
async fn an_unknown_flag_gets_the_nearest() {
    let (code, log) = refused(Settings::of("http://127.0.0.1:9".into()).arg("--web.telemetry-paht=/m")).await;
    assert_eq!(code, Some(2));
    assert!(log.contains("--web.telemetry-path"), "{log}");
}

#[tokio::test]
async fn an_account_that_cannot_be_learnt_yet_is_unknown_and_heals() {
    let stub = Stub::start().await.unwrap();
    stub.cloud().account(crate::ACCOUNT).user("one");
    stub.cloud().fault("GetCallerIdentity", Fault::ServiceFailure);
    let exporter = exporter(&stub, QUICK).await;
    let unknown = |page: &testbed::Page| page.value("aws_iam_account_up", &[("account_id", "unknown")]) == Some(0.0);
    exporter.page_when("an unknown account down", unknown).await;
    stub.cloud().clear_faults();
    let page = exporter.page_when("the account up", is_up).await;
    assert_eq!(page.series("aws_iam_account_up").len(), 1, "unknown is gone: {}", page.text());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    for args in [&["policy"][..], &["--config.check"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = std::process::Command::new(BINARY).args(args).stdout(writer).status().unwrap();
        assert!(status.success(), "{args:?}: {status}");
    }
}
