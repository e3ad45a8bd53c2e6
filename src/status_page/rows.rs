//! A key and an account in words.

use std::borrow::Cow;

use super::{
    StatusPage,
    judged::{State, is_idle},
    query::Query,
    survey::{Counts, Entry, Fare, Place},
    words::{Moment, grouped},
};
use crate::inventory::{Account, CensusSource, LastUse, Timestamp};

/// Where the runbooks are, as the alerts say.
macro_rules! runbook {
    ($alert:literal) => {
        concat!("https://github.com/iam-key-exporter/iam-key-exporter/blob/main/docs/runbooks/", $alert, ".md")
    };
}

pub(super) const RUNBOOKS: [(&str, &str); 8] = [
    ("Overdue", runbook!("AWSIAMAccessKeyOverdue")),
    ("Due soon", runbook!("AWSIAMAccessKeyDueSoon")),
    ("Exemption ends", runbook!("AWSIAMExemptionEndsSoon")),
    ("Unused", runbook!("AWSIAMAccessKeyUnused")),
    ("Quarantined", runbook!("AWSIAMUserQuarantined")),
    ("Root key", runbook!("AWSIAMRootAccessKeyPresent")),
    ("Account failing", runbook!("AWSIAMAccountCollectionFailing")),
    ("Data old", runbook!("AWSIAMAccountDataStale")),
];

pub(super) const FAILING: &str = RUNBOOKS[6].1;
pub(super) const OLD: &str = RUNBOOKS[7].1;

/// A short word that stands out by shape and text as well as by colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Badge {
    pub(super) tone: &'static str,
    pub(super) shape: &'static str,
    pub(super) label: &'static str,
    pub(super) runbook: Option<&'static str>,
}

/// The last use of a key in words.
#[derive(Debug)]
pub(super) enum Usage<'a> {
    Used { at: Moment, service: &'a str, region: &'a str },
    Never,
    Unknown,
}

/// A key.
#[derive(Debug)]
pub(super) struct KeyRow<'a> {
    /// The state first.
    pub(super) badges: Vec<Badge>,
    pub(super) tone: &'static str,
    pub(super) due: Option<Moment>,
    pub(super) user: &'a str,
    pub(super) path: Option<&'a str>,
    pub(super) id: Cow<'a, str>,
    pub(super) owner: Option<(&'a str, String)>,
    pub(super) tags: Vec<(&'a str, &'a str)>,
    pub(super) account: &'a str,
    pub(super) account_name: Option<&'a str>,
    /// Where what is shown may be no longer true.
    pub(super) trouble: Option<&'static str>,
    pub(super) created: Moment,
    pub(super) usage: Usage<'a>,
}

/// An account.
#[derive(Debug)]
pub(super) struct AccountRow<'a> {
    pub(super) id: &'a str,
    pub(super) href: String,
    pub(super) names: Vec<&'a str>,
    pub(super) badge: Badge,
    pub(super) census: Option<(Moment, &'static str)>,
    pub(super) due_keys: Option<Moment>,
    pub(super) tried: Option<Moment>,
    pub(super) errors: &'a [String],
    /// What is overdue, and all.
    pub(super) keys: Option<[String; 2]>,
    pub(super) root_keys: Option<u32>,
}

impl<'a> KeyRow<'a> {
    pub(super) fn new(page: &'a StatusPage, entry: &'a Entry, place: Place, now: Timestamp) -> Option<Self> {
        let judged = entry.judged.as_ref()?;
        let dates = judged.keys.get(place.key as usize)?;
        let (user, key) = (judged.user(dates), judged.key(dates));
        let mut tags = page.tags.iter().map(|tag| (tag.as_str(), user.tag(tag)));
        let owner = tags.next().and_then(|(_, owner)| owner).filter(|owner| !owner.is_empty());
        let mut badges = vec![state_badge(place.state)];
        badges.extend(user.is_quarantined.then_some(QUARANTINED));
        badges.extend(judged.is_root(dates).then_some(ROOT));
        badges.extend(is_idle(key, page.max_idle, now).then_some(UNUSED));
        let alarm = badges.iter().find(|badge| badge.tone == "critical").unwrap_or(&badges[0]);
        Some(Self {
            tone: alarm.tone,
            badges,
            due: due(place, now),
            user: &user.name,
            path: Some(&*user.path).filter(|path| *path != "/"),
            id: page.key_ids.of(user).swap_remove(dates.place()),
            owner: owner.map(|owner| (owner, Query::of_owner(owner).href())),
            tags: tags.filter_map(|(tag, value)| Some((tag, value?))).collect(),
            account: &entry.id,
            account_name: entry.name(),
            trouble: trouble(entry.fare(page.light(now))),
            created: Moment::age(key.created, now),
            usage: usage(&key.last_use, now),
        })
    }
}

impl<'a> AccountRow<'a> {
    pub(super) fn new(entry: &'a Entry, fare: Fare, counts: Counts, now: Timestamp) -> Self {
        let account = entry.state.account.as_deref();
        let ago = |at: Option<Timestamp>| at.map(|at| Moment::ago(at, now));
        let census = account.map(|account| account.census);
        let census = census.and_then(|census| Some((ago(census.complete_at)?, census_words(census.source))));
        let due_keys = account.and_then(|account| ago(account.due_keys_at));
        let names = account.into_iter().flat_map(|account| [account.name.as_deref(), account.alias.as_deref()]);
        let mut names: Vec<_> = names.flatten().collect();
        names.dedup();
        Self {
            id: &entry.id,
            href: Query::of_account(&entry.id).href(),
            names,
            badge: fare_badge(fare),
            census,
            due_keys,
            tried: entry.health().map(|health| Moment::ago(health.tried_at, now)),
            errors: entry.health().map(|health| &*health.errors).unwrap_or_default(),
            keys: account.and_then(|account| account_keys(account, counts)),
            root_keys: account.and_then(|account| account.root_keys_present),
        }
    }
}

const QUARANTINED: Badge = Badge { tone: "critical", shape: "✖", label: "Quarantined", runbook: Some(RUNBOOKS[4].1) };
const ROOT: Badge = Badge { tone: "critical", shape: "★", label: "Root key", runbook: Some(RUNBOOKS[5].1) };
const UNUSED: Badge = Badge { tone: "calm", shape: "◌", label: "Unused", runbook: Some(RUNBOOKS[3].1) };

fn state_badge(state: State) -> Badge {
    let (tone, shape, label, runbook) = match state {
        State::Overdue => ("critical", "▲", "Overdue", Some(RUNBOOKS[0].1)),
        State::DueSoon => ("warning", "◆", "Due soon", Some(RUNBOOKS[1].1)),
        State::InTime => ("good", "●", "In time", None),
        State::Exempt => ("exempt", "◇", "Exempt", Some(RUNBOOKS[2].1)),
        State::Inactive => ("calm", "○", "Inactive", None),
    };
    Badge { tone, shape, label, runbook }
}

fn fare_badge(fare: Fare) -> Badge {
    let (tone, shape, label, runbook) = match fare {
        Fare::Failing => ("critical", "✖", "Failing", Some(FAILING)),
        Fare::NotYet => ("warning", "…", "Not read yet", None),
        Fare::Old => ("warning", "◆", "Data is old", Some(OLD)),
        Fare::Read => ("good", "●", "Up", None),
    };
    Badge { tone, shape, label, runbook }
}

fn trouble(fare: Fare) -> Option<&'static str> {
    match fare {
        Fare::Failing => Some("failing: as last known"),
        Fare::NotYet => Some("not read yet: as last known"),
        Fare::Old => Some("data is old"),
        Fare::Read => None,
    }
}

fn due(place: Place, now: Timestamp) -> Option<Moment> {
    match place.state {
        State::Inactive => None,
        State::Exempt => Some(Moment::exempt(place.moment, now)),
        _ => Some(Moment::due(place.moment, now)),
    }
}

fn usage(last_use: &LastUse, now: Timestamp) -> Usage<'_> {
    match last_use {
        LastUse::Used(last) => {
            Usage::Used { at: Moment::ago(last.at, now), service: &last.service, region: &last.region }
        }
        LastUse::Never => Usage::Never,
        LastUse::Unknown => Usage::Unknown,
    }
}

/// Before a census was complete, what was found so far is not all.
fn account_keys(account: &Account, counts: Counts) -> Option<[String; 2]> {
    let is_whole = account.census.complete_at.is_some();
    let Counts { active, inactive, overdue, .. } = counts;
    let [active, inactive, overdue] = [active, inactive, overdue].map(|count| grouped(count as u64));
    let so_far = if is_whole { "" } else { " so far" };
    let told = [format!("{overdue} overdue{so_far}"), format!("{active} active, {inactive} inactive{so_far}")];
    (is_whole || counts.active + counts.inactive > 0).then_some(told)
}

fn census_words(source: CensusSource) -> &'static str {
    match source {
        CensusSource::CredentialReport => "by credential report",
        CensusSource::Listing => "by listing",
    }
}
