//! What is not known: a check never says that nothing is there because nobody looked.

use std::{collections::BTreeSet, sync::Arc};

use super::{Gathered, report::AccountLine, text};
use crate::{
    config::Config,
    inventory::{Account, LastUse},
    snapshot::UNKNOWN_ACCOUNT,
};

const DETAILS: &str = "GetAccountAuthorizationDetails";
const TAGS: &str = "ListUserTags";

/// Something that is not known.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap {
    /// Of which account; none where it is not even known which ones there are.
    pub account: Option<Arc<str>>,
    /// What is not known.
    pub what: String,
    /// Why.
    pub why: String,
}

/// All gaps, those of no account in particular first.
pub(super) fn find(config: &Config, gathered: &Gathered, accounts: &[AccountLine]) -> Vec<Gap> {
    let of_accounts = accounts.iter().flat_map(|line| account_gaps(config, gathered, line));
    roster_gaps(gathered).into_iter().chain(of_accounts).collect()
}

fn account_gaps(config: &Config, gathered: &Gathered, line: &AccountLine) -> Vec<Gap> {
    let gap = |what: &str, why: String| Gap { account: Some(line.id.clone()), what: what.into(), why };
    let missed = shortfalls(line, gathered);
    let Some(account) = line.known.as_deref() else {
        return missed.into_iter().map(|why| gap("the whole account", why)).collect();
    };
    let none = BTreeSet::new();
    let denied = gathered.denied.get(&line.id).unwrap_or(&none);
    let unfinished = unfinished(account).filter(|_| missed.is_empty());
    let part = missed.into_iter().chain(unfinished).map(|why| gap("part of the account", why));
    let root = root(account).map(|why| gap("the keys of the root user", why));
    let details = details(config, denied).into_iter().map(|(what, why)| gap(what, why));
    let uses = unknown_uses(account).map(|what| gap(&what, "AWS did not tell".into()));
    part.chain(root).chain(details).chain(uses).collect()
}

fn roster_gaps(gathered: &Gathered) -> Vec<Gap> {
    let gap = |what: &str, why: String| Gap { account: None, what: what.into(), why };
    let failures = gathered.failures.iter().map(|why| gap("whose credentials these are", why.clone()));
    let unlisted = gathered.unlisted.iter().map(|why| gap("the accounts of the organization", why.clone()));
    let mut gaps: Vec<Gap> = failures.chain(unlisted).collect();
    if gaps.is_empty() && gathered.is_whole_roster_empty {
        let why = "the configuration names no account that can be read, and nothing read is nothing known";
        gaps.push(gap("any account", why.into()));
    }
    gaps
}

/// What the reading itself missed, each once.
fn shortfalls(line: &AccountLine, gathered: &Gathered) -> BTreeSet<String> {
    let state = gathered.fleet.accounts.get(&line.id);
    match state.and_then(|state| state.health.as_ref()) {
        None => BTreeSet::from(["the account was not read".into()]),
        Some(health) if health.is_up => BTreeSet::new(),
        Some(health) if health.errors.is_empty() => BTreeSet::from(["the reading failed".into()]),
        Some(health) => health.errors.iter().cloned().collect(),
    }
}

fn unfinished(account: &Account) -> Option<String> {
    let is_unfinished = account.is_unfinished() || account.due_keys_at.is_none();
    is_unfinished.then(|| "the list of users and keys was not read to its end".into())
}

/// Root keys are told of by the report, and counted by the account's summary: none counted is none there.
fn root(account: &Account) -> Option<String> {
    match (account.root_told_at, account.root_keys_present) {
        (Some(_), _) | (None, Some(0)) => None,
        (None, Some(_)) => Some("AWS counts some, and only the credential report tells how old they are".into()),
        (None, None) => {
            Some("the credential report has no row for it, and iam:GetAccountSummary does not count them".into())
        }
    }
}

/// What is told of all users at once or of each, and where neither is permitted not at all.
fn details(config: &Config, denied: &BTreeSet<&'static str>) -> Option<(&'static str, String)> {
    let is_unknown = |operation: &str| denied.contains(DETAILS) && denied.contains(operation);
    let why = |operation: &str| format!("neither iam:{DETAILS} nor iam:{operation} is permitted");
    let reads_tags = config.policy.max_age_tag.is_some() || config.policy.exempt_until_tag.is_some();
    (reads_tags && is_unknown(TAGS)).then(|| ("the tags that the policy reads", why(TAGS)))
}

/// The root user's keys have to go, used or not.
fn unknown_uses(account: &Account) -> Option<String> {
    let keys = account.users.iter().flat_map(|user| &user.keys);
    let unknown = keys.filter(|key| key.status.is_active() && key.last_use == LastUse::Unknown).count();
    (unknown > 0).then(|| format!("the last use of {}", text::count(unknown, "active key")))
}

impl Gap {
    /// The account's id, or the word for none.
    #[must_use]
    pub fn account_id(&self) -> &str {
        self.account.as_deref().unwrap_or(UNKNOWN_ACCOUNT)
    }
}
