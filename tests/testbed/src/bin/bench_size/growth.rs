//! Calls, time, memory and bytes, from ten keys to a hundred thousand, and from one account to five thousand.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use aws_stub::{DEFAULT_ACCOUNT, Stub, fleet};
use testbed::{Exporter, Settings, http, wait};
use tokio::time::sleep;

/// Accounts, and users in each, of whom each has a key and 2 % are overdue.
pub(crate) const SIZES: [(u32, u32); 9] =
    [(1, 10), (1, 100), (1, 1_000), (1, 10_000), (1, 100_000), (10, 100), (100, 100), (1_000, 100), (5_000, 20)];

/// Between polls: long enough for the largest.
const INTERVAL: Duration = Duration::from_secs(40);

pub(crate) async fn run(exporter: &Path, sizes: &[(u32, u32)]) {
    println!("no pace, no latency: what the exporter and the stub compute on one machine; memory in MiB\n");
    println!(
        "| accounts | keys | calls, cold | s, cold | calls, steady poll | idle | after census | scraped, plain and gzip | most | page MB | gzip MB | memory ÷ page |"
    );
    println!("|{}", " ---: |".repeat(12));
    for (accounts, users) in sizes {
        row(exporter, *accounts, *users).await;
    }
}

async fn row(exporter: &Path, accounts: u32, users: u32) {
    let stub = Stub::start().await.expect("a port");
    let config = format!(
        "poll_interval: {}s\nlimits: {{ requests_per_second: 10000, concurrent_accounts: 32 }}\n\
         organization: {{ role_name: reader }}\n",
        INTERVAL.as_secs()
    );
    let idle = {
        // One of its own: AWS keeps a report for hours, and this one is empty.
        let stub = Stub::start().await.expect("a port");
        let mut empty =
            Exporter::start(exporter, &Settings::of(stub.endpoint()).config(&config)).await.expect("a start");
        empty.page_when("one account", |page| page.series("aws_iam_account_users").len() == 1).await;
        empty.process().memory("VmRSS")
    };
    settle(&stub, accounts, users);
    let began = Instant::now();
    let mut exporter =
        Exporter::start(exporter, &Settings::of(stub.endpoint()).config(&config)).await.expect("a start");
    let cold = all_tried(&stub, &exporter).await;
    let took = began.elapsed().as_secs_f64();
    let census = exporter.process().memory("VmRSS");
    let plain = scrape(&exporter, "identity", accounts * users).await;
    let packed = scrape(&exporter, "gzip", 0).await;
    let scraped = exporter.process().memory("VmRSS");
    stub.cloud().reset_calls();
    // Every account has its moment in an interval.
    sleep(INTERVAL).await;
    let steady = stub.cloud().total_calls();
    scrape(&exporter, "identity", accounts * users).await;
    let most = exporter.process().memory("VmHWM");
    let ratio = scraped / (plain * 1e6 / f64::from(1 << 20));
    println!(
        "| {accounts} | {} | {cold} | {took:.1} | {steady} | {idle:.0} | {census:.0} | {scraped:.0} | {most:.0} | {plain:.2} | {packed:.2} | {ratio:.1} |",
        accounts * users
    );
}

fn settle(stub: &Stub, accounts: u32, users: u32) {
    let mut cloud = stub.cloud();
    cloud.reset_calls();
    let now = cloud.now();
    fleet::uniform(&mut cloud, DEFAULT_ACCOUNT, users, 1.0, 0.02, now);
    for number in 1..accounts {
        fleet::uniform(&mut cloud, &format!("{}", 200_000_000_000_u64 + u64::from(number)), users, 1.0, 0.02, now);
    }
}

/// How many calls there were when every account had been read once.
async fn all_tried(stub: &Stub, exporter: &Exporter) -> u64 {
    let ready = wait::until(Duration::from_mins(5), async || {
        let answer = http::get(&exporter.url("/-/ready")).await?;
        if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
    });
    ready.await.expect("every account is read");
    stub.cloud().total_calls()
}

/// The size of a page in MB, which must have at least so many keys.
async fn scrape(exporter: &Exporter, coding: &str, keys: u32) -> f64 {
    let whole = wait::until(Duration::from_mins(2), async || {
        let headers = [("Accept-Encoding", coding)];
        let answer = http::send(hyper::Method::GET, &exporter.url("/metrics"), &headers, "").await?;
        let body = &answer.body;
        let found = body.windows(26).filter(|window| *window == b"\naws_iam_access_key_active").count();
        if found >= keys as usize { Ok(body.len()) } else { Err(format!("{found} keys")) }
    });
    f64::from(u32::try_from(whole.await.expect("a whole page")).unwrap_or(u32::MAX)) / 1e6
}
