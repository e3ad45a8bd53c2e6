//! Signals: the first drains, the second ends at once.

use std::time::Duration;

use aws_stub::{Fault, Stub};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{ACCOUNT, QUICK, exporter, is_up};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn one_signal_ends_it_in_peace_even_while_aws_hangs() {
    let stub = Stub::start().await.unwrap();
    stub.cloud().fault("*", Fault::Delay(Duration::from_mins(10)));
    let slow = QUICK.replace("10s", "10m");
    for signal in ["TERM", "INT"] {
        let mut exporter = exporter(&stub, &slow).await;
        exporter.process().signal(signal);
        let status = exporter.process().exit(SOON).await;
        assert_eq!(status.code(), Some(0), "{signal}: {}", exporter.process().log());
    }
}

#[tokio::test]
async fn a_second_signal_does_not_wait_for_a_request_in_flight() {
    let stub = Stub::start().await.unwrap();
    let mut exporter = exporter(&stub, QUICK).await;
    exporter.page_when("the account up", is_up).await;
    let mut client = TcpStream::connect(exporter.address()).await.unwrap();
    client.write_all(b"GET /metrics HTTP/1.1\r\nhost: half").await.unwrap();
    exporter.process().signal("TERM");
    let draining = testbed::wait::until(SOON, async || {
        let log = exporter.process().log();
        if log.contains("a second signal ends") { Ok(()) } else { Err(log) }
    });
    draining.await.unwrap();
    exporter.process().signal("TERM");
    let status = exporter.process().exit(SOON).await;
    assert_eq!(status.code(), Some(143), "{}", exporter.process().log());
}

#[tokio::test]
async fn a_disk_that_hangs_does_not_keep_it_from_ending() {
    let (stub, state) = (Stub::start().await.unwrap(), tempfile::tempdir().unwrap());
    stub.cloud().account(ACCOUNT).user("ci-bot");
    // Whoever opens it for writing waits for a reader that never comes.
    let file = state.path().join(format!("{ACCOUNT}.new"));
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    let mut exporter = exporter(&stub, &format!("{QUICK}state_dir: {}\n", state.path().display())).await;
    exporter.page_when("the account up", is_up).await;
    exporter.process().signal("TERM");
    let status = exporter.process().exit(Duration::from_secs(30)).await;
    assert_eq!(status.code(), Some(0), "{}", exporter.process().log());
}
