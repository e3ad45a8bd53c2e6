//! The census: who has keys, how old, when used, at a few calls for the whole account.
//!
//! The credential report tells it without key ids, the authorization details add tags and
//! attached policies. An account that does not permit the report is listed instead.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::time::sleep;

use super::{
    Outcome, Poll, backlog, identity, listing,
    report::{Row, Slot},
    wire::{self, ReportAnswer, UserDetail},
};
use crate::{
    aws::{Attempt, CallError},
    inventory::{AccessKey, Account, Census, CensusSource, Details, Timestamp, User},
};

/// AWS makes a report at most once in this time (API reference, `GenerateCredentialReport`).
pub(super) const REPORT_LIFETIME: i64 = 4 * 3600;

/// What the report needs.
const REPORT: [&str; 2] = ["GenerateCredentialReport", "GetCredentialReport"];

/// Pauses while AWS makes the report: live accounts took about 2 s; a minute is plenty for 5,000 users.
const REPORT_PAUSES: [u64; 8] = [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000];

/// A census that was begun in this poll; the default is none.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Users whose keys the report tells of and whose ids are not known yet.
    pub(super) unresolved: BTreeMap<Arc<str>, Vec<Slot>>,
    /// Tags were read in this poll.
    pub(super) has_tags: bool,
    /// Where it comes from and how long it holds; `None` where no census was had.
    pub(super) census: Option<Census>,
    shortfalls_before: usize,
}

/// Asks for whatever AWS has.
pub(super) async fn take(poll: &Poll<'_>, account: &mut Account, outcome: &mut Outcome) -> Taken {
    let mut taken = Taken { shortfalls_before: outcome.shortfalls.len(), ..Taken::default() };
    if let Some(answer) = outcome.optional(&REPORT, report(poll).await) {
        taken.census = Some(Census {
            source: CensusSource::CredentialReport,
            complete_at: Some(answer.generated_at),
            next_at: answer.generated_at + REPORT_LIFETIME,
        });
        // Details that are being asked for user by user go on.
        account.backlog = account.backlog.take().filter(|backlog| !backlog.has_last_uses);
        taken.unresolved = apply(account, answer);
    } else if REPORT.iter().any(|operation| outcome.is_denied(operation)) {
        taken.census = listing::begin(poll, account, outcome).await;
    }
    if account.backlog.as_ref().is_none_or(|backlog| backlog.details == Details::Unread) {
        taken.has_tags = describe(poll, account, outcome).await;
    }
    taken
}

impl Taken {
    /// Whether AWS told of every user's keys at once.
    pub(super) fn is_report(&self) -> bool {
        self.census.is_some_and(|census| census.source == CensusSource::CredentialReport)
    }

    /// The census is complete if nothing fell short since it was begun, and nobody is left to be asked about.
    pub(super) fn close(&self, poll: &Poll<'_>, account: &mut Account, outcome: &Outcome) {
        let Some(census) = self.census else { return };
        let is_whole = !outcome.is_cut && (self.is_report() || account.backlog.is_none());
        account.census = if is_whole && outcome.shortfalls.len() == self.shortfalls_before {
            if self.is_report() { census } else { listing::rested(poll, census) }
        } else {
            let Census { complete_at, next_at, .. } = account.census;
            Census { complete_at, next_at, ..census }
        };
    }
}

async fn report(poll: &Poll<'_>) -> Attempt<ReportAnswer> {
    for pause in REPORT_PAUSES {
        if wire::ask_for_report(poll.session).await?
            && let Some(answer) = wire::get_report(poll.session).await?
        {
            return Ok(answer);
        }
        sleep(Duration::from_millis(pause)).await;
    }
    Err(CallError::invalid("GenerateCredentialReport", "", "AWS is still making the report after a minute"))
}

/// Lays the report over what is known. Where a user was read directly after the report was
/// made, the direct word stands. Returns the users whose keys have to be asked for.
fn apply(account: &mut Account, answer: ReportAnswer) -> BTreeMap<Arc<str>, Vec<Slot>> {
    let ReportAnswer { report, generated_at } = answer;
    let mut known: HashMap<Arc<str>, User> = account.users.drain(..).map(|user| (user.name.clone(), user)).collect();
    let mut unresolved = BTreeMap::new();
    for row in report.rows {
        let (user, is_resolved) = merge(known.remove(&row.user), &row, generated_at);
        if !is_resolved {
            unresolved.insert(user.name.clone(), row.slots);
        }
        account.users.push(user);
    }
    // Not in the report: deleted, unless a direct read saw the user after the report was made.
    account.users.extend(known.into_values().filter(|user| is_newer(user, generated_at)));
    account.users.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(slots) = report.root {
        account.root.keys = slots.into_iter().map(root_key).collect();
        account.root_told_at = Some(generated_at);
        account.count_root_keys(u32::try_from(account.root.keys.len()).ok(), generated_at);
    }
    unresolved
}

fn merge(known: Option<User>, row: &Row, generated_at: Timestamp) -> (User, bool) {
    let mut user = known.unwrap_or_else(|| User::new(row.user.clone(), row.path.clone()));
    user.path = row.path.clone();
    let unjoined = identity::join(&mut user.keys, &row.slots);
    let is_resolved = unjoined.is_empty() && user.keys.len() == row.slots.len() && !row.has_more;
    let is_resolved = is_resolved || is_newer(&user, generated_at);
    (user, is_resolved)
}

fn is_newer(user: &User, generated_at: Timestamp) -> bool {
    user.read_at.is_some_and(|read_at| read_at > generated_at)
}

/// AWS gives root keys no id, so the slot stands for it.
fn root_key(slot: Slot) -> AccessKey {
    let Slot { number, created, status, last_use } = slot;
    AccessKey { id: format!("root-{number}").into(), created, status, last_use }
}

/// Alias, and tags and quarantine of all users at once. True if the tags were told.
async fn describe(poll: &Poll<'_>, account: &mut Account, outcome: &mut Outcome) -> bool {
    let alias = outcome.optional(&["ListAccountAliases"], wire::account_alias(poll.session).await);
    account.alias = alias.unwrap_or_else(|| account.alias.take());
    let details = outcome.optional(&["GetAccountAuthorizationDetails"], wire::user_details(poll.session).await);
    if details.is_none() && outcome.is_denied("GetAccountAuthorizationDetails") {
        backlog::add_details(poll, account);
    } else if let (true, Some(backlog)) = (details.is_some(), &mut account.backlog) {
        backlog.details = Details::Read;
    }
    let has_tags = details.is_some();
    account.details_at = if has_tags { Some(poll.now()) } else { account.details_at };
    details.into_iter().flatten().for_each(|detail| lay_over(account, detail));
    has_tags
}

fn lay_over(account: &mut Account, detail: UserDetail) {
    if let Some(user) = account.user_mut(&detail.name) {
        user.path = detail.path;
        user.tags = detail.tags;
        user.is_quarantined = detail.is_quarantined;
    }
}
