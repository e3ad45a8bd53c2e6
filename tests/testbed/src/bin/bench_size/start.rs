//! How long until it listens, and until all overdue keys are known: new, and after a restart while AWS is down.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use aws_stub::{DEFAULT_ACCOUNT, Fault, Stub, fleet};
use testbed::{Exporter, Page, Settings, http, wait};

/// Users of whom half have a key and 2 % of those are overdue.
const SIZES: [u32; 1] = [1_000];
const LATENCY: Duration = Duration::from_millis(40);

pub(crate) async fn run(exporter: &Path) {
    println!("default limits (5 requests/s), {LATENCY:?} an answer\n");
    println!("| users | state | listening after | all overdue keys known after | overdue |");
    println!("| ---: | --- | ---: | ---: | ---: |");
    for users in SIZES {
        let stub = Stub::start().await.expect("a port");
        {
            let mut cloud = stub.cloud();
            cloud.set_latency(LATENCY);
            let now = cloud.now();
            fleet::uniform(&mut cloud, DEFAULT_ACCOUNT, users, 0.5, 0.02, now);
        }
        let state = tempfile::tempdir().expect("a folder");
        row(exporter, &stub, state.path(), (users, "none")).await;
        stub.cloud().fault("*", Fault::DropConnection);
        row(exporter, &stub, state.path(), (users, "of a moment ago, AWS down")).await;
    }
}

async fn row(exporter: &Path, stub: &Stub, state: &Path, (users, kind): (u32, &str)) {
    let settings = Settings::of(stub.endpoint()).config(&format!("state_dir: {}\n", state.display()));
    let began = Instant::now();
    let exporter = Exporter::start(exporter, &settings).await.expect("the exporter starts");
    let listening = began.elapsed().as_secs_f64() * 1_000.0;
    let name = "aws_iam_account_access_keys_overdue";
    let known = wait::until(Duration::from_mins(3), async || {
        let page = Page::parse(&http::get(&exporter.url("/metrics")).await?.text())?;
        page.value(name, &[]).ok_or_else(|| "not known".to_owned())
    });
    let overdue = known.await.expect("the overdue keys");
    let seconds = began.elapsed().as_secs_f64();
    println!("| {users} | {kind} | {listening:.0} ms | {seconds:.2} s | {overdue} |");
    // Once a poll has ended, one way or the other, the state is on disk.
    exporter.page_within(Duration::from_mins(10), "a poll", |page| !page.series("aws_iam_account_up").is_empty()).await;
}
