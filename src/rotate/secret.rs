//! A secret key: wiped when dropped, shown by nothing.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

/// An access key with its secret.
#[derive(Clone, Debug)]
pub(super) struct SecretKey {
    /// `AKIA…`
    pub(super) id: String,
    pub(super) secret: SecretString,
}

/// How sinks keep it: what the AWS tools read from a `credential_process`.
#[derive(Serialize, Deserialize)]
struct Document<'a> {
    #[serde(rename = "Version")]
    version: u8,
    #[serde(rename = "AccessKeyId")]
    id: &'a str,
    #[serde(rename = "SecretAccessKey")]
    secret: &'a str,
}

impl SecretKey {
    pub(super) fn new(id: String, secret: String) -> Self {
        Self { id, secret: secret.into() }
    }

    /// The document that sinks keep.
    pub(super) fn document(&self) -> SecretString {
        let document = Document { version: 1, id: &self.id, secret: self.secret.expose_secret() };
        serde_json::to_string(&document).expect("two texts are always JSON").into()
    }

    /// Whether a sink's document is of this key; anything else may be in a sink as well.
    pub(super) fn read(document: &SecretString, id: &str) -> Option<Self> {
        let document: Document<'_> = serde_json::from_str(document.expose_secret()).ok()?;
        (document.id == id).then(|| Self::new(document.id.to_owned(), document.secret.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_for_its_own_key_alone() {
        let key = SecretKey::new("AKIA1".into(), "s3cr/et+".into());
        let read = SecretKey::read(&key.document(), "AKIA1").unwrap();
        assert_eq!(read.secret.expose_secret(), "s3cr/et+");
        assert!(SecretKey::read(&key.document(), "AKIA2").is_none());
        assert!(SecretKey::read(&"not json".to_owned().into(), "AKIA1").is_none());
    }

    #[test]
    fn no_secret_is_shown_by_debug() {
        let key = SecretKey::new("AKIA1".into(), "s3cr/et+".into());
        assert!(!format!("{key:?} {:?}", key.document()).contains("s3cr"));
    }
}
