//! `make bench-memory` and `make bench-start`: what grows with keys and accounts, and how soon one knows.

mod growth;
mod start;

use std::{env, path::PathBuf};

#[tokio::main]
async fn main() {
    let mut args = env::args_os().skip(1);
    let exporter: PathBuf = args.next().expect("the path of the exporter").into();
    let args: Vec<String> = args.filter_map(|arg| arg.into_string().ok()).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["memory"] => growth::run(&exporter, &growth::SIZES).await,
        ["memory", accounts, users] => {
            growth::run(&exporter, &[(accounts.parse().expect("a number"), users.parse().expect("a number"))]).await;
        }
        ["start"] => start::run(&exporter).await,
        _ => eprintln!("usage: bench_size EXPORTER memory [ACCOUNTS USERS-IN-EACH] | start"),
    }
}
