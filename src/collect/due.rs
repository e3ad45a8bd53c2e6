//! Users with a key that is due: read directly at every poll, so that a page is true when
//! it is raised and ends within one poll.

use std::{collections::BTreeSet, pin::pin, sync::Arc};

use futures_util::StreamExt;

use super::{Outcome, Poll, ask_each, census::Taken, identity, wire};
use crate::{
    aws::CallError,
    inventory::{Account, Status, Timestamp, User},
};

/// Confirms the keys of due users, then brings their tags and last uses up to date.
pub(super) async fn confirm(poll: &Poll<'_>, account: &mut Account, taken: &Taken, outcome: &mut Outcome) {
    let shortfalls_before = outcome.shortfalls.len();
    let names = due_users(poll, account, taken);
    identity::read_keys(poll, account, names.clone(), taken, outcome).await;
    if !taken.has_tags {
        read_tags(poll, account, &names, outcome).await;
    }
    let keys = active_keys(account, &names);
    identity::read_last_uses(poll, account, keys, outcome).await;
    // Before every key was heard of once, nobody knows which ones are due.
    let is_known = account.due_keys_at.is_some() || taken.is_report();
    if is_known && outcome.shortfalls.len() == shortfalls_before {
        account.due_keys_at = Some(poll.started_at);
    }
}

/// Users with an active key that leaked, is overdue, or will be before the next census is in.
fn due_users(poll: &Poll<'_>, account: &Account, taken: &Taken) -> Vec<Arc<str>> {
    let next_census = taken.census.map_or(account.census.next_at, |census| census.next_at);
    let horizon = next_census.max(poll.started_at) + 2 * poll.interval;
    // A key that leaked cannot wait for its turn.
    let is_due =
        |user: &User, created: Timestamp| user.is_quarantined || (poll.overdue_after)(user, created) <= horizon;
    let has_due_key = |user: &User| {
        let keys = user.keys.iter().map(|key| (key.created, key.status));
        let slots = taken.unresolved.get(&user.name).into_iter().flatten().map(|slot| (slot.created, slot.status));
        keys.chain(slots).any(|(created, status)| status == Status::Active && is_due(user, created))
    };
    account.users.iter().filter(|user| has_due_key(user)).map(|user| user.name.clone()).collect()
}

fn active_keys(account: &Account, names: &[Arc<str>]) -> Vec<(Arc<str>, Arc<str>)> {
    let names: BTreeSet<_> = names.iter().collect();
    let users = account.users.iter().filter(|user| names.contains(&user.name));
    users
        .flat_map(|user| user.keys.iter().map(move |key| (user, key)))
        .filter(|(_, key)| key.status.is_active())
        .map(|(user, key)| (user.name.clone(), key.id.clone()))
        .collect()
}

async fn read_tags(poll: &Poll<'_>, account: &mut Account, names: &[Arc<str>], outcome: &mut Outcome) {
    let ask = |name: Arc<str>| async move { (wire::user_tags(poll.session, &name).await, name) };
    let mut answers = pin!(ask_each(names.to_vec(), ask));
    while let Some((answer, name)) = answers.next().await {
        if answer.as_ref().is_err_and(CallError::is_no_such_entity) {
            continue;
        }
        if let (Some(tags), Some(user)) = (outcome.optional(&["ListUserTags"], answer), account.user_mut(&name)) {
            user.tags = tags;
        }
    }
}
