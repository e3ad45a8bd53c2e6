//! The nouns: what an account holds, in the words of AWS.
//!
//! No I/O, no SDK, no Prometheus. Times are Unix seconds, because AWS gives nothing finer
//! and every reader of these values computes with seconds.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};

/// Seconds since 1970-01-01T00:00:00Z.
pub type Timestamp = i64;

/// `2027-01-31T00:00:00Z`; the number where no calendar has it.
#[must_use]
pub fn time(at: Timestamp) -> String {
    DateTime::from_timestamp(at, 0).map_or_else(|| at.to_string(), |at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// The user name under which the keys of an account's root user are shown.
/// AWS uses it in the credential report (User Guide, "Getting credential reports").
pub const ROOT_USER: &str = "<root_account>";

/// One AWS account, as far as it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Twelve digits.
    pub id: Arc<str>,
    /// `aws`, `aws-cn`, `aws-us-gov` …
    pub partition: Arc<str>,
    /// What people call it, where the configuration or the organization says so.
    #[serde(default)]
    pub name: Option<Arc<str>>,
    /// The account's alias, if it has one and it may be read.
    pub alias: Option<Arc<str>>,
    /// Every user that AWS listed, with or without keys, sorted by name.
    pub users: Vec<User>,
    /// The root user and the keys that the credential report tells of.
    pub root: User,
    /// When a credential report last told of the root user; nothing else tells its keys' ages.
    #[serde(default)]
    pub root_told_at: Option<Timestamp>,
    /// How many root keys AWS counts; `None` where that was never read.
    pub root_keys_present: Option<u32>,
    /// When AWS counted them: between reports a direct word, else the report's.
    #[serde(default)]
    pub root_counted_at: Option<Timestamp>,
    /// When every key that is due was last read directly.
    pub due_keys_at: Option<Timestamp>,
    /// When tags and quarantine of all users were last read; `None` until AWS told them.
    #[serde(default)]
    pub details_at: Option<Timestamp>,
    /// Where and when the list of users and keys was obtained.
    pub census: Census,
    /// What is still to be asked user by user; `None` where nothing is.
    #[serde(default)]
    pub backlog: Option<Backlog>,
}

/// What a census has to ask user by user, because AWS does not permit the cheap way.
/// It can be more than one poll has time for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backlog {
    /// The data time of the whole: nothing in it was read earlier.
    pub begun_at: Timestamp,
    /// Users whose keys are to be read.
    pub unread: VecDeque<Arc<str>>,
    /// Users of whom more than the keys is to be read, once all keys are.
    pub undescribed: VecDeque<Arc<str>>,
    /// Whether that is the last uses of their keys.
    pub has_last_uses: bool,
    /// Whether that is their tags and attached policies.
    pub details: Details,
}

/// How far the tags and attached policies of users are known to a census.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Details {
    /// Not at all yet.
    Unread,
    /// They were told of all users at once.
    Read,
    /// They have to be read user by user.
    UserByUser,
}

/// Where the list of users and keys came from, and when it was true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// How AWS was asked.
    pub source: CensusSource,
    /// When AWS said so; `None` until one census was complete.
    pub complete_at: Option<Timestamp>,
    /// Before this time asking again brings nothing new.
    pub next_at: Timestamp,
}

/// The two ways to learn who has keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CensusSource {
    /// The credential report, which AWS makes anew every four hours.
    CredentialReport,
    /// `ListUsers`, then `ListAccessKeys` for each user.
    Listing,
}

/// An IAM user and the access keys it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Unique within the account, up to 128 characters.
    pub name: Arc<str>,
    /// Begins and ends with `/`.
    pub path: Arc<str>,
    /// Tags, sorted by key.
    pub tags: Vec<Tag>,
    /// Whether AWS attached one of its policies for users whose key leaked.
    pub is_quarantined: bool,
    /// AWS's quota is two; more have been seen, so nothing here relies on it.
    pub keys: Vec<AccessKey>,
    /// When the keys were last read directly.
    pub read_at: Option<Timestamp>,
}

/// A tag of a user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tag {
    /// Up to 128 characters.
    pub key: Arc<str>,
    /// Up to 256 characters.
    pub value: Arc<str>,
}

/// An access key; the secret is never seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessKey {
    /// `AKIA…`; unique in all of AWS.
    pub id: Arc<str>,
    /// `CreateDate`; AWS never changes it.
    pub created: Timestamp,
    /// Whether AWS accepts requests signed with it.
    pub status: Status,
    /// What AWS knows of its last use.
    pub last_use: LastUse,
}

/// Whether AWS accepts requests signed with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// It does.
    Active,
    /// It does not; the key can be made active again.
    Inactive,
}

/// The last use of a key. Three states: not knowing is not the same as never.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LastUse {
    /// AWS recorded a use.
    Used(Use),
    /// AWS was asked and has no use on record (it keeps them since 2015-04-22).
    Never,
    /// AWS was not asked, or did not answer.
    Unknown,
}

/// One recorded use of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// When; of several uses within 15 minutes AWS records the first.
    pub at: Timestamp,
    /// Short service name such as `s3`; `N/A` where AWS has none.
    pub service: Arc<str>,
    /// Region such as `eu-central-1`; `N/A` where AWS has none.
    pub region: Arc<str>,
}

/// Texts of which many are the same, each kept once.
#[derive(Debug, Default)]
pub struct Texts(HashSet<Arc<str>>);

impl Account {
    /// An account of which nothing is known yet.
    #[must_use]
    pub fn new(id: &Arc<str>, partition: &Arc<str>) -> Self {
        Self {
            id: id.clone(),
            partition: partition.clone(),
            name: None,
            alias: None,
            users: Vec::new(),
            root: User::new(ROOT_USER.into(), "/".into()),
            root_told_at: None,
            root_keys_present: None,
            root_counted_at: None,
            due_keys_at: None,
            details_at: None,
            census: Census { source: CensusSource::CredentialReport, complete_at: None, next_at: 0 },
            backlog: None,
        }
    }

    /// Every key of every user and of the root user, with the user it belongs to.
    pub fn keys(&self) -> impl Iterator<Item = (&User, &AccessKey)> {
        self.users.iter().chain([&self.root]).flat_map(|user| user.keys.iter().map(move |key| (user, key)))
    }

    /// Whether a reading left something of the list of users and keys to the next.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        self.backlog.is_some() || self.census.complete_at.is_none()
    }

    /// Whether nothing was ever read of the account.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.users.is_empty() && self.census.complete_at.is_none()
    }

    /// The user with this name.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<&User> {
        self.place(name).ok().map(|place| &self.users[place])
    }

    /// The user with this name, to be changed.
    pub fn user_mut(&mut self, name: &str) -> Option<&mut User> {
        self.place(name).ok().map(|place| &mut self.users[place])
    }

    /// Takes out the user with this name.
    pub fn remove_user(&mut self, name: &str) {
        if let Ok(place) = self.place(name) {
            self.users.remove(place);
        }
    }

    /// Keeps one copy of texts that repeat (services, regions, tags, paths), and no spare room.
    pub fn compact(&mut self) {
        let mut texts = Texts::default();
        let mut share = |text: &mut Arc<str>| *text = texts.shared(text);
        self.users.shrink_to_fit();
        for user in &mut self.users {
            share(&mut user.path);
            user.tags.iter_mut().flat_map(|tag| [&mut tag.key, &mut tag.value]).for_each(&mut share);
            user.tags.shrink_to_fit();
            user.keys.shrink_to_fit();
            for key in &mut user.keys {
                if let LastUse::Used(last) = &mut key.last_use {
                    share(&mut last.service);
                    share(&mut last.region);
                }
            }
        }
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.users.binary_search_by(|user| (*user.name).cmp(name))
    }
}

impl Texts {
    /// The one copy of this text.
    pub fn one(&mut self, text: &str) -> Arc<str> {
        let known = self.0.get(text).cloned();
        known.unwrap_or_else(|| self.shared(&text.into()))
    }

    /// The same for what is shared with others already: it becomes the copy if there is none.
    pub fn shared(&mut self, text: &Arc<str>) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        self.0.insert(text.clone());
        text.clone()
    }
}

impl User {
    /// A user of which only name and path are known.
    #[must_use]
    pub fn new(name: Arc<str>, path: Arc<str>) -> Self {
        Self { name, path, tags: Vec::new(), is_quarantined: false, keys: Vec::new(), read_at: None }
    }

    /// The value of this tag. IAM does not let keys of tags differ in case alone, so case does not count
    /// (User Guide, "Rules for tagging in IAM and AWS STS").
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|tag| tag.key.eq_ignore_ascii_case(key)).map(|tag| &*tag.value)
    }
}

impl CensusSource {
    /// The word used in labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CredentialReport => "credential_report",
            Self::Listing => "listing",
        }
    }
}

impl Status {
    /// AWS's own word, used in labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Inactive => "Inactive",
        }
    }

    /// Whether AWS accepts requests signed with the key.
    #[must_use]
    pub fn is_active(self) -> bool {
        self == Self::Active
    }
}

impl LastUse {
    /// Since when a key that was created at this time has not been used; one never used since then.
    #[must_use]
    pub fn unused_since(&self, created: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Used(last) => Some(last.at),
            Self::Never => Some(created),
            Self::Unknown => None,
        }
    }

    /// Of two answers the one that knows more: a use that AWS recorded does not un-happen.
    #[must_use]
    pub fn or_later(self, read: Self) -> Self {
        match (self, read) {
            (Self::Used(known), Self::Used(read)) if known.at > read.at => Self::Used(known),
            (Self::Used(known), Self::Never | Self::Unknown) => Self::Used(known),
            (_, read) => read,
        }
    }

    /// The word used in labels.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Used(_) => "used",
            Self::Never => "never",
            Self::Unknown => "unknown",
        }
    }
}
