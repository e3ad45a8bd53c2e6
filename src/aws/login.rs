//! Becoming somebody in another account: credentials of a role, kept until shortly before they end.

use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_sdk_sts::operation::assume_role::AssumeRoleOutput;

use super::{
    error::CallError,
    session::{Attempt, Session},
};
use crate::{config::Role, inventory::Timestamp};

/// A role entered from another role's session gives credentials for an hour at most, and every
/// role allows that much (API reference, `AssumeRole`, `DurationSeconds`).
const LIFETIME: i32 = 3600;

/// Credentials that end sooner than this are not begun a poll with, in seconds.
const MARGIN: i64 = 600;

/// What `CloudTrail` shows beside every request.
const SESSION_NAME: &str = "iam-key-exporter";

/// A role, and the credentials that it gave.
#[derive(Debug)]
pub(super) struct Login {
    role: Role,
    sts: aws_sdk_sts::Client,
    kept: Mutex<Option<Kept>>,
}

#[derive(Clone, Debug)]
struct Kept {
    credentials: Credentials,
    ends_at: Timestamp,
}

impl Login {
    pub(super) fn new(role: Role, sts: aws_sdk_sts::Client) -> Self {
        Self { role, sts, kept: Mutex::default() }
    }

    /// Never the ambient ones: with those another account would answer.
    pub(super) fn credentials(&self) -> Credentials {
        let none = || Credentials::new("not-logged-in", "", None, None, "AssumeRole");
        self.lock().as_ref().map_or_else(none, |kept| kept.credentials.clone())
    }

    /// Makes sure that there are credentials for a while; one call to STS at most, not counting retries.
    pub(super) async fn renew(&self, session: &Session, now: Timestamp) -> Attempt<()> {
        if self.lock().as_ref().is_some_and(|kept| kept.ends_at - MARGIN > now) {
            return Ok(());
        }
        let Role { arn, external_id } = &self.role;
        let request = self.sts.assume_role().role_arn(&*arn.text).role_session_name(SESSION_NAME);
        let request = request.duration_seconds(LIFETIME).set_external_id(external_id.as_deref().map(Into::into));
        let kept = session.call("AssumeRole", &arn.text, || request.clone().send(), |answer| read(answer, arn)).await?;
        *self.lock() = Some(kept);
        Ok(())
    }

    /// AWS no longer takes them: the next poll begins with new ones.
    pub(super) fn expire(&self) {
        self.lock().iter_mut().for_each(|kept| kept.ends_at = 0);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Kept>> {
        self.kept.lock().expect("no code panics while it holds the credentials")
    }
}

fn read(answer: AssumeRoleOutput, arn: &crate::config::RoleArn) -> Attempt<Kept> {
    let Some(given) = answer.credentials else {
        return Err(CallError::invalid("AssumeRole", &arn.text, "an answer without credentials"));
    };
    let ends_at = given.expiration.secs();
    let token = Some(given.session_token);
    let credentials = Credentials::new(given.access_key_id, given.secret_access_key, token, None, "AssumeRole");
    Ok(Kept { credentials, ends_at })
}

/// Whether AWS says that the credentials themselves are no longer good.
pub(super) fn is_about_credentials(error: &CallError) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    code.starts_with("ExpiredToken") || matches!(code, "InvalidClientTokenId" | "UnrecognizedClientException")
}

impl Session {
    /// The account's role, as text; `None` where the ambient credentials are used.
    #[must_use]
    pub fn role(&self) -> Option<&Arc<str>> {
        self.login.as_ref().map(|login| &login.role.arn.text)
    }
}
