//! One line for each thing that was changed, by whom and with what result, on standard error.

use std::error::Error;

use crate::{
    aws::{CallError, Caller, Reason},
    causes,
};

/// Whose key is being replaced, and by whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    /// Who makes the changes.
    pub(super) actor: &'a Caller,
    pub(super) user: &'a str,
}

#[cfg(test)]
pub(super) fn nobody() -> Caller {
    let (account, arn) = ("111122223333".into(), "arn:aws:iam::111122223333:user/nobody".into());
    Caller { account, arn, partition: "aws".into() }
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

/// An error and all its causes, on one line; what says the same as what it caused is said once.
pub(super) fn chain(error: &dyn Error) -> String {
    causes::of(error).fold(error.to_string(), |told, cause| {
        let cause = cause.to_string();
        if told.ends_with(&cause) { told } else { format!("{told}: {cause}") }
    })
}
