//! What can only be asked user by user: a slice in every poll, so that a key that is due
//! never waits for it.

use std::{collections::VecDeque, pin::pin, sync::Arc};

use futures_util::StreamExt;

use super::{BATCH, Outcome, Poll, ask_each, census::Taken, identity, wire};
use crate::{
    aws::CallError,
    inventory::{Account, Backlog, Details, User},
};

/// Without it nothing is told of quarantine user by user.
const POLICIES: &str = "ListAttachedUserPolicies";

impl Account {
    /// Whether a listing is under way.
    pub(super) fn is_being_listed(&self) -> bool {
        self.backlog.as_ref().is_some_and(|backlog| backlog.has_last_uses)
    }
}

/// Tags and attached policies have to be asked for user by user.
pub(super) fn add_details(poll: &Poll<'_>, account: &mut Account) {
    let names = account.users.iter().map(|user| user.name.clone()).collect();
    let only_details = || Backlog {
        begun_at: poll.started_at,
        unread: VecDeque::new(),
        undescribed: names,
        has_last_uses: false,
        details: Details::UserByUser,
    };
    account.backlog.get_or_insert_with(only_details).details = Details::UserByUser;
}

/// Goes on for as long as the poll has time, by one batch at least.
pub(super) async fn proceed(
    poll: &Poll<'_>,
    account: &mut Account,
    publish: &(dyn Fn(&Account) + Send + Sync),
    outcome: &mut Outcome,
) {
    if queue(account, unread).is_some_and(|queue| !queue.is_empty()) {
        read(poll, account, outcome).await;
        publish(account);
    }
    if account.backlog.as_ref().is_some_and(|backlog| backlog.unread.is_empty()) {
        describe(poll, account, outcome).await;
    }
    let done = account.backlog.take_if(|backlog| backlog.unread.is_empty() && backlog.undescribed.is_empty());
    let is_described = |backlog: &Backlog| backlog.details == Details::UserByUser && !outcome.is_denied(POLICIES);
    account.details_at = done.filter(is_described).map(|backlog| backlog.begun_at).or(account.details_at);
}

type Queue = VecDeque<Arc<str>>;
type Which = fn(&mut Backlog) -> &mut Queue;

fn unread(backlog: &mut Backlog) -> &mut Queue {
    &mut backlog.unread
}

fn undescribed(backlog: &mut Backlog) -> &mut Queue {
    &mut backlog.undescribed
}

fn queue(account: &mut Account, which: Which) -> Option<&mut Queue> {
    account.backlog.as_mut().map(which)
}

/// The next users in the queue. They stay in it until they are done, since a poll can end at any time.
fn front(account: &mut Account, which: Which) -> Vec<Arc<str>> {
    queue(account, which).into_iter().flatten().take(BATCH).map(|name| name.clone()).collect()
}

/// Takes the users in front out of the queue; those that were not answered go to its end.
fn advance(account: &mut Account, which: Which, done: usize, failed: Vec<Arc<str>>) {
    if let Some(queue) = queue(account, which) {
        queue.drain(..done);
        queue.extend(failed);
    }
}

async fn read(poll: &Poll<'_>, account: &mut Account, outcome: &mut Outcome) {
    let mut tries = queue(account, unread).map_or(0, |queue| queue.len());
    while tries > 0 {
        let batch = front(account, unread);
        identity::read_keys(poll, account, batch.clone(), &Taken::default(), outcome).await;
        let is_open = |name: &&Arc<str>| account.user(name).is_some_and(|user| user.read_at != Some(poll.started_at));
        let failed = batch.iter().filter(is_open).cloned().collect();
        advance(account, unread, batch.len(), failed);
        tries = if poll.is_late() { 0 } else { tries - batch.len() };
    }
    // Every key has been heard of: from here on it is known which ones are due.
    if let Some(backlog) = account.backlog.as_ref().filter(|backlog| backlog.unread.is_empty()) {
        account.due_keys_at = account.due_keys_at.or(Some(backlog.begun_at));
    }
}

async fn describe(poll: &Poll<'_>, account: &mut Account, outcome: &mut Outcome) {
    let mut tries = queue(account, undescribed).map_or(0, |queue| queue.len());
    while tries > 0 {
        let batch = front(account, undescribed);
        let shortfalls_before = outcome.shortfalls.len();
        describe_batch(poll, account, &batch, outcome).await;
        let has_failed = outcome.shortfalls.len() > shortfalls_before;
        advance(account, undescribed, batch.len(), if has_failed { batch.clone() } else { Vec::new() });
        tries = if poll.is_late() { 0 } else { tries - batch.len() };
    }
}

async fn describe_batch(poll: &Poll<'_>, account: &mut Account, batch: &[Arc<str>], outcome: &mut Outcome) {
    let Some(Backlog { has_last_uses, details, .. }) = account.backlog else { return };
    let keyed: Vec<&User> =
        batch.iter().filter_map(|name| account.user(name)).filter(|user| !user.keys.is_empty()).collect();
    let names = keyed.iter().map(|user| user.name.clone()).collect();
    let keys = keyed.iter().flat_map(|user| user.keys.iter().map(|key| (user.name.clone(), key.id.clone()))).collect();
    if has_last_uses {
        identity::read_last_uses(poll, account, keys, outcome).await;
    }
    if details == Details::UserByUser {
        read_details(poll, account, names, outcome).await;
    }
}

async fn read_details(poll: &Poll<'_>, account: &mut Account, names: Vec<Arc<str>>, outcome: &mut Outcome) {
    let ask = |name: Arc<str>| async move {
        let tags = wire::user_tags(poll.session, &name).await;
        (tags, wire::attached_policies(poll.session, &name).await, name)
    };
    let mut answers = pin!(ask_each(names, ask));
    while let Some((tags, quarantined, name)) = answers.next().await {
        if tags.as_ref().is_err_and(CallError::is_no_such_entity) {
            continue;
        }
        let tags = outcome.optional(&["ListUserTags"], tags);
        let quarantined = outcome.optional(&[POLICIES], quarantined);
        if let Some(user) = account.user_mut(&name) {
            user.tags = tags.unwrap_or_else(|| std::mem::take(&mut user.tags));
            user.is_quarantined = quarantined.unwrap_or(user.is_quarantined);
        }
    }
}
