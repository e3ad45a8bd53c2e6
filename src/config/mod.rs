//! What the operator wants: as written → read over the defaults → valid.
//!
//! `document` turns text into nodes that know their place, `section` takes values out of
//! them and collects what is wrong, `value` knows what a value may be, `read` knows which
//! keys there are.

mod accounts;
mod document;
mod error;
mod labels;
mod opt_in;
mod policy;
mod read;
mod section;
mod value;
pub mod web;

use std::{fs, path::PathBuf, time::Duration};

use crate::key_ids::KeyIds;
use document::Node;

pub use accounts::{AccountFilter, ListedAccount, Organization, Role, RoleArn, Through, is_account_id};
pub use error::{ConfigError, Mistake};
pub use labels::Labels;
pub use opt_in::OptIn;
pub use policy::{Exemption, Override, Until, Whom, parse_date};
pub use value::tag_label;

/// The whole configuration, valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// From the start of one poll to the start of the next.
    pub poll_interval: Duration,
    /// The limits that keys are held to.
    pub policy: PolicyLimits,
    /// Other maximum ages for some users; the first that matches holds.
    pub overrides: Vec<Override>,
    /// Users whose keys need not be rotated for a while.
    pub exemptions: Vec<Exemption>,
    /// The limits that we keep to.
    pub limits: Limits,
    /// What the series of a key say.
    pub labels: Labels,
    /// Whether the account that the credentials belong to is read.
    pub own_account: bool,
    /// Accounts named in the file.
    pub accounts: Vec<ListedAccount>,
    /// The organization whose accounts are read.
    pub organization: Option<Organization>,
    /// Where the last good data is kept.
    pub state_dir: Option<PathBuf>,
}

/// The limits that keys are held to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyLimits {
    /// An active key must be replaced once it is this old.
    pub max_age: Duration,
    /// How long before that its owner is warned.
    pub warn_before: Duration,
    /// A key unused for this long should go.
    pub max_idle: Duration,
    /// The tag of a user that says the maximum age of its keys.
    pub max_age_tag: Option<String>,
    /// The tag of a user that says until when its keys need not be rotated.
    pub exempt_until_tag: Option<String>,
}

/// The limits that we keep to towards AWS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// To one account.
    pub requests_per_second: f64,
    /// Read at the same time.
    pub concurrent_accounts: usize,
    /// For one request.
    pub attempt_timeout: Duration,
    /// For one poll of one account.
    pub poll_timeout: Duration,
}

const DAY: Duration = Duration::from_hours(24);

impl Default for Config {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_mins(5),
            policy: PolicyLimits {
                max_age: 90 * DAY,
                warn_before: 14 * DAY,
                max_idle: 45 * DAY,
                max_age_tag: None,
                exempt_until_tag: None,
            },
            overrides: Vec::new(),
            exemptions: Vec::new(),
            limits: Limits {
                requests_per_second: 5.0,
                concurrent_accounts: 16,
                attempt_timeout: Duration::from_secs(10),
                poll_timeout: Duration::from_hours(1),
            },
            labels: Labels::default(),
            own_account: true,
            accounts: Vec::new(),
            organization: None,
            state_dir: None,
        }
    }
}

impl Config {
    /// Reads a file. Keys that it does not have keep their defaults.
    ///
    /// # Errors
    /// When the file cannot be read, and for all its mistakes at once.
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let path = path.into();
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map_err(|mistakes| ConfigError::Mistakes { path, mistakes }),
            Err(source) => Err(ConfigError::Unreadable { path, source }),
        }
    }

    /// The files beside the configuration's own whose contents count.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let KeyIds::Hash(key) = &self.labels.access_key_id else { return None.into_iter() };
        Some(&key.file).into_iter()
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// All its mistakes, in the order of the file.
    pub fn parse(text: &str) -> Result<Self, Vec<Mistake>> {
        parse_with(text, read::config)
    }
}

/// What `read` makes of a text, or all its mistakes in their order.
fn parse_with<T>(text: &str, read: impl FnOnce(&Node, &mut Vec<Mistake>) -> T) -> Result<T, Vec<Mistake>> {
    let document = document::parse(text).map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
    let config = read(&document, &mut mistakes);
    mistakes.sort_by_key(|mistake| mistake.place);
    if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
}
