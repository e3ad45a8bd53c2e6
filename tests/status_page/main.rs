//! The status page of the real binary, looked at with a real Chromium and asked with odd questions.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bench;
mod browser;
mod door;
mod fleet;
mod hostile;

const BINARY: &str = env!("CARGO_BIN_EXE_iam-key-exporter");

/// Polls often and fast.
const QUICK: &str = "poll_interval: 300ms\nlimits: { requests_per_second: 10000 }\n";
