//! When a key has to be rotated. Pure: nouns and rules in, verdicts out.
//!
//! What holds for a user, the strongest first: the tag for its maximum age, the first override
//! that matches, the maximum age for all. Tags count only where their keys are configured,
//! since otherwise whoever may tag a user could exempt it.

use std::time::Duration;

use wildmatch::WildMatch;

use crate::{
    config::{self, parse_date},
    inventory::{AccessKey, Account, Timestamp, User},
};

/// The rules that keys are held to.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    max_age: i64,
    max_age_tag: Option<String>,
    exempt_until_tag: Option<String>,
    overrides: Vec<(Scope, i64)>,
    exemptions: Vec<(Scope, Timestamp)>,
}

/// Some users of some accounts.
#[derive(Clone, Debug, PartialEq)]
struct Scope {
    account: WildMatch,
    user: WildMatch,
}

/// What the policy says of one user's keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict<'a> {
    max_age: i64,
    exempt_until: Option<Timestamp>,
    /// Keys of tags that the policy reads and whose values it does not understand.
    pub invalid_tags: Vec<&'a str>,
}

impl Policy {
    /// The policy of this configuration.
    #[must_use]
    pub fn new(config: &config::Config) -> Self {
        let limits = &config.policy;
        let overrides = config.overrides.iter().map(|entry| (Scope::of(&entry.whom), seconds(entry.max_age)));
        let exemptions = config.exemptions.iter().map(|entry| (Scope::of(&entry.whom), entry.until.at));
        Self {
            max_age: seconds(limits.max_age),
            max_age_tag: limits.max_age_tag.clone(),
            exempt_until_tag: limits.exempt_until_tag.clone(),
            overrides: overrides.collect(),
            exemptions: exemptions.collect(),
        }
    }

    /// What holds for this user's keys.
    #[must_use]
    pub fn of<'a>(&'a self, account: &str, user: &User) -> Verdict<'a> {
        let mut invalid_tags = Vec::new();
        let tagged_age = read_tag(self.max_age_tag.as_deref(), user, max_age, &mut invalid_tags);
        let tagged_until = read_tag(self.exempt_until_tag.as_deref(), user, parse_date, &mut invalid_tags);
        let overridden = self.overrides.iter().find(|(scope, _)| scope.has(account, user)).map(|(_, age)| *age);
        let exemptions = self.exemptions.iter().filter(|(scope, _)| scope.has(account, user)).map(|(_, until)| *until);
        Verdict {
            max_age: tagged_age.or(overridden).unwrap_or(self.max_age),
            exempt_until: exemptions.chain(tagged_until).max(),
            invalid_tags,
        }
    }

    /// Which of the configured exemptions, by their place, hold for this user.
    pub fn exemptions_of<'a>(&'a self, account: &'a str, user: &'a User) -> impl Iterator<Item = usize> + 'a {
        let all = self.exemptions.iter().enumerate();
        all.filter(|(_, (scope, _))| scope.has(account, user)).map(|(place, _)| place)
    }

    /// The moments at which the account's keys become overdue, earliest first.
    #[must_use]
    pub fn due_times(&self, account: &Account) -> Vec<Timestamp> {
        let users = account.users.iter().chain([&account.root]).filter(|user| !user.keys.is_empty());
        let mut times: Vec<_> = users
            .flat_map(|user| {
                let verdict = self.of(&account.id, user);
                user.keys.iter().filter_map(move |key| verdict.overdue_from(key))
            })
            .collect();
        times.sort_unstable();
        times
    }
}

impl Verdict<'_> {
    /// When an active key that was created then must be replaced, exempt or not.
    #[must_use]
    pub fn due(&self, created: Timestamp) -> Timestamp {
        created.saturating_add(self.max_age)
    }

    /// From when on a key created then is overdue while it is active: not before an exemption ends.
    #[must_use]
    pub fn overdue_after(&self, created: Timestamp) -> Timestamp {
        self.due(created).max(self.exempt_until.unwrap_or(Timestamp::MIN))
    }

    /// From when on this key is overdue; `None` for a key that AWS does not accept anyway.
    #[must_use]
    pub fn overdue_from(&self, key: &AccessKey) -> Option<Timestamp> {
        key.status.is_active().then(|| self.overdue_after(key.created))
    }

    /// Until when this user's keys are exempt, whether that is past or not.
    #[must_use]
    pub fn exempt_until(&self) -> Option<Timestamp> {
        self.exempt_until
    }
}

impl Scope {
    fn of(whom: &config::Whom) -> Self {
        Self { account: WildMatch::new(&whom.account), user: WildMatch::new(&whom.user) }
    }

    fn has(&self, account: &str, user: &User) -> bool {
        self.account.matches(account) && self.user.matches(&user.name)
    }
}

fn read_tag<'a, T>(
    key: Option<&'a str>,
    user: &User,
    parse: impl Fn(&str) -> Option<T>,
    invalid: &mut Vec<&'a str>,
) -> Option<T> {
    let value = user.tag(key?)?;
    let parsed = parse(value.trim());
    if parsed.is_none() {
        invalid.extend(key);
    }
    parsed
}

fn max_age(value: &str) -> Option<i64> {
    humantime::parse_duration(value).ok().filter(|age| !age.is_zero()).map(seconds)
}

/// Whole seconds.
pub(crate) fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// How many of these moments have come. A key is overdue in the very second it falls due.
#[must_use]
pub fn overdue(sorted_due_times: &[Timestamp], now: Timestamp) -> usize {
    sorted_due_times.partition_point(|due| *due <= now)
}

#[cfg(test)]
mod tests;
