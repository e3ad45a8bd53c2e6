//! What the operator wants.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// The whole configuration, valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// From the start of one poll to the start of the next.
    pub poll_interval: Duration,
    /// The limits that keys are held to.
    pub policy: PolicyLimits,
    /// The limits that we keep to.
    pub limits: Limits,
    /// Where the last good data is kept.
    pub state_dir: Option<PathBuf>,
}

/// The limits that keys are held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyLimits {
    /// An active key must be replaced once it is this old.
    pub max_age: Duration,
    /// How long before that its owner is warned.
    pub warn_before: Duration,
    /// A key unused for this long should go.
    pub max_idle: Duration,
}

/// The limits that we keep to towards AWS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// To one account.
    pub requests_per_second: f64,
    /// For one request.
    pub attempt_timeout: Duration,
    /// For one poll of one account.
    pub poll_timeout: Duration,
}

const DAY: Duration = Duration::from_secs(86_400);

impl Default for Config {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(300),
            policy: PolicyLimits { max_age: 90 * DAY, warn_before: 14 * DAY, max_idle: 45 * DAY },
            limits: Limits {
                requests_per_second: 5.0,
                attempt_timeout: Duration::from_secs(10),
                poll_timeout: Duration::from_secs(3600),
            },
            state_dir: None,
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[error("reading configuration file {path:?}: files are not supported yet")]
pub struct ConfigError {
    path: PathBuf,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// Always, for now.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Err(ConfigError { path: path.to_owned() })
    }
}
