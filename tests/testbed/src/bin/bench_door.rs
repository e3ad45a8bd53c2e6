//! `make bench-door`: how the door stands a crowd, and what it tells strangers by the time it takes.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use aws_stub::{DEFAULT_ACCOUNT, Stub, fleet};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use testbed::{Exporter, Settings, http};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

const USERS: u32 = 10_000;
const IDLE: usize = 1_000;
const SLOW: usize = 50;
const SCRAPES: usize = 50;
const ROUNDS: usize = 4;
const STRANGERS: usize = 40;
/// Of "opensesame", at the cost of 10 that exporter-toolkit's documentation has.
const HASH: &str = "$2b$10$QFIuiSU525.v3bvZwNGEcutNq/SVQrTC5LJzqWbh148U.uIo9.W16";

#[tokio::main]
async fn main() {
    let exporter: PathBuf = env::args_os().nth(1).expect("the path of the exporter").into();
    crowd(&exporter).await;
    strangers(&exporter).await;
}

/// A scrape alone, and among clients that are idle or write a byte at a time, by turns.
async fn crowd(exporter: &Path) {
    println!("== {USERS} keys, {SCRAPES} scrapes in each of {ROUNDS} rounds, a new connection each");
    let (_stub, mut exporter) = start(exporter, USERS, &[]).await;
    let (mut alone, mut crowded) = (Vec::new(), Vec::new());
    scrapes(&exporter, &mut Vec::new()).await;
    let mut memories = vec![memory(&mut exporter)];
    for _ in 0..ROUNDS {
        scrapes(&exporter, &mut alone).await;
        let clients = idle_and_slow(exporter.address()).await;
        scrapes(&exporter, &mut crowded).await;
        memories.push(memory(&mut exporter));
        drop(clients);
    }
    println!("alone            {:.2} ms median, {:.2} ms p99", percentile(&mut alone, 50), percentile(&mut alone, 99));
    let (median, p99) = (percentile(&mut crowded, 50), percentile(&mut crowded, 99));
    println!("{IDLE} idle, {SLOW} slow {median:.2} ms median, {p99:.2} ms p99");
    let (by_median, by_p99) = (median / percentile(&mut alone, 50), p99 / percentile(&mut alone, 99));
    println!("ratio            {by_median:.2} × median, {by_p99:.2} × p99");
    println!("memory           {} alone, then in each crowd {}", memories[0], memories[1..].join(", "));
}

async fn scrapes(exporter: &Exporter, times: &mut Vec<f64>) {
    for _ in 0..SCRAPES {
        let began = Instant::now();
        let answer = http::get(&exporter.url("/metrics")).await.expect("the exporter answers");
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
        assert!(answer.status == 200 && answer.body.len() > 1_000_000, "not the page: {}", answer.status);
    }
}

/// Clients that stay until they are dropped; the slow come again when they are sent away.
async fn idle_and_slow(address: &str) -> (Vec<TcpStream>, JoinSet<()>) {
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        idle.push(TcpStream::connect(address).await.expect("there is room"));
    }
    let mut slow = JoinSet::new();
    for _ in 0..SLOW {
        slow.spawn(write_slowly(address.to_owned()));
    }
    (idle, slow)
}

async fn write_slowly(address: String) {
    loop {
        let Ok(mut stream) = TcpStream::connect(&address).await else { continue };
        for byte in
            b"GET /metrics HTTP/1.1\r\nHost: exporter\r\nX-Slow: ".iter().chain(std::iter::repeat_n(&b'x', 100_000))
        {
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        drop(stream.read(&mut [0; 1024]).await);
    }
}

/// The time of a 401 for a name that there is and for one that there is not, by turns.
async fn strangers(exporter: &Path) {
    println!("\n== 401 for {STRANGERS} wrong passwords each, bcrypt at cost 10, by turns");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("web.yml");
    fs::write(&file, format!("basic_auth_users: {{ ann: {HASH} }}\n")).expect("the folder can be written");
    let (_stub, exporter) = start(exporter, 1, &[format!("--web.config.file={}", file.display())]).await;
    let (mut known, mut unknown, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..STRANGERS {
        known.push(refusal(&exporter, "ann", number).await);
        unknown.push(refusal(&exporter, &format!("nobody-{number}"), number).await);
        again.push(refusal(&exporter, "ann", number + STRANGERS).await);
    }
    let (known, unknown, again) =
        (percentile(&mut known, 50), percentile(&mut unknown, 50), percentile(&mut again, 50));
    println!("known            {known:.2} ms median");
    println!("unknown          {unknown:.2} ms median, {:.3} × known", unknown / known);
    println!("known again      {again:.2} ms median, {:.3} × known: the noise", again / known);
}

async fn refusal(exporter: &Exporter, name: &str, number: usize) -> f64 {
    let credentials = BASE64_STANDARD.encode(format!("{name}:wrong-{number}"));
    let headers = [("Authorization", &*format!("Basic {credentials}"))];
    let began = Instant::now();
    let answer = http::send(hyper::Method::GET, &exporter.url("/metrics"), &headers, "").await.expect("an answer");
    assert_eq!(answer.status, 401);
    began.elapsed().as_secs_f64() * 1_000.0
}

/// An exporter that knows all the keys of an account of so many users.
async fn start(exporter: &Path, users: u32, args: &[String]) -> (Stub, Exporter) {
    let stub = Stub::start().await.expect("a port");
    {
        let mut cloud = stub.cloud();
        let now = cloud.now();
        fleet::uniform(&mut cloud, DEFAULT_ACCOUNT, users, 1.0, 0.02, now);
    }
    let config = "poll_interval: 1h\nlimits: { requests_per_second: 10000 }\n";
    let settings = args.iter().fold(Settings::of(stub.endpoint()).config(config), |settings, arg| settings.arg(arg));
    let exporter = Exporter::start(exporter, &settings).await.expect("the exporter starts");
    if args.is_empty() {
        let all = |page: &testbed::Page| page.series("aws_iam_access_key_info").len() == users as usize;
        exporter.page_within(Duration::from_mins(3), "all keys", all).await;
    }
    (stub, exporter)
}

fn percentile(times: &mut [f64], percent: usize) -> f64 {
    times.sort_by(f64::total_cmp);
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

fn memory(exporter: &mut Exporter) -> String {
    format!("{:.0} MiB", exporter.process().memory("VmRSS"))
}
