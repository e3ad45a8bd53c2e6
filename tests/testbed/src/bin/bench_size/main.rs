//! `make bench-memory` and `make bench-start`: what grows with keys and accounts, and how soon one knows.

mod growth;
mod start;

use std::{env, path::PathBuf};

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
