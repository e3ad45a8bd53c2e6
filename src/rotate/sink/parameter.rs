//! A `SecureString` of Systems Manager. A parameter has one current version and no stages, so the
//! secret is stored under a name beside it, and the version that it replaces gets a label.

use aws_sdk_ssm::{
    Client,
    operation::{
        describe_parameters::DescribeParametersOutput, get_parameter::GetParameterOutput,
        label_parameter_version::LabelParameterVersionOutput, put_parameter::PutParameterOutput,
    },
    types::{ParameterStringFilter, ParameterType},
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

/// Marks the version that was current before the rotation.
const BEFORE: &str = "iam-key-rotate-previous";

/// A parameter, which need not exist.
#[derive(Debug)]
pub(in crate::rotate) struct Parameter {
    line: Line,
    client: Client,
    name: String,
    stored: String,
}

/// A version of a parameter.
struct Version {
    number: i64,
    value: SecretString,
}

/// How a parameter is encrypted.
#[derive(Clone)]
struct Kept {
    kind: ParameterType,
    key: Option<String>,
}

impl Parameter {
    pub(in crate::rotate) fn new(line: Line, client: Client, name: String) -> Self {
        let stored = format!("{name}.pending");
        Self { line, client, name, stored }
    }

    /// What is there must be a secret already; it would not become one.
    pub(super) async fn check(&self, old: &str) -> Result<bool, SinkError> {
        match self.kept().await? {
            Some(kept) if kept.kind != ParameterType::SecureString => Err(SinkError::Unfit(format!(
                "parameter {:?} is a {}; allowed is a SecureString, or none yet",
                self.name, kept.kind
            ))),
            _ => Ok(self.read(&self.name).await?.is_some_and(|version| is_of_others(&version.value, old))),
        }
    }

    pub(super) async fn held(&self, id: &str) -> Result<Held, SinkError> {
        let key = |version: &Version| SecretKey::read(&version.value, id);
        if let Some(key) = self.read(&self.name).await?.as_ref().and_then(key) {
            return Ok(Held::Current(key));
        }
        Ok(self.read(&self.stored).await?.as_ref().and_then(key).map_or(Held::No, Held::Stored))
    }

    pub(super) async fn store(&self, subject: &Subject<'_>, key: &SecretKey) -> Result<(), SinkError> {
        let encryption = self.kept().await?.and_then(|kept| kept.key);
        self.write(subject, &key.id, &self.stored, &key.document(), encryption).await
    }

    pub(super) async fn promote(&self, subject: &Subject<'_>, id: &str) -> Result<(), SinkError> {
        let current = self.read(&self.name).await?;
        if !current.as_ref().is_some_and(|version| is_of(version, id)) {
            let Some(new) = self.read(&self.stored).await?.filter(|version| is_of(version, id)) else {
                return Err(SinkError::Unfit(format!("parameter {:?} does not hold key {id} any more", self.stored)));
            };
            if let Some(current) = current {
                self.label(subject, id, current.number).await?;
            }
            let encryption = self.kept().await?.and_then(|kept| kept.key);
            self.write(subject, id, &self.name, &new.value, encryption).await?;
        }
        self.remove_stored(subject, id).await
    }

    pub(super) async fn can_restore(&self, id: &str) -> Result<(), SinkError> {
        self.before(id).await.map(drop)
    }

    /// What there is to go back to; `None` where nothing is to be taken back.
    async fn before(&self, id: &str) -> Result<Option<Version>, SinkError> {
        let Some(current) = self.read(&self.name).await?.filter(|version| names(&version.value, id)) else {
            return Ok(None);
        };
        if !is_of(&current, id) {
            return Err(still_handed_out(id, NOT_AS_STORED));
        }
        let before = self.read(&format!("{}:{BEFORE}", self.name)).await?;
        let before = before.filter(|version| !names(&version.value, id));
        before.map(Some).ok_or_else(|| still_handed_out(id, NO_EARLIER))
    }

    pub(super) async fn restore(&self, subject: &Subject<'_>, id: &str) -> Result<String, SinkError> {
        let name = &self.name;
        let Some(before) = self.before(id).await? else {
            return Ok(format!("the new key is not the current value of parameter {name:?}: nothing to take back"));
        };
        let encryption = self.kept().await?.and_then(|kept| kept.key);
        self.write(subject, id, name, &before.value, encryption).await?;
        Ok(format!("version {} of parameter {name:?} is current again, as a new version", before.number))
    }

    async fn write(
        &self,
        subject: &Subject<'_>,
        id: &str,
        name: &str,
        value: &SecretString,
        encryption: Option<String>,
    ) -> Result<(), SinkError> {
        let send = || {
            let request = self.client.put_parameter().name(name).r#type(ParameterType::SecureString).overwrite(true);
            request.value(value.expose_secret()).set_key_id(encryption.clone()).send()
        };
        let change = Change { operation: "PutParameter", key: id, target: name, repeatable: true };
        let read = |answer: PutParameterOutput| confirmed("PutParameter", name, answer.version > 0);
        Ok(self.line.change(subject, change, send, read).await?)
    }

    async fn label(&self, subject: &Subject<'_>, id: &str, version: i64) -> Result<(), SinkError> {
        let request = self.client.label_parameter_version().name(&self.name).parameter_version(version).labels(BEFORE);
        let change = Change { operation: "LabelParameterVersion", key: id, target: &self.name, repeatable: true };
        let read = |answer: LabelParameterVersionOutput| {
            let is_labelled = answer.parameter_version == version && answer.invalid_labels().is_empty();
            confirmed("LabelParameterVersion", &self.name, is_labelled)
        };
        Ok(self.line.change(subject, change, || request.clone().send(), read).await?)
    }

    async fn remove_stored(&self, subject: &Subject<'_>, id: &str) -> Result<(), SinkError> {
        if !self.read(&self.stored).await?.is_some_and(|version| is_of(&version, id)) {
            return Ok(());
        }
        let request = self.client.delete_parameter().name(&self.stored);
        let change = Change { operation: "DeleteParameter", key: id, target: &self.stored, repeatable: true };
        match self.line.change(subject, change, || request.clone().send(), |_| Ok(())).await {
            Err(error) if is_missing(&error) => Ok(()),
            done => Ok(done?),
        }
    }

    async fn read(&self, name: &str) -> Result<Option<Version>, SinkError> {
        let request = self.client.get_parameter().name(name).with_decryption(true);
        let read = |answer: GetParameterOutput| version(name, answer);
        match self.line.session.call("GetParameter", name, || request.clone().send(), read).await {
            Err(error) if is_missing(&error) => Ok(None),
            answer => Ok(Some(answer?)),
        }
    }

    /// A new version takes the default key unless it is told the one that the parameter has.
    async fn kept(&self) -> Result<Option<Kept>, SinkError> {
        let filter = ParameterStringFilter::builder().key("Name").option("Equals").values(&self.name).build();
        let filter = filter.map_err(|error| CallError::unreadable("DescribeParameters", error))?;
        let request = self.client.describe_parameters().parameter_filters(filter);
        let read = |answer: DescribeParametersOutput| {
            confirmed("DescribeParameters", &self.name, answer.parameters.is_some())?;
            let found = answer.parameters.unwrap_or_default().into_iter();
            let mut found = found.filter(|found| found.name.as_deref() == Some(&*self.name));
            Ok(found
                .next()
                .map(|found| Kept { kind: found.r#type.unwrap_or(ParameterType::String), key: found.key_id }))
        };
        Ok(self.line.session.call("DescribeParameters", &self.name, || request.clone().send(), read).await?)
    }
}

fn version(name: &str, answer: GetParameterOutput) -> Attempt<Version> {
    let invalid = |what: &str| CallError::invalid("GetParameter", name, what);
    let parameter = answer.parameter.ok_or_else(|| invalid("an answer without Parameter"))?;
    let value = parameter.value.ok_or_else(|| invalid("a parameter without Value"))?;
    Ok(Version { number: parameter.version, value: value.into() })
}

fn is_of(version: &Version, id: &str) -> bool {
    SecretKey::read(&version.value, id).is_some()
}

fn is_missing(error: &CallError) -> bool {
    matches!(error.code.as_deref(), Some("ParameterNotFound" | "ParameterVersionNotFound"))
}
