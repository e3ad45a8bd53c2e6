//! Days of faults, rotations, reloads and scrapes in minutes: the exporter's clock runs a thousand times
//! as fast (libfaketime), the stub's with it. Nothing that is known may be lost, what is shown must become
//! true whenever AWS answers, and neither memory nor descriptors may grow.
//!
//! Seconds from `SOAK_SECONDS` (`make soak` takes 30 minutes), else some.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod chaos;
mod watch;

use std::{
    env, fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use aws_stub::Stub;
use chaos::Chaos;
use testbed::{Exporter, Settings};
use watch::Watch;

const BINARY: &str = env!("CARGO_BIN_EXE_iam-key-exporter");

/// A day in 86 seconds.
const SPEED: i64 = 1_000;

/// Of real seconds, between windows in which AWS answers and all must come true.
const STORM: Duration = Duration::from_secs(15);

/// Real, so that many polls fit into a day.
const CONFIG: &str = "poll_interval: 500ms\norganization: { role_name: reader, refresh_interval: 2s }\n\
    limits: { requests_per_second: 10000, attempt_timeout: 300ms, poll_timeout: 10s }\n";

#[tokio::test]
async fn nothing_is_lost_and_nothing_grows() {
    let seconds = env::var_os("SOAK_SECONDS").map_or(15, |text| text.to_str().unwrap().parse().unwrap());
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let stub = Stub::start().await.unwrap();
    let mut chaos = Chaos::new(&stub, fastrand::Rng::with_seed(seed), SPEED);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("soak.yml");
    fs::write(&file, chaos.config(CONFIG)).unwrap();
    let mut exporter = Exporter::start(BINARY, &settings(&stub, &file, folder.path())).await.unwrap();
    let mut watch = Watch::default();
    watch.until_true(&mut chaos, &stub, &mut exporter).await;
    let (began, mut calm) = (Instant::now(), Instant::now());
    while began.elapsed() < Duration::from_secs(seconds) {
        chaos.act(&stub);
        if chaos.wants_a_reload() {
            fs::write(&file, chaos.config(CONFIG)).unwrap();
            exporter.process().signal("HUP");
        }
        watch.look(&mut chaos, &stub, &mut exporter).await;
        if calm.elapsed() > STORM {
            chaos.end(&stub);
            watch.until_true(&mut chaos, &stub, &mut exporter).await;
            watch.note(&mut exporter, began.elapsed());
            calm = Instant::now();
        }
    }
    chaos.end(&stub);
    watch.until_true(&mut chaos, &stub, &mut exporter).await;
    watch.note(&mut exporter, began.elapsed());
    watch.conclude(began.elapsed().as_secs());
}

fn settings(stub: &Stub, file: &std::path::Path, folder: &std::path::Path) -> Settings {
    let settings = Settings::of(stub.endpoint()).arg(&format!("--config.file={}", file.display()));
    fs::create_dir_all(folder.join("state")).unwrap();
    settings
        .env("LD_PRELOAD", library().to_str().unwrap())
        .env("FAKETIME", &format!("+0 x{SPEED}"))
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
}

/// Where Debian has it.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let mut files = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    files.find(|file| file.exists()).expect("faketime is installed: tests/install.sh test")
}
