//! Days of faults, rotations, reloads and scrapes in minutes: the exporter's clock runs three thousand
//! times as fast (libfaketime), the stub's with it. Nothing that is known may be lost, what is shown must become
//! true whenever AWS answers, and neither memory nor descriptors may grow.
//!
//! Seconds from `SOAK_SECONDS` (`make soak` takes 30 minutes), else some, which tell what is true but not
//! what grows. What happens follows from the `SOAK_SEED` that it prints; when, from the machine.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod chaos;
mod watch;

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use aws_stub::{Fault, Stub};
use chaos::Chaos;
use testbed::{Exporter, Settings, wait};
use watch::Watch;

const BINARY: &str = env!("CARGO_BIN_EXE_iam-key-exporter");

/// A day in 29 seconds, and a report's four hours in 5.
const SPEED: i64 = 3_000;

/// Between windows in which AWS answers and all must come true, where there is time.
const STORM: Duration = Duration::from_secs(15);

/// So many looks at least, or nobody can say what grows.
const WINDOWS: usize = 9;

/// Between two windows, however slow the machine.
const SCRAPES: u64 = 5;

/// Real, so that many polls fit into a day.
const CONFIG: &str = "poll_interval: 500ms\norganization: { role_name: reader, refresh_interval: 2s }\n\
    limits: { requests_per_second: 10000, attempt_timeout: 1s, poll_timeout: 10s }\n";

#[tokio::test]
async fn nothing_is_lost_and_nothing_grows() {
    let seconds = number("SOAK_SECONDS").unwrap_or(15);
    let seed = number("SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("again with SOAK_SEED={seed}");
    let stub = Stub::start().await.unwrap();
    let mut chaos = Chaos::new(&stub, fastrand::Rng::with_seed(seed), SPEED);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("soak.yml");
    let state = folder.path().join("state");
    let text = format!("{CONFIG}state_dir: '{}'\n", state.display());
    fs::write(&file, chaos.config(&text)).unwrap();
    let mut exporter = Exporter::start(BINARY, &settings(&stub, &file, &chaos)).await.unwrap();
    let mut watch = Watch::default();
    watch.until_true(&mut chaos, &stub, &mut exporter).await;
    let storm = STORM.min(Duration::from_secs(seconds / 10));
    let windows = if storm == STORM { WINDOWS } else { 1 };
    let (began, mut calm) = (Instant::now(), Instant::now());
    while began.elapsed() < Duration::from_secs(seconds) || watch.notes.len() < windows {
        chaos.act(&stub);
        if chaos.wants_a_reload() {
            fs::write(&file, chaos.config(&text)).unwrap();
            exporter.process().signal("HUP");
        }
        watch.look(&mut chaos, &stub, &mut exporter).await;
        if calm.elapsed() > storm && watch.scrapes_since_note() >= SCRAPES {
            chaos.end(&stub);
            watch.until_true(&mut chaos, &stub, &mut exporter).await;
            watch.note(&mut exporter, began.elapsed());
            calm = Instant::now();
        }
    }
    chaos.end(&stub);
    watch.until_true(&mut chaos, &stub, &mut exporter).await;
    watch.note(&mut exporter, began.elapsed());
    watch.conclude(began.elapsed().as_secs(), storm == STORM);
    // Killed, and started again while AWS is away: what was known is known.
    let mark = tempfile::NamedTempFile::new_in(folder.path()).unwrap();
    saved_since(&state, mark.as_file().metadata().unwrap().modified().unwrap()).await;
    stub.cloud().fault("*", Fault::ServiceFailure);
    exporter.process().signal("KILL");
    let mut exporter = Exporter::start(BINARY, &settings(&stub, &file, &chaos)).await.unwrap();
    watch.look(&mut chaos, &stub, &mut exporter).await;
    chaos.end(&stub);
    watch.until_true(&mut chaos, &stub, &mut exporter).await;
}

fn number(variable: &str) -> Option<u64> {
    env::var_os(variable).map(|text| text.to_str().and_then(|text| text.parse().ok()).expect(variable))
}

/// Until every account's state was written after this moment.
async fn saved_since(state: &Path, moment: SystemTime) {
    let saved = wait::until(Duration::from_mins(1), async || {
        let files = fs::read_dir(state).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<_> = files.filter(|file| file.extension().is_some_and(|end| end == "state")).collect();
        let old =
            files.iter().filter(|file| file.metadata().and_then(|file| file.modified()).is_ok_and(|at| at < moment));
        let old = old.count();
        if old == 0 && !files.is_empty() { Ok(()) } else { Err(format!("{old} of {} are old", files.len())) }
    });
    saved.await.unwrap();
}

fn settings(stub: &Stub, file: &Path, chaos: &Chaos) -> Settings {
    let settings = Settings::of(stub.endpoint()).arg(&format!("--config.file={}", file.display()));
    let ahead = chaos.ahead();
    settings
        .env("LD_PRELOAD", library().to_str().unwrap())
        .env("FAKETIME", &format!("+{ahead} x{SPEED}"))
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
}

/// Where Debian has it.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let mut files = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    files.find(|file| file.exists()).expect("faketime is installed: tests/install.sh test")
}
