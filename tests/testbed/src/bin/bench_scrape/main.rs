//! `make bench-scrape`: how many scrapes a second, beside nginx that serves the same bytes from a file,
//! and beside the two libraries that exporters are usually made of, with the same series.

mod load;
mod peers;

use std::{
    env,
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use aws_stub::{DEFAULT_ACCOUNT, Stub, fleet};
use load::{Load, first_of_a_second};
use peers::{Nginx, Peer};
use testbed::{Exporter, Settings, http};

const SIZES: [u32; 3] = [1_000, 10_000, 100_000];

/// Beyond, the libraries take seconds a scrape, which is told of single ones only.
const MOST_FOR_LIBRARIES: u32 = 10_000;

#[tokio::main]
async fn main() {
    let mut args = env::args_os().skip(1);
    let exporter: PathBuf = args.next().expect("the path of the exporter, or --serve").into();
    if exporter == Path::new("--serve") {
        return peers::serve_by_the_crate(Path::new(&args.next().expect("a page"))).await;
    }
    println!("wrk on loopback, {} connections; each by turns, the median of {} runs\n", load::CONNECTIONS, load::RUNS);
    let wanted: Vec<u32> = args.filter_map(|keys| keys.to_str()?.parse().ok()).collect();
    for keys in if wanted.is_empty() { SIZES.to_vec() } else { wanted } {
        compare(&exporter, keys).await;
    }
}

async fn compare(exporter: &Path, keys: u32) {
    let (_stub, mut exporter) = start(exporter, keys).await;
    let folder = tempfile::tempdir().expect("a folder");
    let page = http::get(&exporter.url("/metrics")).await.expect("the exporter answers").body;
    let file = folder.path().join("metrics");
    std::fs::write(&file, &page).expect("the folder can be written");
    println!("== {keys} keys: {:.1} MB, {} series", megabytes(page.len()), series(&page));
    let nginx = Nginx::start(folder.path()).await;
    let peers = [
        ("the prometheus crate", Peer::of_the_crate(&file).await),
        ("prometheus_client, Python", Peer::of_python(&file, folder.path()).await),
    ];
    let pid = exporter.process().pid();
    let mut all = vec![("iam-key-exporter", exporter.url("/metrics"), pid), ("nginx", nginx.url(), nginx.pid())];
    all.extend(peers.iter().map(|(name, peer)| (*name, peer.url(), peer.pid())));
    for coding in ["identity", "gzip"] {
        table(coding, if keys <= MOST_FOR_LIBRARIES { &all } else { &all[..2] }).await;
        println!("the only scrape of its second:");
        for (name, url, pid) in &all {
            println!("- {name}: {}", first_of_a_second(url, coding, *pid).await);
        }
        println!();
    }
}

async fn table(coding: &str, all: &[(&str, String, u32)]) {
    let mut runs: Vec<Vec<Load>> = vec![Vec::new(); all.len()];
    for _ in 0..load::RUNS {
        for ((_, url, pid), runs) in all.iter().zip(&mut runs) {
            runs.push(Load::of(url, coding, *pid).await);
        }
    }
    let medians: Vec<Load> = runs.iter_mut().map(|runs| load::median(runs)).collect();
    let nginx = medians[1].per_second;
    let mut out = format!("| {coding} | MB | scrapes/s | × nginx | p50 ms | p99 ms | CPU ms a scrape |\n");
    out += "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    for ((name, ..), Load { per_second, p50, p99, cpu, bytes }) in all.iter().zip(&medians) {
        let ratio = per_second / nginx;
        let size = megabytes(*bytes);
        writeln!(out, "| {name} | {size:.2} | {per_second:.0} | {ratio:.2} | {p50:.2} | {p99:.2} | {cpu:.2} |")
            .expect("a String");
    }
    println!("{out}");
}

/// An exporter that knows all keys of an account of so many users.
async fn start(exporter: &Path, keys: u32) -> (Stub, Exporter) {
    let stub = Stub::start().await.expect("a port");
    {
        let mut cloud = stub.cloud();
        let now = cloud.now();
        fleet::uniform(&mut cloud, DEFAULT_ACCOUNT, keys, 1.0, 0.02, now);
    }
    eprintln!("reading {keys} keys …");
    let config = "poll_interval: 1h\nlimits: { requests_per_second: 10000 }\n";
    let settings = Settings::of(stub.endpoint()).config(config);
    let exporter = Exporter::start(exporter, &settings).await.expect("the exporter starts");
    let counted = format!("aws_iam_account_up{{account_id=\"{DEFAULT_ACCOUNT}\"}} 1");
    let all = testbed::wait::until(Duration::from_mins(10), async || {
        let page = http::get(&exporter.url("/metrics")).await.map(|answer| answer.text()).unwrap_or_default();
        if page.contains(&counted) { Ok(()) } else { Err("not yet".to_owned()) }
    });
    all.await.expect("the account is read");
    (stub, exporter)
}

fn series(page: &[u8]) -> usize {
    page.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && line[0] != b'#').count()
}

#[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}
