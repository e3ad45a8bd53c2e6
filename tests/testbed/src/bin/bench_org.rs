//! `make bench-org`: a whole organization, read by the real binary from the stub, 40 ms an answer.
//!
//! Two runs: many accounts of a usual size, in the end a tenth of them broken; and very many small ones.

use std::{
    env, fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use aws_stub::{Fault, Stub, fleet};
use testbed::{Exporter, Page, Settings, http};

const LATENCY: Duration = Duration::from_millis(40);
const PLACES: u32 = 32;
/// Seconds between polls: short, so that the benchmark sees steady ones.
const INTERVAL: u64 = 60;

struct Run {
    stub: Stub,
    exporter: Exporter,
    accounts: u32,
    began: Instant,
}

#[tokio::main]
async fn main() {
    let exporter: PathBuf = env::args_os().nth(1).expect("the path of the exporter").into();
    println!("{LATENCY:?} an answer, {PLACES} accounts at once, 25 requests/s to each, a poll every {INTERVAL} s\n");
    let mut usual = Run::start(&exporter, 1_000, 100).await;
    usual.census().await;
    usual.steady_and_broken().await;
    drop(usual);
    let mut many = Run::start(&exporter, 5_000, 20).await;
    many.census().await;
    many.steady("steady").await;
}

impl Run {
    async fn start(exporter: &PathBuf, accounts: u32, users: u32) -> Self {
        println!("== {accounts} accounts of {users} users, a key each, 2 % overdue");
        let stub = Stub::start().await.expect("a port");
        {
            let mut cloud = stub.cloud();
            cloud.set_latency(LATENCY);
            let now = cloud.now();
            for number in 0..accounts - 1 {
                fleet::uniform(&mut cloud, &id(number), users, 1.0, 0.02, now);
            }
            fleet::uniform(&mut cloud, aws_stub::DEFAULT_ACCOUNT, users, 1.0, 0.02, now);
        }
        let config = format!(
            "poll_interval: {INTERVAL}s\norganization: {{ role_name: iam-key-exporter }}\n\
             limits: {{ concurrent_accounts: {PLACES}, requests_per_second: 25 }}\n"
        );
        let settings = Settings::of(stub.endpoint()).config(&config);
        let began = Instant::now();
        let exporter = Exporter::start(exporter, &settings).await.expect("the exporter starts");
        Self { stub, exporter, accounts, began }
    }

    /// Until every account has a whole census.
    async fn census(&mut self) {
        let (mut sockets, mut done) = (0, 0);
        while done < self.accounts as usize {
            tokio::time::sleep(Duration::from_secs(5)).await;
            sockets = sockets.max(self.sockets());
            // As Prometheus asks: the page is kept in gzip as well from then on.
            let gzip = [("Accept-Encoding", "gzip")];
            http::send(hyper::Method::GET, &self.exporter.url("/metrics"), &gzip, "").await.expect("an answer");
            let counted = self.exporter.page().await.series("aws_iam_account_users").len();
            if counted / 500 > done / 500 {
                eprintln!(
                    "   {counted} of {} accounts after {:.0} s",
                    self.accounts,
                    self.began.elapsed().as_secs_f64()
                );
            }
            done = counted;
        }
        let took = self.began.elapsed();
        let calls = self.stub.cloud().total_calls();
        #[expect(clippy::cast_precision_loss, reason = "some thousand calls")]
        let ideal = LATENCY.as_secs_f64() * calls as f64 / f64::from(PLACES);
        let ratio = took.as_secs_f64() / ideal;
        println!("cold census      {calls} calls in {:.1} s, ideal {ideal:.1} s: {ratio:.2} ×", took.as_secs_f64());
        println!("sockets          {sockets} at most");
        self.memory("after census");
    }

    async fn steady_and_broken(&mut self) {
        let before = self.steady("steady").await;
        let broken: Vec<String> = (0..self.accounts / 10).map(|number| id(number * 10)).collect();
        {
            let faults =
                [Fault::AccessDenied, Fault::Throttle, Fault::Delay(Duration::from_mins(1)), Fault::DropConnection];
            let mut cloud = self.stub.cloud();
            for (place, account) in broken.iter().enumerate() {
                let action = if place % 2 == 0 { "GetAccountSummary" } else { "*" };
                cloud.fault_in(account, action, faults[place % faults.len()].clone());
            }
        }
        // The first round finds out who is broken.
        tokio::time::sleep(Duration::from_secs(INTERVAL * 2)).await;
        let after = self.steady("with 10 % broken").await;
        let others = |(account, seconds): (&String, &f64)| (!broken.contains(account)).then_some(*seconds);
        let mean = |all: &std::collections::BTreeMap<String, f64>| {
            let all: Vec<f64> = all.iter().filter_map(others).collect();
            all.iter().sum::<f64>() / f64::from(u32::try_from(all.len()).unwrap_or(1))
        };
        let change = (mean(&after) / mean(&before) - 1.0) * 100.0;
        println!("the others       {:.3} s a poll before, {:.3} s after: {change:+.1} %", mean(&before), mean(&after));
        let late = self.late(&broken).await;
        println!("                 {late} of them read later than an interval ago");
    }

    /// Others whose due keys were not confirmed within an interval, a poll and a second.
    async fn late(&self, broken: &[String]) -> usize {
        let page = self.exporter.page().await;
        let now = self.stub.cloud().now();
        let times = page.with("aws_iam_account_data_timestamp_seconds", &[("data", "due_keys")]);
        #[expect(clippy::cast_possible_truncation, reason = "seconds of our time")]
        let age = |value: f64| now - value as i64;
        let limit = i64::try_from(INTERVAL).unwrap_or(60) + 5;
        let others = times.iter().filter(|sample| !broken.iter().any(|id| sample.label("account_id") == id));
        others.filter(|sample| age(sample.value) > limit).count()
    }

    /// One interval of steady polls: calls, memory, and how long each account's last poll took.
    async fn steady(&mut self, name: &str) -> std::collections::BTreeMap<String, f64> {
        tokio::time::sleep(Duration::from_secs(INTERVAL)).await;
        self.stub.cloud().reset_calls();
        tokio::time::sleep(Duration::from_secs(INTERVAL)).await;
        let calls = self.stub.cloud().total_calls();
        println!("{name:<17}{calls} calls in an interval, {} an account", calls / u64::from(self.accounts));
        self.memory(name);
        poll_times(&self.exporter.page().await)
    }

    fn memory(&mut self, name: &str) {
        let process = self.exporter.process();
        let (now, most) = (process.memory("VmRSS"), process.memory("VmHWM"));
        println!("memory           {now:.0} MiB {name}, {most:.0} MiB at most");
    }

    fn sockets(&mut self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.exporter.process().pid())).into_iter().flatten();
        let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }
}

fn id(number: u32) -> String {
    format!("{}", 200_000_000_000_u64 + u64::from(number) * 7_919)
}

fn poll_times(page: &Page) -> std::collections::BTreeMap<String, f64> {
    let samples = page.series("iam_key_exporter_poll_duration_seconds");
    samples.iter().map(|sample| (sample.label("account_id").to_owned(), sample.value)).collect()
}
