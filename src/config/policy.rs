//! Whose keys are held to other rules than the rest.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, NaiveTime};

use super::{
    section::Section,
    value::{DATE, DURATION, NAME},
};

/// Users by pattern; `*` stands for any characters, `?` for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whom {
    /// Of account ids.
    pub account: String,
    /// Of user names.
    pub user: String,
}

/// Another maximum age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// For whom.
    pub whom: Whom,
    /// What they are held to.
    pub max_age: Duration,
}

/// Keys that need not be rotated for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exemption {
    /// Whose.
    pub whom: Whom,
    /// Every exemption ends.
    pub until: Until,
    /// For those who find it later.
    pub reason: String,
}

/// An end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Until {
    /// As written.
    pub text: String,
    /// Unix time; from this second on the exemption no longer holds.
    pub at: i64,
}

/// When a date is over: a day at its end in UTC, a moment at that moment. Unix time.
#[must_use]
pub fn parse_date(text: &str) -> Option<i64> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.timestamp());
    }
    let day: NaiveDate = text.parse().ok().filter(|_| text.len() == "2027-01-31".len())?;
    Some(day.checked_add_days(Days::new(1))?.and_time(NaiveTime::MIN).and_utc().timestamp())
}

fn whom(section: &mut Section<'_>) -> Whom {
    let mut whom = Whom { account: "*".into(), user: "*".into() };
    section.set("account", &NAME, &mut whom.account);
    section.set("user", &NAME, &mut whom.user);
    if section.place(&["account", "user"]).is_none() {
        section.refuse_whole("account and user are both missing: for whom is this?");
    }
    whom
}

pub(super) fn other_age(section: &mut Section<'_>) -> Option<Override> {
    let whom = whom(section);
    let mut max_age = None;
    section.set_some("max_age", &DURATION, &mut max_age);
    section.demand("max_age");
    Some(Override { whom, max_age: max_age? })
}

pub(super) fn exemption(section: &mut Section<'_>) -> Option<Exemption> {
    let whom = whom(section);
    let (mut until, mut reason) = (None, None);
    section.set_some("until", &DATE, &mut until);
    section.set_some("reason", &NAME, &mut reason);
    section.demand("until");
    section.demand("reason");
    Some(Exemption { whom, until: until?, reason: reason? })
}
