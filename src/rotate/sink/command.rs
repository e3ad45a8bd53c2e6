//! A command of the operator's: it gets JSON on its standard input, and exit code 0 means done.

use std::{process::Stdio, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::{io::AsyncWriteExt as _, process::Command as Process, time::timeout};

use super::{Held, SinkError, still_handed_out};
use crate::rotate::{
    audit::{self, Subject},
    secret::SecretKey,
};

/// So much of what a failed command said is passed on.
const MOST_WORDS: usize = 1000;

/// In place of a secret.
const MASK: &str = "[the secret]";

/// The length of AWS's secret keys.
const SECRET: usize = 40;

/// A command for the shell.
#[derive(Debug)]
pub(in crate::rotate) struct Command {
    command: String,
    limit: Duration,
}

/// What the command is asked to do.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Operation {
    Store,
    Read,
    Promote,
    Restore,
}

#[derive(Serialize)]
struct Order<'a> {
    version: u8,
    operation: Operation,
    account_id: &'a str,
    user_name: &'a str,
    access_key_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_access_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_access_key_id: Option<&'a str>,
}

/// What the command answers to `read`; nothing at all means that it has nothing.
#[derive(Deserialize)]
struct Answer<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(default)]
    current: bool,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Store => "exec store",
            Self::Read => "exec read",
            Self::Promote => "exec promote",
            Self::Restore => "exec restore",
        }
    }
}

impl Command {
    pub(in crate::rotate) fn new(command: String, limit: Duration) -> Self {
        Self { command, limit }
    }

    pub(super) async fn held(&self, subject: &Subject<'_>, id: &str) -> Result<Held, SinkError> {
        let said = self.run(&order(subject, Operation::Read, id)).await?;
        let text = said.expose_secret().trim();
        if text.is_empty() || text == "{}" {
            return Ok(Held::No);
        }
        let answer: Answer<'_> = serde_json::from_str(text).map_err(|_| {
            SinkError::Unfit("the command answered to \"read\" with something that is neither empty nor JSON with access_key_id and secret_access_key".into())
        })?;
        let key = SecretKey::new(answer.access_key_id.to_owned(), answer.secret_access_key.to_owned());
        Ok(match answer.current {
            _ if key.id != id => Held::No,
            true => Held::Current(key),
            false => Held::Stored(key),
        })
    }

    pub(super) async fn store(&self, subject: &Subject<'_>, key: &SecretKey) -> Result<(), SinkError> {
        let order = order(subject, Operation::Store, &key.id);
        self.order(subject, Order { secret_access_key: Some(key.secret.expose_secret()), ..order }).await
    }

    pub(super) async fn promote(&self, subject: &Subject<'_>, id: &str) -> Result<(), SinkError> {
        self.order(subject, order(subject, Operation::Promote, id)).await
    }

    pub(super) async fn restore(&self, subject: &Subject<'_>, new: &str, old: &str) -> Result<String, SinkError> {
        let order = order(subject, Operation::Restore, new);
        self.order(subject, Order { previous_access_key_id: Some(old), ..order }).await?;
        match self.held(subject, new).await? {
            Held::Current(_) => Err(still_handed_out(new, "was told to go back")),
            _ => Ok(format!("the command was told that key {old} is the current one again")),
        }
    }

    async fn order(&self, subject: &Subject<'_>, order: Order<'_>) -> Result<(), SinkError> {
        let done = self.run(&order).await.map(drop);
        audit::local(subject, order.operation.name(), order.access_key_id, "command", &done);
        done
    }

    async fn run(&self, order: &Order<'_>) -> Result<SecretString, SinkError> {
        let text: SecretString = serde_json::to_string(order).expect("texts are always JSON").into();
        let what = order.operation.name();
        let mut said = timeout(self.limit, self.talk(&text))
            .await
            .map_err(|_| SinkError::Unfit(format!("{what}: no end within {}", humantime::format_duration(self.limit))))?
            .map_err(|source| SinkError::Unfit(format!("{what}: {source}")))?;
        if said.status.success() {
            let out = std::mem::take(&mut said.stdout);
            let text =
                String::from_utf8(out).map_err(|_| SinkError::Unfit(format!("{what}: the answer is not UTF-8")))?;
            return Ok(text.into());
        }
        let words = spoken(&said.stderr, order.secret_access_key);
        Err(SinkError::Unfit(format!("{what}: the command ended with {}: {words}", said.status)))
    }

    async fn talk(&self, order: &SecretString) -> std::io::Result<std::process::Output> {
        let mut process = Process::new("/bin/sh");
        process.arg("-c").arg(&self.command).kill_on_drop(true);
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = process.spawn()?;
        let stdin = child.stdin.take();
        let tell = async {
            if let Some(mut stdin) = stdin {
                // A command that does not read to the end says by its exit code whether it did its work.
                let _ = stdin.write_all(order.expose_secret().as_bytes()).await;
            }
        };
        let ((), output) = tokio::join!(tell, child.wait_with_output());
        output
    }
}

fn order<'a>(subject: &Subject<'a>, operation: Operation, id: &'a str) -> Order<'a> {
    Order {
        version: 1,
        operation,
        account_id: &subject.actor.account,
        user_name: subject.user,
        access_key_id: id,
        secret_access_key: None,
        previous_access_key_id: None,
    }
}

/// What the command said, without the secret that it was told, nor one that it holds itself.
fn spoken(said: &[u8], secret: Option<&str>) -> String {
    let text = String::from_utf8_lossy(said);
    let text = secret.map_or_else(|| text.clone().into_owned(), |secret| text.replace(secret, MASK));
    masked(text.trim()).chars().take(MOST_WORDS).collect()
}

/// With a mask for all that could be a secret key: AWS's have forty of the characters of base 64.
fn masked(text: &str) -> String {
    let is_of_a_key = |c: char| c.is_ascii_alphanumeric() || "/+=".contains(c);
    let words = text.split_inclusive(|c| !is_of_a_key(c));
    words
        .map(|word| {
            let run = word.trim_end_matches(|c| !is_of_a_key(c));
            if run.len() < SECRET { word.to_owned() } else { word.replacen(run, MASK, 1) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotate::audit::nobody;

    async fn said(command: &str) -> Result<Held, SinkError> {
        let (actor, user) = (nobody(), "ci");
        Command::new(command.into(), Duration::from_secs(10)).held(&Subject { actor: &actor, user }, "AKIA1").await
    }

    #[tokio::test]
    async fn an_answer_is_a_key_or_nothing_and_all_else_is_an_error() {
        let read = "cat >/dev/null; echo '{\"access_key_id\":\"AKIA1\",\"secret_access_key\":\"s\",\"current\":true}'";
        assert!(matches!(said(read).await, Ok(Held::Current(_))));
        assert!(matches!(said(&read.replace(",\"current\":true", "")).await, Ok(Held::Stored(_))));
        assert!(matches!(said(&read.replace("AKIA1", "AKIA2")).await, Ok(Held::No)));
        assert!(matches!(said("true").await, Ok(Held::No)));
        assert!(matches!(said("echo '{}'").await, Ok(Held::No)));
        for odd in ["false", "echo yes", "exit 1", "kill -9 $$", "/there/is/no/such/thing"] {
            assert!(said(odd).await.is_err(), "{odd}");
        }
    }

    #[tokio::test]
    async fn a_command_that_prints_its_input_does_not_tell_the_secret() {
        let (actor, user) = (nobody(), "ci");
        let command = Command::new("cat >&2; exit 3".into(), Duration::from_secs(10));
        let key = SecretKey::new("AKIA1".into(), "s3cr/et+".into());
        let error = command.store(&Subject { actor: &actor, user }, &key).await.unwrap_err().to_string();
        assert!(error.contains("[the secret]") && error.contains('3') && !error.contains("s3cr"), "{error}");
    }

    #[tokio::test]
    async fn a_command_that_fails_to_read_does_not_tell_the_secret_that_it_holds() {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let error =
            said(&format!("echo \"+ put secret={secret}, to no avail\" >&2; exit 1")).await.unwrap_err().to_string();
        assert!(!error.contains("K7MDENG") && error.contains("put ") && error.contains(", to no avail"), "{error}");
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_ended() {
        let (actor, user) = (nobody(), "ci");
        let command = Command::new("sleep 600".into(), Duration::from_millis(100));
        let error = command.promote(&Subject { actor: &actor, user }, "AKIA1").await.unwrap_err();
        assert!(error.to_string().contains("no end within"), "{error}");
    }
}
