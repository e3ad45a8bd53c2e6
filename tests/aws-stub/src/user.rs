//! What an account knows of one user.

use std::collections::BTreeMap;

/// An IAM user.
#[derive(Debug, Clone)]
pub struct User {
    /// The name, unique in the account.
    pub name: String,
    /// The path, `/` or `/teams/search/`.
    pub path: String,
    /// The unique id, `AIDA…`.
    pub user_id: String,
    /// When the user was created, in Unix seconds.
    pub created: i64,
    /// Tags; `ListUsers` does not show them.
    pub tags: BTreeMap<String, String>,
    /// Names of attached AWS managed policies.
    pub attached_policies: Vec<String>,
    /// Names of the groups that the user is in.
    pub groups: Vec<String>,
    /// Access keys, in order of creation.
    pub keys: Vec<Key>,
    /// The console password, if there is one.
    pub password: Option<Password>,
    /// Whether a multi-factor device is on.
    pub mfa_active: bool,
}

impl User {
    pub(crate) fn new(name: &str, user_id: String, created: i64) -> Self {
        Self {
            name: name.to_owned(),
            path: "/".to_owned(),
            user_id,
            created,
            tags: BTreeMap::new(),
            attached_policies: Vec::new(),
            groups: Vec::new(),
            keys: Vec::new(),
            password: None,
            mfa_active: false,
        }
    }

    /// Adds an active key, or finds the one with this id and leaves it as it is.
    pub fn key(&mut self, id: &str, created: i64) -> &mut Key {
        let place = self.keys.iter().position(|key| key.id == id).unwrap_or_else(|| {
            self.keys.push(Key::new(id, created));
            self.keys.len() - 1
        });
        &mut self.keys[place]
    }

    /// Forgets a key.
    pub fn remove_key(&mut self, id: &str) {
        self.keys.retain(|key| key.id != id);
    }

    /// Sets a tag.
    pub fn tag(&mut self, key: &str, value: &str) -> &mut Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn arn(&self, partition: &str, account: &str) -> String {
        format!("arn:{partition}:iam::{account}:user{}{}", self.path, self.name)
    }
}

/// An access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// `AKIA…`.
    pub id: String,
    /// Active or inactive.
    pub active: bool,
    /// When it was created, in Unix seconds.
    pub created: i64,
    /// Its last use, if it was ever used.
    pub last_used: Option<LastUsed>,
    /// The secret, where `CreateAccessKey` gave one.
    pub secret: Option<String>,
    /// Leaves `CreateDate` out of `ListAccessKeys`.
    pub omit_create_date: bool,
}

impl Key {
    /// An active key, never used.
    #[must_use]
    pub fn new(id: &str, created: i64) -> Self {
        Self { id: id.to_owned(), active: true, created, last_used: None, secret: None, omit_create_date: false }
    }

    /// Notes a use.
    pub fn used(&mut self, at: i64, service: &str, region: &str) -> &mut Self {
        self.last_used = Some(LastUsed { at, service: service.to_owned(), region: region.to_owned() });
        self
    }

    /// Makes the key inactive.
    pub fn deactivate(&mut self) -> &mut Self {
        self.active = false;
        self
    }

    pub(crate) fn status(&self) -> &'static str {
        if self.active { "Active" } else { "Inactive" }
    }
}

/// The last use of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUsed {
    /// When, in Unix seconds.
    pub at: i64,
    /// The service, such as `s3`.
    pub service: String,
    /// The region, such as `us-east-1`, or `N/A`.
    pub region: String,
}

/// A console password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Password {
    /// When it was set, in Unix seconds.
    pub changed: i64,
    /// Its last use, if it was ever used.
    pub last_used: Option<i64>,
}
