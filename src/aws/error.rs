//! Why a call to AWS failed: a closed word for the metric, a chain of causes for people.
//!
//! The SDK models few of IAM's errors, so they are told apart by the code on the wire and
//! the HTTP status.

use std::{error::Error, io};

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::{causes, key_ids};

/// What the SDK gives where a call over HTTP failed.
pub(crate) type SdkError<E> = result::SdkError<E, HttpResponse>;

/// Where AWS tells the name of a request.
const REQUEST_ID: &str = "x-amzn-requestid";

/// The closed set of reasons, a label value each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// AWS refused: no permission, or credentials that are expired or not valid.
    AccessDenied,
    /// AWS asked for fewer requests.
    Throttled,
    /// No answer within the attempt's time limit.
    Timeout,
    /// No connection, or one that broke before the answer was whole.
    Network,
    /// An answer that cannot be what AWS means.
    InvalidResponse,
    /// Anything else AWS says, its own faults among them.
    Other,
}

impl Reason {
    /// All of them, so that counters can start at zero.
    pub const ALL: [Self; 6] =
        [Self::AccessDenied, Self::Throttled, Self::Timeout, Self::Network, Self::InvalidResponse, Self::Other];

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::Throttled => "throttled",
            Self::Timeout => "timeout",
            Self::Network => "network",
            Self::InvalidResponse => "invalid_response",
            Self::Other => "other",
        }
    }
}

/// A call that failed for good.
#[derive(Debug, thiserror::Error)]
#[error("calling {operation}{}: {reason}", subject(.on), reason = .reason.as_str())]
pub struct CallError {
    /// AWS's name of the operation.
    pub operation: &'static str,
    /// On what: a user name, a role; empty for the account as a whole. Ids of keys are left out of `chain`.
    pub on: String,
    /// For the metric.
    pub reason: Reason,
    /// The error code that AWS sent, if any.
    pub code: Option<String>,
    /// The HTTP status of AWS's answer, if there was one.
    pub status: Option<u16>,
    /// What AWS calls the request, if it answered.
    pub request_id: Option<String>,
    /// For people.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

fn subject(on: &str) -> String {
    if on.is_empty() { String::new() } else { format!(" for {on:?}") }
}

impl CallError {
    /// An answer that came, and cannot be what AWS means.
    pub fn invalid(operation: &'static str, on: &str, what: impl Into<String>) -> Self {
        Self::unanswered(operation, on, Reason::InvalidResponse, what.into())
    }

    /// A time limit passed.
    #[must_use]
    pub fn timeout(operation: &'static str, on: &str, limit: std::time::Duration) -> Self {
        let what = format!("no answer within {}", humantime::format_duration(limit));
        Self::unanswered(operation, on, Reason::Timeout, what)
    }

    /// What the SDK reported.
    pub(super) fn from_sdk<E>(operation: &'static str, on: &str, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let code = error.as_service_error().and_then(|e| e.code()).map(str::to_owned);
        let reason = reason(&error, code.as_deref());
        let status = error.raw_response().map(|answer| answer.status().as_u16());
        let request_id = error.raw_response().and_then(|answer| answer.headers().get(REQUEST_ID)).map(str::to_owned);
        Self { operation, on: on.into(), reason, code, status, request_id, source: told(error) }
    }

    /// An answer that came, and could not be read.
    pub fn unreadable(operation: &'static str, source: impl Error + Send + Sync + 'static) -> Self {
        Self::unanswered(operation, "", Reason::InvalidResponse, source)
    }

    /// Where AWS told nothing about the failure.
    pub(crate) fn unanswered(
        operation: &'static str,
        on: &str,
        reason: Reason,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { operation, on: on.into(), reason, code: None, status: None, request_id: None, source: source.into() }
    }

    /// Whether AWS refuses this operation to valid credentials: the policy lacks it.
    #[must_use]
    pub fn is_not_permitted(&self) -> bool {
        let code = self.code.as_deref();
        self.reason == Reason::AccessDenied
            && self.status.is_some()
            && code.is_none_or(|code| code.starts_with("AccessDenied") || code == "UnauthorizedOperation")
    }

    /// Whether AWS says that the thing asked for does not exist.
    #[must_use]
    pub fn is_no_such_entity(&self) -> bool {
        self.code.as_deref() == Some("NoSuchEntity")
    }

    /// The whole chain on one line, for the log and the status page; without the ids of access keys.
    #[must_use]
    pub fn chain(&self) -> String {
        key_ids::left_out(&causes::on_one_line(self)).into_owned()
    }
}

/// Whether another attempt can be expected to fare better.
#[must_use]
pub fn retryable(error: &CallError) -> bool {
    match error.reason {
        Reason::Throttled | Reason::Timeout | Reason::Network | Reason::InvalidResponse => true,
        Reason::AccessDenied => false,
        // By what it calls its own failures, services differ: ServiceFailure, InternalFailure, ServiceException …
        Reason::Other => error.code.is_none() || error.status.is_some_and(|status| status >= 500),
    }
}

fn reason<E: Error + 'static>(error: &SdkError<E>, code: Option<&str>) -> Reason {
    match error {
        SdkError::TimeoutError(_) => Reason::Timeout,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Reason::Timeout,
        // Nothing was sent: there was nothing to sign it with.
        _ if is_due_to::<CredentialsError>(error) => Reason::AccessDenied,
        // What hyper calls neither io nor timeout is a connection that broke off.
        SdkError::DispatchFailure(failure) if !failure.is_user() => Reason::Network,
        // The rest of the answer could not be read from the connection.
        SdkError::ResponseError(_) if is_due_to::<io::Error>(error) => Reason::Network,
        SdkError::ResponseError(_) => Reason::InvalidResponse,
        SdkError::ServiceError(context) => of_answer(context.raw(), code),
        _ => Reason::Other,
    }
}

/// What AWS answered in its own words, where the SDK would show its whole structure.
fn told<E>(error: SdkError<E>) -> Box<dyn Error + Send + Sync>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match error.as_service_error().map(|answer| (answer.code(), answer.message())) {
        Some((Some(code), Some(message))) => format!("{code}: {message}").into(),
        _ => Box::new(error),
    }
}

/// Whether an error of this type is it, or among its causes.
fn is_due_to<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    error.is::<E>() || error.source().is_some_and(is_due_to::<E>)
}

fn of_answer(answer: &HttpResponse, code: Option<&str>) -> Reason {
    let status = answer.status().as_u16();
    match code {
        Some(code) if is_throttle(code) => Reason::Throttled,
        _ if status == 429 => Reason::Throttled,
        Some(code) if is_refusal(code) => Reason::AccessDenied,
        _ if status == 403 || status == 401 => Reason::AccessDenied,
        None if status < 500 => Reason::InvalidResponse,
        _ => Reason::Other,
    }
}

fn is_throttle(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "SlowDown"
    )
}

fn is_refusal(code: &str) -> bool {
    code.starts_with("AccessDenied")
        || matches!(
            code,
            "ExpiredToken"
                | "ExpiredTokenException"
                | "InvalidClientTokenId"
                | "SignatureDoesNotMatch"
                | "UnrecognizedClientException"
                | "UnauthorizedOperation"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_operation_its_subject_and_every_cause() {
        let error = CallError::invalid("ListAccessKeys", "ci-bot", "a key without CreateDate");
        assert_eq!(error.chain(), "calling ListAccessKeys for \"ci-bot\": invalid_response: a key without CreateDate");
    }

    #[test]
    fn refusals_are_not_retried_and_passing_faults_are() {
        let told = |reason, code: Option<&str>, status| CallError {
            operation: "ListUsers",
            on: String::new(),
            reason,
            code: code.map(Into::into),
            status: Some(status),
            request_id: None,
            source: "x".into(),
        };
        assert!(!retryable(&told(Reason::AccessDenied, Some("AccessDenied"), 403)));
        assert!(!retryable(&told(Reason::Other, Some("NoSuchEntity"), 404)));
        assert!(retryable(&told(Reason::Throttled, Some("Throttling"), 400)));
        for (code, status) in [("ServiceFailure", 500), ("InternalFailure", 500), ("ServiceUnavailable", 503)] {
            assert!(retryable(&told(Reason::Other, Some(code), status)), "{code}");
        }
    }
}
