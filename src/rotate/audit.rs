//! One line for each thing that was changed, by whom and with what result, on standard error.

use std::{error::Error, fmt::Display};

use crate::aws::{CallError, Reason};

/// Who makes the changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Actor {
    pub(super) arn: String,
    pub(super) account: std::sync::Arc<str>,
}

/// Whose key is being replaced, and by whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) actor: &'a Actor,
    pub(super) user: &'a str,
}

#[cfg(test)]
impl Actor {
    pub(super) fn nobody() -> Self {
        Self { arn: "arn:aws:iam::111122223333:user/nobody".into(), account: "111122223333".into() }
    }
}

/// A change by a call to AWS; `target` is what was changed where that is not the key itself.
pub(super) fn call(
    subject: &Subject<'_>,
    operation: &str,
    key: &str,
    target: &str,
    result: &Result<Option<String>, &CallError>,
) {
    let (word, id, error) = match result {
        Ok(id) => ("ok", id.as_deref(), String::new()),
        Err(error) => (word(error), error.request_id.as_deref(), error.chain()),
    };
    line(subject, operation, key, target, (word, id.unwrap_or_default(), &error));
}

/// A change on this machine.
pub(super) fn local<E: Error>(subject: &Subject<'_>, operation: &str, key: &str, target: &str, result: &Result<(), E>) {
    match result {
        Ok(()) => line(subject, operation, key, target, ("ok", "", "")),
        Err(error) => line(subject, operation, key, target, ("failed", "", &chain(error))),
    }
}

fn line(subject: &Subject<'_>, operation: &str, key: &str, target: &str, (result, id, error): (&str, &str, &str)) {
    let Subject { actor, user } = subject;
    let (actor, account) = (&*actor.arn, &*actor.account);
    tracing::info!(
        actor,
        account,
        user,
        access_key_id = key,
        operation,
        target,
        result,
        request_id = id,
        error,
        "audit"
    );
}

/// Without an answer nobody knows whether AWS did it.
fn word(error: &CallError) -> &'static str {
    match error.reason {
        Reason::AccessDenied | Reason::Throttled => "failed",
        Reason::Other if error.status.is_some_and(|status| status < 500) => "failed",
        _ => "unknown",
    }
}

/// An error and all its causes, on one line.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        push(&mut text, error);
        cause = error.source();
    }
    text
}

fn push(text: &mut String, cause: &dyn Display) {
    let cause = cause.to_string();
    if !text.ends_with(&cause) {
        text.push_str(": ");
        text.push_str(&cause);
    }
}
