//! Answers gone wrong on demand, and the rules that say when.

use std::time::Duration;

use crate::call::Service;
use crate::refusal::Refusal;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Any error.
    Error {
        /// The HTTP status.
        status: u16,
        /// The code, such as `ReportInProgress`.
        code: String,
        /// The message.
        message: String,
    },
    /// 400 `Throttling`; 400 `TooManyRequestsException` from Organizations.
    Throttle,
    /// 500 `ServiceFailure`; 500 `ServiceException` from Organizations.
    ServiceFailure,
    /// 403 `AccessDenied`; 400 `AccessDeniedException` from Organizations.
    AccessDenied,
    /// 403 `ExpiredToken`; 400 `ExpiredTokenException` from Organizations.
    ExpiredToken,
    /// The right answer, late.
    Delay(Duration),
    /// The call is performed, but half of the answer's body is missing and the connection ends.
    CutBody,
    /// The call is not performed and the connection ends without an answer.
    DropConnection,
    /// 200 with a document that never closes its elements.
    MalformedXml,
    /// 200 with nothing.
    EmptyBody,
    /// Another content of the credential report; `GetCredentialReport` only.
    Report(Vec<u8>),
}

impl Fault {
    /// The error that the fault is, if it is one.
    pub(crate) fn refusal(&self, service: Service, caller: &str, action: &str) -> Option<Refusal> {
        let json = service.is_json();
        let refusal = match self {
            Self::Error { status, code, message } => Refusal::new(*status, code, message),
            Self::Throttle if json => too_many(),
            Self::Throttle => Refusal::throttled(),
            Self::ServiceFailure if json => Refusal::new(500, "ServiceException", "Try again."),
            Self::ServiceFailure => Refusal::new(500, "ServiceFailure", "Internal failure."),
            Self::AccessDenied => denied(service, caller, action),
            Self::ExpiredToken if json => expired(),
            Self::ExpiredToken => Refusal::expired_token(),
            _ => return None,
        };
        Some(refusal)
    }
}

fn too_many() -> Refusal {
    let message = "AWS Organizations can't complete your request because too many requests were sent.";
    Refusal::new(400, "TooManyRequestsException", message)
}

/// The expired token of the JSON protocol.
pub(crate) fn expired() -> Refusal {
    let message = "The security token included in the request is expired";
    Refusal::new(400, "ExpiredTokenException", message)
}

/// A caller who may not.
pub(crate) fn denied(service: Service, caller: &str, action: &str) -> Refusal {
    let (status, code, prefix) = match service {
        Service::Iam => (403, "AccessDenied", "iam"),
        Service::Sts => (403, "AccessDenied", "sts"),
        Service::Organizations => (400, "AccessDeniedException", "organizations"),
        Service::Secrets => (400, "AccessDeniedException", "secretsmanager"),
        Service::Parameters => (400, "AccessDeniedException", "ssm"),
    };
    let message = format!(
        "User: {caller} is not authorized to perform: {prefix}:{action} because no identity-based policy allows the {prefix}:{action} action"
    );
    Refusal::new(status, code, message)
}

/// When a fault happens.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// Any account if there is none.
    pub(crate) account: Option<String>,
    /// `*` for any.
    pub(crate) action: String,
    pub(crate) fault: Fault,
    /// Without end if there is none.
    pub(crate) left: Option<u32>,
}

impl Rule {
    fn matches(&self, accounts: &[&str], action: &str) -> bool {
        let account = self.account.as_deref();
        self.left != Some(0)
            && account.is_none_or(|account| accounts.contains(&account))
            && (self.action == "*" || self.action == action)
            && (action == "GetCredentialReport" || !matches!(self.fault, Fault::Report(_)))
    }
}

/// The fault of the first rule that matches, which is thereby used once.
pub(crate) fn take(rules: &mut [Rule], accounts: &[&str], action: &str) -> Option<Fault> {
    let rule = rules.iter_mut().find(|rule| rule.matches(accounts, action))?;
    rule.left = rule.left.map(|left| left.saturating_sub(1));
    Some(rule.fault.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(account: Option<&str>, action: &str, fault: Fault, left: Option<u32>) -> Rule {
        Rule { account: account.map(str::to_owned), action: action.to_owned(), fault, left }
    }

    #[test]
    fn rules_are_used_up_in_order() {
        let mut rules =
            [rule(None, "ListUsers", Fault::Throttle, Some(1)), rule(Some("1"), "*", Fault::AccessDenied, None)];
        assert_eq!(take(&mut rules, &["2"], "ListUsers"), Some(Fault::Throttle));
        assert_eq!(take(&mut rules, &["2"], "ListUsers"), None);
        assert_eq!(take(&mut rules, &["2", "1"], "Any"), Some(Fault::AccessDenied));
    }

    #[test]
    fn a_replaced_report_is_for_one_action_only() {
        let mut rules = [rule(None, "*", Fault::Report(Vec::new()), None)];
        assert_eq!(take(&mut rules, &["1"], "ListUsers"), None);
        assert!(take(&mut rules, &["1"], "GetCredentialReport").is_some());
    }
}
