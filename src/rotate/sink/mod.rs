//! Where a new secret goes. Every sink keeps it in two steps: *stored*, durable but not in use,
//! and *promoted*, in the place from which its consumers take it. Both can be repeated.

mod command;
mod file;
mod name;
mod parameter;
mod secrets_manager;

pub(super) use command::Command;
pub(super) use file::File;
pub(super) use name::{SinkName, SinkSpec};
pub(super) use parameter::Parameter;
pub(super) use secrets_manager::SecretsManager;

use secrecy::{ExposeSecret as _, SecretString};

use super::{audit::Subject, secret::SecretKey};
use crate::aws::{Attempt, CallError};

/// A place for secrets.
#[derive(Debug)]
pub(super) enum Sink {
    SecretsManager(SecretsManager),
    Parameter(Parameter),
    File(File),
    Command(Command),
}

/// What a sink has of a key.
#[derive(Debug)]
pub(super) enum Held {
    /// Nothing: its secret is not there.
    No,
    /// It is stored.
    Stored(SecretKey),
    /// It is what consumers get.
    Current(SecretKey),
}

/// Why a sink does not do what it should.
#[derive(Debug, thiserror::Error)]
pub(super) enum SinkError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("{what} {path:?}")]
    File {
        what: &'static str,
        path: std::path::PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// It is not as it should be; nothing was changed.
    #[error("{0}")]
    Unfit(String),
}

/// An answer without content is read as one by the SDK; nothing is believed that says nothing.
fn confirmed(operation: &'static str, name: &str, is_confirmed: bool) -> Attempt<()> {
    if is_confirmed { Ok(()) } else { Err(CallError::invalid(operation, name, "an answer that confirms nothing")) }
}

/// A way back would leave consumers with a key that is then made Inactive.
fn still_handed_out(id: &str, why: &str) -> SinkError {
    SinkError::Unfit(format!(
        "the sink still hands out key {id} and {why}; give it the old key's secret, or use --skip-sink"
    ))
}

const NO_EARLIER: &str = "has no earlier value";
const NOT_AS_STORED: &str = "has it in a value that iam-key-rotate did not write";

/// Whether a value is about this key, in whatever form.
fn names(value: &SecretString, id: &str) -> bool {
    value.expose_secret().contains(id)
}

/// Whether a value is there, and is not about this key.
fn is_of_others(value: &SecretString, id: &str) -> bool {
    !value.expose_secret().trim().is_empty() && !names(value, id)
}

impl Sink {
    /// Whether a secret could be put there now, as far as can be told without writing; if so, whether
    /// that would replace a value that does not name the old key.
    pub(super) async fn check(&self, old: &str) -> Result<bool, SinkError> {
        match self {
            Self::SecretsManager(sink) => sink.check(old).await,
            Self::Parameter(sink) => sink.check(old).await,
            Self::File(sink) => sink.check().map(|()| false),
            Self::Command(_) => Ok(false),
        }
    }

    /// What it has of this key. An error is not a no.
    pub(super) async fn held(&self, subject: &Subject<'_>, id: &str) -> Result<Held, SinkError> {
        match self {
            Self::SecretsManager(sink) => sink.held(id).await,
            Self::Parameter(sink) => sink.held(id).await,
            Self::File(sink) => sink.held(id),
            Self::Command(sink) => sink.held(subject, id).await,
        }
    }

    /// Keeps the secret, durably, and hands it to nobody yet.
    pub(super) async fn store(&self, subject: &Subject<'_>, key: &SecretKey) -> Result<(), SinkError> {
        match self {
            Self::SecretsManager(sink) => sink.store(subject, key).await,
            Self::Parameter(sink) => sink.store(subject, key).await,
            Self::File(sink) => sink.store(subject, key),
            Self::Command(sink) => sink.store(subject, key).await,
        }
    }

    /// Makes the stored secret the current one.
    pub(super) async fn promote(&self, subject: &Subject<'_>, id: &str) -> Result<(), SinkError> {
        match self {
            Self::SecretsManager(sink) => sink.promote(subject, id).await,
            Self::Parameter(sink) => sink.promote(subject, id).await,
            Self::File(sink) => sink.promote(subject, id),
            Self::Command(sink) => sink.promote(subject, id).await,
        }
    }

    /// Refuses where it would hand out this key also after `restore`, as far as can be told without writing.
    pub(super) async fn can_restore(&self, new: &str) -> Result<(), SinkError> {
        match self {
            Self::SecretsManager(sink) => sink.can_restore(new).await,
            Self::Parameter(sink) => sink.can_restore(new).await,
            Self::File(sink) => sink.can_restore(new),
            Self::Command(_) => Ok(()),
        }
    }

    /// Makes what was current before this key current again, if it was promoted. Says what became of it;
    /// it is an error if the key is still handed out.
    pub(super) async fn restore(&self, subject: &Subject<'_>, new: &str, old: &str) -> Result<String, SinkError> {
        match self {
            Self::SecretsManager(sink) => sink.restore(subject, new).await,
            Self::Parameter(sink) => sink.restore(subject, new).await,
            Self::File(sink) => sink.restore(subject, new),
            Self::Command(sink) => sink.restore(subject, new, old).await,
        }
    }

    /// Takes away what an attempt at this key may have left behind; its secret is of no use any more.
    pub(super) fn forget(&self, id: &str) -> Result<(), SinkError> {
        match self {
            Self::File(sink) => sink.forget(id),
            _ => Ok(()),
        }
    }

    /// Whether the current secret stays there for as long as the key is in use. A file or what a
    /// command was given may have been carried on to somewhere else.
    pub(super) fn is_lasting(&self) -> bool {
        matches!(self, Self::SecretsManager(_) | Self::Parameter(_))
    }
}
