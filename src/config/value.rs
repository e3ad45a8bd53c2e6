//! What a value may be.

use std::{path::PathBuf, time::Duration};

/// How a scalar is understood, and how that is said to people.
pub(super) struct Kind<T> {
    pub(super) allowed: &'static str,
    pub(super) parse: fn(&str) -> Option<T>,
}

pub(super) const DURATION: Kind<Duration> = Kind {
    allowed: "a duration above zero with its unit, such as 90d, 12h, 5m or 30s",
    parse: |text| humantime::parse_duration(text).ok().filter(|duration| !duration.is_zero()),
};

pub(super) const RATE: Kind<f64> = Kind {
    allowed: "a number from 0.1 to 10000",
    parse: |text| text.parse().ok().filter(|rate| (0.1..=10_000.0).contains(rate)),
};

pub(super) const FOLDER: Kind<PathBuf> =
    Kind { allowed: "an absolute path", parse: |text| Some(PathBuf::from(text)).filter(|path| path.is_absolute()) };

/// User Guide, "Rules for tagging in IAM and AWS STS": 1 to 128 characters.
pub(super) const TAG_KEY: Kind<String> = Kind {
    allowed: "the key of a tag, 1 to 128 characters",
    parse: |text| Some(text.to_owned()).filter(|key| (1..=128).contains(&key.chars().count())),
};

/// The label under which a tag of a user is shown: what Prometheus does not allow in the
/// name of a label becomes `_`.
#[must_use]
pub fn tag_label(key: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    format!("tag_{}", key.chars().map(allowed).collect::<String>())
}
