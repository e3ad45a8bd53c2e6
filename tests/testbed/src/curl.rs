//! curl: a client that we did not write, with a TLS that is not ours.

use std::{process::Output, time::Duration};

use tokio::{process::Command, time::timeout};

/// Far more than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What curl got.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// 0 where there was no answer.
    pub status: u16,
    /// `1.1` or `2`.
    pub http_version: String,
    /// Head and body.
    pub text: String,
    /// Why there was no answer.
    pub error: String,
}

/// Runs curl with these arguments, the URL among them.
///
/// # Panics
/// When curl is not installed, or does not end.
pub async fn curl<S: AsRef<str>>(args: &[S]) -> Reply {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--include", "--write-out", "\n%{http_code} %{http_version}"]);
    command.args(args.iter().map(AsRef::as_ref)).kill_on_drop(true);
    let ended = timeout(PATIENCE, command.output()).await.expect("curl ends");
    let Output { stdout, stderr, .. } = ended.expect("curl is installed");
    let said = String::from_utf8_lossy(&stdout);
    let (text, end) = said.rsplit_once('\n').unwrap_or(("", &said));
    let (status, http_version) = end.split_once(' ').unwrap_or_default();
    Reply {
        status: status.parse().unwrap_or_default(),
        http_version: http_version.to_owned(),
        text: text.to_owned(),
        error: String::from_utf8_lossy(&stderr).into_owned(),
    }
}
