//! Which keys are meant, and which of them are on the page asked for.
//!
//! Everything is counted in one pass and nothing is sorted but what is shown: a hundred
//! thousand keys cost a request some milliseconds.

use std::{cmp::Reverse, sync::Arc};

use super::{
    judged::{Dates, Judged, State},
    query::{Query, Show},
};
use crate::{
    inventory::Timestamp,
    snapshot::{AccountState, Health},
};

/// Older than this, a list of keys is called old although no reading failed; as the alert has it.
const OLD_CENSUS: i64 = 24 * 3_600;

/// One account of the fleet.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: Arc<str>,
    pub(super) state: Arc<AccountState>,
    pub(super) judged: Option<Judged>,
}

/// How an account fares; the order is the order of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fare {
    Failing,
    NotYet,
    Old,
    Read,
}

/// Keys of one account or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) active: usize,
    pub(super) inactive: usize,
    pub(super) overdue: usize,
    pub(super) due_soon: usize,
    pub(super) exempt: usize,
    pub(super) quarantined: usize,
}

/// Where a key is found, ordered by what is due first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) state: State,
    pub(super) moment: Timestamp,
    pub(super) account: u32,
    pub(super) key: u32,
}

/// The moment of a request, and what configuration it is judged by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Light<'a> {
    pub(super) now: Timestamp,
    pub(super) warn_before: i64,
    /// Older than this, due keys are called old although no reading failed.
    pub(super) old_due_keys: i64,
    pub(super) owner_tag: Option<&'a str>,
}

/// All keys counted, and those that are meant.
#[derive(Debug)]
pub(super) struct Survey {
    /// Of each account, in the order of the fleet.
    pub(super) counts: Vec<Counts>,
    pub(super) meant: Vec<Place>,
}

impl Entry {
    pub(super) fn health(&self) -> Option<&Health> {
        self.state.health.as_ref()
    }

    /// How the account fares at a moment.
    pub(super) fn fare(&self, light: Light<'_>) -> Fare {
        let is_old = |at: Option<Timestamp>, limit| at.is_some_and(|at| light.now.saturating_sub(at) > limit);
        let account = self.state.account.as_deref();
        match (self.health(), account) {
            (Some(health), _) if !health.is_up => Fare::Failing,
            (None, _) => Fare::NotYet,
            (_, Some(account))
                if is_old(account.due_keys_at, light.old_due_keys)
                    || is_old(account.census.complete_at, OLD_CENSUS) =>
            {
                Fare::Old
            }
            _ => Fare::Read,
        }
    }

    /// What people call it.
    pub(super) fn name(&self) -> Option<&str> {
        let account = self.state.account.as_deref()?;
        account.name.as_deref().or(account.alias.as_deref())
    }

    /// Whether this is its id, name or alias.
    pub(super) fn is_called(&self, name: &str) -> bool {
        let account = self.state.account.as_deref();
        let names = account.into_iter().flat_map(|account| [&account.name, &account.alias]).flatten();
        names.chain([&self.id]).any(|known| same(known, name))
    }
}

impl Counts {
    fn add(&mut self, state: State, is_quarantined: bool) {
        match state {
            State::Overdue => self.overdue += 1,
            State::DueSoon => self.due_soon += 1,
            State::Exempt => self.exempt += 1,
            State::InTime => {}
            State::Inactive => self.inactive += 1,
        }
        self.active += usize::from(state != State::Inactive);
        self.quarantined += usize::from(is_quarantined);
    }

    pub(super) fn sum(all: &[Self]) -> Self {
        let over = |count: fn(&Self) -> usize| all.iter().map(count).sum();
        Self {
            active: over(|counts| counts.active),
            inactive: over(|counts| counts.inactive),
            overdue: over(|counts| counts.overdue),
            due_soon: over(|counts| counts.due_soon),
            exempt: over(|counts| counts.exempt),
            quarantined: over(|counts| counts.quarantined),
        }
    }
}

impl Survey {
    pub(super) fn new(entries: &[Entry], query: &Query, light: Light<'_>) -> Self {
        let mut survey = Self { counts: Vec::with_capacity(entries.len()), meant: Vec::new() };
        for (account, entry) in (0..).zip(entries) {
            let is_meant = query.account.is_empty() || entry.is_called(&query.account);
            let counts = entry.judged.as_ref().map(|judged| survey.take(account, judged, query, is_meant, light));
            survey.counts.push(counts.unwrap_or_default());
        }
        survey
    }

    fn take(&mut self, account: u32, judged: &Judged, query: &Query, is_meant: bool, light: Light<'_>) -> Counts {
        let mut counts = Counts::default();
        for (key, dates) in (0..).zip(&*judged.keys) {
            let (state, moment) = dates.at(light.now, light.warn_before);
            counts.add(state, judged.user(dates).is_quarantined);
            if is_meant && is_shown(judged, dates, state, query, light.owner_tag) {
                self.meant.push(Place { state, moment, account, key });
            }
        }
        counts
    }
}

fn is_shown(judged: &Judged, dates: &Dates, state: State, query: &Query, owner_tag: Option<&str>) -> bool {
    let owner = || owner_tag.and_then(|tag| judged.user(dates).tag(tag));
    let is_shown = match query.show {
        Show::All => true,
        Show::Overdue => state == State::Overdue,
        Show::DueSoon => state == State::DueSoon,
        Show::InTime => state == State::InTime,
        Show::Exempt => state == State::Exempt,
        Show::Inactive => state == State::Inactive,
        Show::Quarantined => judged.user(dates).is_quarantined,
        Show::Root => judged.is_root(dates),
        Show::Unowned => owner().is_none_or(str::is_empty),
    };
    is_shown && (query.owner.is_empty() || owner().is_some_and(|owner| same(owner, &query.owner)))
}

/// Whether two names are the same but for their case.
pub(super) fn same(one: &str, other: &str) -> bool {
    one == other || (one.len().abs_diff(other.len()) < 8 && one.to_lowercase() == other.to_lowercase())
}

/// The accounts that are meant, the worst first.
pub(super) fn accounts(entries: &[Entry], counts: &[Counts], query: &Query, light: Light<'_>) -> Vec<AccountPlace> {
    let all = entries.iter().zip(counts).enumerate();
    let meant = all.filter(|(_, (entry, _))| query.account.is_empty() || entry.is_called(&query.account));
    meant.map(|(place, (entry, counts))| (entry.fare(light), Reverse(counts.overdue), place)).collect()
}

/// How an account is ordered, and where it is found.
pub(super) type AccountPlace = (Fare, Reverse<usize>, usize);

/// So many of a list from this place on, as if it were sorted.
pub(super) fn sorted_part<T: Ord>(all: &mut [T], first: usize, size: usize) -> &[T] {
    if first >= all.len() {
        return &[];
    }
    if first > 0 {
        all.select_nth_unstable(first);
    }
    let rest = &mut all[first..];
    if size < rest.len() {
        rest.select_nth_unstable(size);
    }
    let end = size.min(rest.len());
    let part = &mut rest[..end];
    part.sort_unstable();
    part
}

/// A page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    /// From 1.
    pub(super) page: usize,
    pub(super) pages: usize,
    /// Where it begins in the list.
    pub(super) first: usize,
    /// Where it ends.
    pub(super) end: usize,
    pub(super) total: usize,
}

impl Leaf {
    /// The page asked for, or the nearest that there is.
    pub(super) fn new(asked: usize, total: usize, size: usize) -> Self {
        let pages = total.div_ceil(size).max(1);
        let page = asked.clamp(1, pages);
        let first = (page - 1) * size;
        Self { page, pages, first, end: (first + size).min(total), total }
    }
}
