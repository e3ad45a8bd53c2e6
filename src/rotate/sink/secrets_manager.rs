//! A secret of Secrets Manager. The version of a key is named after it, so that it is made once
//! and found again: AWSPENDING when it is stored, AWSCURRENT when it is promoted.

use aws_sdk_secretsmanager::{
    Client,
    operation::{
        describe_secret::DescribeSecretOutput, get_secret_value::GetSecretValueOutput,
        put_secret_value::PutSecretValueOutput, update_secret_version_stage::UpdateSecretVersionStageOutput,
    },
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Held, NO_EARLIER, NOT_AS_STORED, SinkError, confirmed, is_of_others, names, still_handed_out};
use crate::{
    aws::{Attempt, CallError},
    rotate::{
        audit::Subject,
        iam::{Change, Line},
        secret::SecretKey,
    },
};

const PENDING: &str = "AWSPENDING";
const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// The longest name of a version (API reference, `ClientRequestToken`); the shortest has 32.
const LONGEST: usize = 64;

/// A secret, which must exist.
#[derive(Debug)]
pub(in crate::rotate) struct SecretsManager {
    line: Line,
    client: Client,
    name: String,
}

/// The secret's versions by stage.
struct Versions(Vec<(String, Vec<String>)>);

impl Versions {
    fn with(&self, stage: &str) -> Option<&str> {
        let found = self.0.iter().find(|(_, stages)| stages.iter().any(|other| other == stage));
        found.map(|(version, _)| version.as_str())
    }
}

impl SecretsManager {
    pub(in crate::rotate) fn new(line: Line, client: Client, name: String) -> Self {
        Self { line, client, name }
    }

    pub(super) async fn check(&self, old: &str) -> Result<bool, SinkError> {
        match self.versions().await {
            Ok(versions) => match versions.with(CURRENT) {
                Some(current) => Ok(self.value(current).await?.is_some_and(|value| is_of_others(&value, old))),
                None => Ok(false),
            },
            Err(SinkError::Call(error)) if is_missing(&error) => Err(SinkError::Unfit(format!(
                "there is no secret {0:?}: make it first, with the key and the tags that it should have: \
                 aws secretsmanager create-secret --name {0}",
                self.name
            ))),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn held(&self, id: &str) -> Result<Held, SinkError> {
        let Some(document) = self.value(&version(id)).await? else { return Ok(Held::No) };
        let Some(key) = SecretKey::read(&document, id) else { return Ok(Held::No) };
        let is_current = self.versions().await?.with(CURRENT) == Some(&version(id));
        Ok(if is_current { Held::Current(key) } else { Held::Stored(key) })
    }

    /// The same version twice is one version.
    pub(super) async fn store(&self, subject: &Subject<'_>, key: &SecretKey) -> Result<(), SinkError> {
        let document = key.document();
        let send = || {
            let request = self.client.put_secret_value().secret_id(&self.name).client_request_token(version(&key.id));
            request.secret_string(document.expose_secret()).version_stages(PENDING).send()
        };
        let change = self.change("PutSecretValue", &key.id);
        let read = |answer: PutSecretValueOutput| confirmed("PutSecretValue", &self.name, answer.version_id.is_some());
        Ok(self.line.change(subject, change, send, read).await?)
    }

    pub(super) async fn promote(&self, subject: &Subject<'_>, id: &str) -> Result<(), SinkError> {
        let versions = self.versions().await?;
        let new = version(id);
        if versions.with(CURRENT) != Some(&new) {
            self.move_stage(subject, id, CURRENT, versions.with(CURRENT), Some(&new)).await?;
        }
        self.end_pending(subject, id, &versions).await
    }

    pub(super) async fn can_restore(&self, id: &str) -> Result<(), SinkError> {
        self.can_go_back(id, &self.versions().await?).await
    }

    async fn can_go_back(&self, id: &str, versions: &Versions) -> Result<(), SinkError> {
        let current = versions.with(CURRENT);
        let is_new = current == Some(&version(id));
        let then = if is_new { versions.with(PREVIOUS) } else { current };
        match then {
            Some(then) if self.value(then).await?.is_some_and(|value| names(&value, id)) => {
                Err(still_handed_out(id, NOT_AS_STORED))
            }
            None if is_new => Err(still_handed_out(id, NO_EARLIER)),
            _ => Ok(()),
        }
    }

    pub(super) async fn restore(&self, subject: &Subject<'_>, id: &str) -> Result<String, SinkError> {
        let versions = self.versions().await?;
        self.can_go_back(id, &versions).await?;
        let new = version(id);
        self.end_pending(subject, id, &versions).await?;
        let name = &self.name;
        match (versions.with(CURRENT), versions.with(PREVIOUS)) {
            (Some(current), Some(previous)) if current == new => {
                self.move_stage(subject, id, CURRENT, Some(current), Some(previous)).await?;
                Ok(format!("the previous version of secret {name:?} is current again"))
            }
            _ => Ok(format!("the new key is not the current version of secret {name:?}: nothing to take back")),
        }
    }

    /// A version that stayed pending would look like a rotation by Secrets Manager itself.
    async fn end_pending(&self, subject: &Subject<'_>, id: &str, versions: &Versions) -> Result<(), SinkError> {
        let new = version(id);
        match versions.with(PENDING) {
            Some(pending) if pending == new => self.move_stage(subject, id, PENDING, Some(pending), None).await,
            _ => Ok(()),
        }
    }

    async fn move_stage(
        &self,
        subject: &Subject<'_>,
        id: &str,
        stage: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(), SinkError> {
        let request = self.client.update_secret_version_stage().secret_id(&self.name).version_stage(stage);
        let request = request.set_remove_from_version_id(from.map(str::to_owned));
        let request = request.set_move_to_version_id(to.map(str::to_owned));
        let change = Change { repeatable: false, ..self.change("UpdateSecretVersionStage", id) };
        let read = |answer: UpdateSecretVersionStageOutput| {
            confirmed("UpdateSecretVersionStage", &self.name, answer.name.is_some())
        };
        Ok(self.line.change(subject, change, || request.clone().send(), read).await?)
    }

    async fn versions(&self) -> Result<Versions, SinkError> {
        let request = self.client.describe_secret().secret_id(&self.name);
        let read = |answer: DescribeSecretOutput| stages(&self.name, answer);
        let call = self.line.session.call("DescribeSecret", &self.name, || request.clone().send(), read).await;
        let (versions, deleted) = call?;
        if deleted {
            let what = format!("secret {:?} is going to be deleted: restore it, or name another one", self.name);
            return Err(SinkError::Unfit(what));
        }
        Ok(versions)
    }

    async fn value(&self, version: &str) -> Result<Option<SecretString>, SinkError> {
        let request = self.client.get_secret_value().secret_id(&self.name).version_id(version);
        let read = |answer: GetSecretValueOutput| {
            confirmed("GetSecretValue", &self.name, answer.version_id.is_some())?;
            let binary = answer.secret_binary.map(|bytes| String::from_utf8_lossy(bytes.as_ref()).into_owned());
            Ok(answer.secret_string.or(binary).map(SecretString::from))
        };
        match self.line.session.call("GetSecretValue", &self.name, || request.clone().send(), read).await {
            Err(error) if is_missing(&error) => Ok(None),
            answer => Ok(answer?),
        }
    }

    fn change<'a>(&'a self, operation: &'static str, key: &'a str) -> Change<'a> {
        Change { operation, key, target: &self.name, repeatable: true }
    }
}

fn stages(name: &str, answer: DescribeSecretOutput) -> Attempt<(Versions, bool)> {
    if answer.name.is_none() {
        return Err(CallError::invalid("DescribeSecret", name, "an answer without Name"));
    }
    let versions = answer.version_ids_to_stages.unwrap_or_default();
    Ok((Versions(versions.into_iter().collect()), answer.deleted_date.is_some()))
}

/// The name of this key's version.
fn version(id: &str) -> String {
    let mut name = format!("iam-key-rotate-{id:-<17}");
    name.truncate(LONGEST);
    name
}

fn is_missing(error: &CallError) -> bool {
    error.code.as_deref() == Some("ResourceNotFoundException")
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn a_version_has_the_length_that_aws_allows() {
        for id in ["AKIA1", "AKIAIOSFODNN7EXAMPLE", &"A".repeat(128)] {
            assert!((32..=64).contains(&version(id).len()), "{}", version(id));
        }
        assert_eq!(version("AKIAIOSFODNN7EXAMPLE"), "iam-key-rotate-AKIAIOSFODNN7EXAMPLE");
    }
}
