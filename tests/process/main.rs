//! The real binary, asked over HTTP, on the stub of AWS and on moto.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod faults;
mod first_scrape;
mod instance;
mod keys;
mod life;
mod moto;
mod moto_roles;
mod paging;
mod permissions;
mod start;

use aws_stub::{Fault, Stub};
use testbed::{Exporter, Page, Settings};

const BINARY: &str = env!("CARGO_BIN_EXE_iam-key-exporter");
const ACCOUNT: &str = aws_stub::DEFAULT_ACCOUNT;
const DAY: i64 = 86_400;

/// Polls often and fast.
const QUICK: &str =
    "poll_interval: 300ms\nlimits: { requests_per_second: 10000, attempt_timeout: 10s, poll_timeout: 2m }\n";

async fn exporter(stub: &Stub, config: &str) -> Exporter {
    Exporter::start(BINARY, &Settings::of(stub.endpoint()).config(config)).await.unwrap()
}

/// Without permission for the report, users and keys are listed.
fn deny_the_report(stub: &Stub) {
    stub.cloud().fault("GenerateCredentialReport", Fault::AccessDenied);
    stub.cloud().fault("GetCredentialReport", Fault::AccessDenied);
}

fn is_up(page: &Page) -> bool {
    page.value("aws_iam_account_up", &[("account_id", ACCOUNT)]) == Some(1.0)
}

fn is_down(page: &Page) -> bool {
    page.value("aws_iam_account_up", &[("account_id", ACCOUNT)]) == Some(0.0)
}

fn failures(page: &Page, operation: &str, reason: &str) -> f64 {
    let labels = [("operation", operation), ("reason", reason)];
    page.with("iam_key_exporter_aws_request_failures_total", &labels).iter().map(|sample| sample.value).sum()
}
