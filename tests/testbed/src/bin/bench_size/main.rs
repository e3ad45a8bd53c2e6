//! `make bench-memory` and `make bench-start`: what grows with keys and accounts, and how soon one knows.

mod growth;
mod start;

use std::{env, fs, path::PathBuf};

use testbed::Exporter;

#[tokio::main]
async fn main() {
    let mut args = env::args_os().skip(1);
    let exporter: PathBuf = args.next().expect("the path of the exporter").into();
    match args.next().and_then(|what| what.into_string().ok()).as_deref() {
        Some("memory") => growth::run(&exporter).await,
        Some("start") => start::run(&exporter).await,
        _ => eprintln!("usage: bench_size EXPORTER memory|start"),
    }
}

/// In MiB: `VmRSS` is now, `VmHWM` the most ever (proc(5)).
fn memory(exporter: &mut Exporter, key: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", exporter.process().pid())).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}
