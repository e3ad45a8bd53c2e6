//! What is found of a key or a user: the daemon's policy and its alerts, judged once.

use super::{
    controls::{self, Control},
    report::Key,
    text,
};
use crate::{
    cli::{Benchmark, FailOn},
    config::PolicyLimits,
    inventory::{LastUse, ROOT_USER, Timestamp, User},
    policy::Verdict,
};

const RUNBOOKS: &str = "https://github.com/iam-key-exporter/iam-key-exporter/blob/main/docs/runbooks/";

/// What can be found, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An active key is past its rotation date.
    Overdue,
    /// The root user has a key.
    RootKey,
    /// AWS found a secret of the user in public.
    Quarantined,
    /// An active key will be past its date soon.
    DueSoon,
    /// A key is exempt, and soon will not be.
    ExemptionEndsSoon,
    /// A tag that the policy reads is not understood.
    InvalidTag,
    /// An active key was not used for long.
    Unused,
    /// An active key was never used since it was made long ago.
    NeverUsed,
    /// A user has more than one active key.
    TwoActiveKeys,
}

/// How grave a finding is, as the alerts have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Somebody must act now.
    Critical,
    /// Somebody must act soon.
    Warning,
    /// Somebody should look.
    Info,
}

/// One thing that is found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// In a few words, for a column beside those of age and last use.
    pub short: String,
    /// In a sentence.
    pub message: String,
    /// Controls that it breaks by their own limits.
    pub controls: Vec<Control>,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Overdue,
        Self::RootKey,
        Self::Quarantined,
        Self::DueSoon,
        Self::ExemptionEndsSoon,
        Self::InvalidTag,
        Self::Unused,
        Self::NeverUsed,
        Self::TwoActiveKeys,
    ];

    /// The word that programs know it by.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::RootKey => "root-key",
            Self::Quarantined => "quarantined",
            Self::DueSoon => "due-soon",
            Self::ExemptionEndsSoon => "exemption-ends-soon",
            Self::InvalidTag => "invalid-tag",
            Self::Unused => "unused",
            Self::NeverUsed => "never-used",
            Self::TwoActiveKeys => "two-active-keys",
        }
    }

    /// A fixed sentence.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Overdue => "An AWS access key is past its rotation date",
            Self::RootKey => "The root user of an AWS account has an access key",
            Self::Quarantined => "AWS found an access key in public and quarantined its user",
            Self::DueSoon => "An AWS access key must be rotated soon",
            Self::ExemptionEndsSoon => "The exemption of an AWS access key from rotation ends soon",
            Self::InvalidTag => "A tag that the rotation policy reads is not understood",
            Self::Unused => "An AWS access key has not been used for long",
            Self::NeverUsed => "An AWS access key was never used",
            Self::TwoActiveKeys => "An AWS user has more than one active access key",
        }
    }

    /// The alert of the daemon for the same thing, whose runbook says what to do.
    #[must_use]
    pub fn alert(self) -> &'static str {
        match self {
            Self::Overdue => "AWSIAMAccessKeyOverdue",
            Self::RootKey => "AWSIAMRootAccessKeyPresent",
            Self::Quarantined => "AWSIAMUserQuarantined",
            Self::DueSoon => "AWSIAMAccessKeyDueSoon",
            Self::ExemptionEndsSoon => "AWSIAMExemptionEndsSoon",
            Self::InvalidTag => "AWSIAMPolicyTagInvalid",
            Self::Unused | Self::NeverUsed => "AWSIAMAccessKeyUnused",
            Self::TwoActiveKeys => "AWSIAMUserHasTwoActiveKeys",
        }
    }

    /// Where the runbook is.
    #[must_use]
    pub fn runbook(self) -> String {
        format!("{RUNBOOKS}{}.md", self.alert())
    }

    /// How grave it is.
    #[must_use]
    pub fn level(self) -> Level {
        match self {
            Self::Overdue | Self::RootKey | Self::Quarantined => Level::Critical,
            Self::DueSoon | Self::ExemptionEndsSoon | Self::InvalidTag => Level::Warning,
            Self::Unused | Self::NeverUsed | Self::TwoActiveKeys => Level::Info,
        }
    }
}

impl Level {
    /// The word that the alerts have for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }

    /// Whether a check that fails on this fails on findings of this level.
    #[must_use]
    pub fn fails(self, fail_on: FailOn) -> bool {
        match fail_on {
            FailOn::Overdue => self == Self::Critical,
            FailOn::DueSoon => self <= Self::Warning,
            FailOn::Unused => true,
            FailOn::Never => false,
        }
    }
}

/// What keys are held to, and when.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    pub(super) now: Timestamp,
    pub(super) limits: PolicyLimits,
    /// Whose numbers are named; empty for all.
    pub(super) benchmarks: Vec<Benchmark>,
}

impl Judge {
    fn warn_before(&self) -> i64 {
        text::seconds(self.limits.warn_before)
    }

    fn finding(&self, kind: Kind, seconds: i64, short: impl Into<String>, message: String) -> Finding {
        let controls = controls::broken(kind, seconds, &self.benchmarks);
        Finding { kind, short: short.into(), message, controls }
    }

    /// What is found of one key of this user.
    pub(super) fn key(&self, user: &User, key: &Key) -> Vec<Finding> {
        let is_root = &*user.name == ROOT_USER;
        let root = is_root.then(|| self.root_key(1));
        let idle = if is_root { None } else { self.idle(key) };
        root.into_iter().chain(self.rotation(key)).chain(self.exemption(key)).chain(idle).collect()
    }

    /// The root user has so many keys.
    pub(super) fn root_key(&self, count: u32) -> Finding {
        let keys = if count == 1 { "an access key".to_owned() } else { format!("{count} access keys") };
        let message = format!("The root user has {keys}; no policy limits what such a key may do.");
        self.finding(Kind::RootKey, 0, "root key", message)
    }

    fn rotation(&self, key: &Key) -> Option<Finding> {
        let (due, age) = (key.due?, self.now - key.created);
        let (old, left) = (text::span(age), due - self.now);
        if left <= 0 {
            let message = format!("The key is {old} old and should have been replaced {} ago.", text::span(-left));
            return Some(self.finding(Kind::Overdue, age, "overdue", message));
        }
        let message = format!("The key is {old} old and must be replaced within {}.", text::span(left));
        (left <= self.warn_before()).then(|| self.finding(Kind::DueSoon, 0, "due soon", message))
    }

    fn exemption(&self, key: &Key) -> Option<Finding> {
        let left = key.exempt_until? - self.now;
        let message = format!("The key need not be rotated for another {}; then it must be.", text::span(left));
        (left <= self.warn_before()).then(|| self.finding(Kind::ExemptionEndsSoon, 0, "exemption ends", message))
    }

    /// A key that was never used counts from its creation; of one whose use is unknown nothing is said.
    fn idle(&self, key: &Key) -> Option<Finding> {
        let idle = self.now - key.last_use.unused_since(key.created)?;
        if !key.status.is_active() || idle < text::seconds(self.limits.max_idle) {
            return None;
        }
        let span = text::span(idle);
        let (kind, message) = match key.last_use {
            LastUse::Never => (Kind::NeverUsed, format!("The key was made {span} ago and never used.")),
            _ => (Kind::Unused, format!("The key was last used {span} ago.")),
        };
        Some(self.finding(kind, idle, "unused", message))
    }

    /// What is found of this user as a whole.
    pub(super) fn user(&self, user: &User, verdict: &Verdict<'_>) -> Vec<Finding> {
        let quarantined = user.is_quarantined && !user.keys.is_empty();
        let message = "AWS attached its compromised-key policy to the user: a secret of it was found in public.";
        let quarantined = quarantined.then(|| self.finding(Kind::Quarantined, 0, "quarantined", message.into()));
        let active = user.keys.iter().filter(|key| key.status.is_active()).count();
        let message = format!("The user has {active} active access keys.");
        let several = active > 1 && &*user.name != ROOT_USER;
        let several = several.then(|| self.finding(Kind::TwoActiveKeys, 0, format!("{active} active keys"), message));
        let invalid = verdict.invalid_tags.iter().map(|tag| {
            let value = text::shown(user.tag(tag).unwrap_or_default());
            let message = format!("The value {value:?} of the tag {tag:?} is not understood and counts as absent.");
            self.finding(Kind::InvalidTag, 0, "invalid tag", message)
        });
        quarantined.into_iter().chain(invalid).chain(several).collect()
    }
}
