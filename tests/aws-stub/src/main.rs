//! `aws-stub`: an AWS on loopback for the demo and for tests from outside.

use std::io::Write as _;
use std::net::SocketAddr;
use std::str::FromStr;

use aws_stub::{Cloud, DEFAULT_ACCOUNT, Stub, fleet};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// An AWS on loopback: IAM, STS and Organizations, with faults on demand.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Who is in the default account: demo, empty or uniform:USERS.
    #[arg(long, default_value = "demo")]
    fleet: Fleet,
}

/// Who is in the default account.
#[derive(Debug, Clone, Copy)]
enum Fleet {
    Demo,
    Empty,
    Uniform(u32),
}

impl FromStr for Fleet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "demo" => Ok(Self::Demo),
            "empty" => Ok(Self::Empty),
            _ => {
                let users = text.strip_prefix("uniform:").and_then(|users| users.parse().ok());
                users.map(Self::Uniform).ok_or_else(|| "demo, empty or uniform:USERS".to_owned())
            }
        }
    }
}

impl Fleet {
    fn settle(self, cloud: &mut Cloud) {
        let now = cloud.now();
        match self {
            Self::Demo => fleet::demo(cloud, now),
            Self::Empty => {}
            Self::Uniform(users) => fleet::uniform(cloud, DEFAULT_ACCOUNT, users, 0.2, 0.1, now),
        }
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stub = Stub::listen(options.listen).await?;
    options.fleet.settle(&mut stub.cloud());
    let mut out = std::io::stdout();
    writeln!(out, "listening on {}", stub.endpoint())?;
    out.flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stub.stop();
    Ok(())
}
