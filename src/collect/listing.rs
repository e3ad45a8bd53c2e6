//! The census of accounts that do not permit a better one: every user, every user's keys,
//! every key's last use.
//!
//! One call per user and one per key, so it is repeated the more seldom the longer it takes.

use std::{collections::HashMap, sync::Arc};

use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use super::{
    Outcome, PARALLEL, Poll,
    census::{REPORT_LIFETIME, Taken},
    identity, wire,
};
use crate::{
    aws::CallError,
    inventory::{Account, Census, CensusSource, User},
};

/// A listing may take this share of the time; the rest of the quota belongs to others.
const REST: u64 = 10;

/// Reads the whole account. `None` where not even the users could be listed.
pub(super) async fn take(poll: &Poll<'_>, account: &mut Account, outcome: &mut Outcome) -> Option<Census> {
    let begun = Instant::now();
    let listed = outcome.required(wire::list_users(poll.session).await)?;
    replace_users(account, listed);
    let names: Vec<_> = account.users.iter().map(|user| user.name.clone()).collect();
    identity::read_keys(poll, account, &names, &Taken::default(), outcome).await;
    let keys = account.users.iter().flat_map(|user| user.keys.iter().map(|key| (user.name.clone(), key.id.clone())));
    let keys = keys.collect();
    identity::read_last_uses(poll, account, keys, outcome).await;
    let pause = i64::try_from(begun.elapsed().as_secs() * REST).unwrap_or(REPORT_LIFETIME).min(REPORT_LIFETIME);
    let next_at = poll.started_at + pause;
    Some(Census { source: CensusSource::Listing, complete_at: Some(poll.started_at), next_at })
}

/// Reads tags and quarantine user by user. True if tags could be read.
pub(super) async fn describe(poll: &Poll<'_>, account: &mut Account, taken: &Taken, outcome: &mut Outcome) -> bool {
    let has_keys = |user: &&User| !user.keys.is_empty() || taken.unresolved.contains_key(&user.name);
    let keyed = account.users.iter().filter(has_keys);
    let ask = |name: Arc<str>| async move {
        let tags = wire::user_tags(poll.session, &name).await;
        (tags, wire::attached_policies(poll.session, &name).await, name)
    };
    let questions: Vec<_> = keyed.map(|user| ask(user.name.clone())).collect();
    let mut answers = stream::iter(questions).buffer_unordered(PARALLEL);
    while let Some((tags, quarantined, name)) = answers.next().await {
        if tags.as_ref().is_err_and(CallError::is_no_such_entity) {
            continue;
        }
        let tags = outcome.optional(&["ListUserTags"], tags);
        let quarantined = outcome.optional(&["ListAttachedUserPolicies"], quarantined);
        if let Some(user) = account.user_mut(&name) {
            user.tags = tags.unwrap_or_else(|| std::mem::take(&mut user.tags));
            user.is_quarantined = quarantined.unwrap_or(user.is_quarantined);
        }
    }
    !outcome.is_denied("ListUserTags")
}

/// The users listed now replace those known; what is known of their keys is carried over.
fn replace_users(account: &mut Account, listed: Vec<User>) {
    let mut known: HashMap<Arc<str>, User> = account.users.drain(..).map(|user| (user.name.clone(), user)).collect();
    account.users = listed
        .into_iter()
        .map(|user| match known.remove(&user.name) {
            Some(known) => User { path: user.path, ..known },
            None => user,
        })
        .collect();
}
