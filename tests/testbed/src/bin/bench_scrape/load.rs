//! What wrk measures, and what the system says of the CPU.

use std::{
    fmt, fs,
    time::{Duration, Instant},
};

use testbed::http;
use tokio::process::Command;

pub(crate) const CONNECTIONS: u32 = 4;
pub(crate) const RUNS: usize = 3;
const SECONDS: &str = "4s";
const FIRSTS: usize = 8;

/// What one run showed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    pub(crate) per_second: f64,
    /// In milliseconds, as is all below.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Of the server's processes, a scrape.
    pub(crate) cpu: f64,
    /// Of a scrape.
    pub(crate) bytes: usize,
}

impl Load {
    pub(crate) async fn of(url: &str, coding: &str, pid: u32) -> Self {
        let header = format!("Accept-Encoding: {coding}");
        let args =
            ["-t1", "-c", &CONNECTIONS.to_string(), "-d", SECONDS, "--timeout", "30s", "--latency", "-H", &header];
        let before = cpu(pid);
        let ended =
            Command::new("wrk").args(args).arg(url).kill_on_drop(true).output().await.expect("wrk is installed");
        let used = cpu(pid) - before;
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(!said.contains("Non-2xx") && !said.contains("Socket errors"), "{said}");
        let after =
            |word: &str| said.lines().find_map(|line| line.trim().strip_prefix(word)).unwrap_or_default().trim();
        let requests =
            said.lines().find(|line| line.contains(" requests in ")).and_then(first_number).unwrap_or(f64::NAN);
        let (per_second, p50, p99) =
            (number(after("Requests/sec:")), milliseconds(after("50%")), milliseconds(after("99%")));
        let headers = [("Accept-Encoding", coding)];
        let answer = http::send(hyper::Method::GET, url, &headers, "").await.expect("an answer");
        Self { per_second, p50, p99, cpu: used / requests, bytes: answer.body.len() }
    }
}

/// Run by run in the order of their rates.
pub(crate) fn median(runs: &mut [Load]) -> Load {
    runs.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    runs[runs.len() / 2]
}

/// The scrape that pays for the others of its second.
pub(crate) struct First {
    time: f64,
    cpu: f64,
}

impl fmt::Display for First {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} ms, CPU {:.2} ms", self.time, self.cpu)
    }
}

/// Some scrapes, each in a second of its own; the median of their times.
pub(crate) async fn first_of_a_second(url: &str, coding: &str, pid: u32) -> First {
    let (mut times, before) = (Vec::new(), cpu(pid));
    for _ in 0..FIRSTS {
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let began = Instant::now();
        let headers = [("Accept-Encoding", coding)];
        http::send(hyper::Method::GET, url, &headers, "").await.expect("an answer");
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    times.sort_by(f64::total_cmp);
    First { time: times[FIRSTS / 2], cpu: (cpu(pid) - before) / 8.0 }
}

/// Milliseconds of CPU that a process has used. proc(5): fields 14 and 15 of stat, in ticks of 10 ms.
fn cpu(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace()).into_iter().flatten();
    fields.skip(11).take(2).map(number).sum::<f64>() * 10.0
}

fn first_number(line: &str) -> Option<f64> {
    line.split_whitespace().next()?.parse().ok()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

/// `1.23ms`, `450.00us` or `1.20s`.
fn milliseconds(text: &str) -> f64 {
    let in_unit = |unit: &str| text.strip_suffix(unit).and_then(|number| number.parse::<f64>().ok());
    let milli = in_unit("ms").or_else(|| in_unit("us").map(|micro| micro / 1e3));
    milli.or_else(|| in_unit("s").map(|seconds| seconds * 1e3)).unwrap_or(f64::NAN)
}
