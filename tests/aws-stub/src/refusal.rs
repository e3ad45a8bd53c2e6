//! Errors as AWS tells them: a status, a code, a message.

/// A refused call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }

    /// A value that breaks a limit of the interface, in AWS's own words.
    pub(crate) fn constraint(value: &str, member: &str, constraint: &str) -> Self {
        Self::validation(format!(
            "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: Member must {constraint}"
        ))
    }

    pub(crate) fn no_user(name: &str) -> Self {
        let message = format!("The user with name {name} cannot be found.");
        Self::new(404, "NoSuchEntity", message)
    }

    pub(crate) fn no_key(id: &str) -> Self {
        let message = format!("The Access Key with id {id} cannot be found.");
        Self::new(404, "NoSuchEntity", message)
    }

    pub(crate) fn throttled() -> Self {
        Self::new(400, "Throttling", "Rate exceeded")
    }

    pub(crate) fn expired_token() -> Self {
        Self::new(403, "ExpiredToken", "The security token included in the request is expired")
    }

    pub(crate) fn unknown_action(action: &str, version: &str) -> Self {
        let message = format!("Could not find operation {action} for version {version}");
        Self::new(400, "InvalidAction", message)
    }

    /// The side that is to blame.
    pub(crate) fn side(&self) -> &'static str {
        if self.status < 500 { "Sender" } else { "Receiver" }
    }
}
