//! More clients than there is room for, and fewer descriptors than clients.

use std::{path::Path, time::Duration};

use aws_stub::{DEFAULT_ACCOUNT, Stub};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use testbed::{Exporter, Settings, http, wait};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{BINARY, log_with, write};

const SOON: Duration = Duration::from_secs(20);

/// An exporter that may open only so many files.
async fn started_with(files: u32) -> (Stub, Exporter) {
    let stub = Stub::start().await.unwrap();
    stub.cloud().account(DEFAULT_ACCOUNT).user("ci-bot").key("AKIAONE", 1_700_000_000);
    let folder = tempfile::tempdir().unwrap();
    let wrapper = format!("#!/bin/sh\nulimit -n {files} && exec {BINARY} \"$@\"\n");
    let wrapper = write(folder.path(), "few-files", &wrapper);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&wrapper, mode).unwrap();
    let settings = Settings::of(stub.endpoint()).config("poll_interval: 1h\n").arg("--log.level=debug");
    let exporter = Exporter::start(Path::new(&wrapper), &settings).await.unwrap();
    exporter.page_when("the key", |page| !page.series("aws_iam_access_key_info").is_empty()).await;
    (stub, exporter)
}

/// Leaves a running process this many files on top of those that it has open.
fn allow_more_files(pid: u32, more: u64) {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64;
    let limit = Rlimit { current: Some(open + more), maximum: Some(open + more) };
    prlimit(Pid::from_raw(pid.cast_signed()), Resource::Nofile, limit).unwrap();
}

async fn idle(exporter: &Exporter, clients: usize) -> Vec<TcpStream> {
    let mut all = Vec::new();
    for number in 0..clients {
        let mut stream = TcpStream::connect(exporter.address()).await.unwrap();
        // Half of them begin a request and never finish it.
        if number % 2 == 0 {
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: slow").await.unwrap();
        }
        all.push(stream);
    }
    all
}

#[tokio::test]
async fn whoever_is_idle_makes_room_for_those_that_ask() {
    // 612 files leave room for 100 clients.
    let (_stub, exporter) = started_with(612).await;
    let mut first = TcpStream::connect(exporter.address()).await.unwrap();
    let crowd = idle(&exporter, 400).await;
    for _ in 0..20 {
        let answer = http::get(&exporter.url("/metrics")).await.unwrap();
        assert_eq!(answer.status, 200);
    }
    let mut rest = Vec::new();
    drop(tokio::time::timeout(SOON, first.read_to_end(&mut rest)).await.expect("the longest idle was sent away"));
    drop(crowd);
}

#[tokio::test]
async fn without_descriptors_it_waits_without_spinning_and_goes_on_after() {
    // Room for 100 clients, and then files for a few of them only.
    let (_stub, mut exporter) = started_with(612).await;
    allow_more_files(exporter.process().pid(), 8);
    let crowd = idle(&exporter, 40).await;
    log_with(&mut exporter, "accepting a connection failed, going on after a pause").await;
    let failures = exporter.process().log().matches("accepting a connection failed").count();
    assert!(failures < 10, "{failures} failures in the first moments");
    drop(crowd);
    let answered = wait::until(SOON, async || match http::get(&exporter.url("/metrics")).await {
        Ok(answer) if answer.status == 200 => Ok(answer.text()),
        other => Err(format!("{other:?}")),
    });
    assert!(answered.await.unwrap().contains("AKIAONE"));
}
