//! The census of accounts that do not permit the report: every user, every user's keys,
//! every key's last use.
//!
//! One call per user and one per key, so it is spread over polls (`backlog`), and begun
//! again the more seldom the longer it took.

use std::{collections::HashMap, sync::Arc};

use super::{Outcome, Poll, census::REPORT_LIFETIME, wire};
use crate::inventory::{Account, Backlog, Census, CensusSource, Details, User};

/// A listing is followed by a rest this many times as long; the quota belongs to others as well.
const REST: i64 = 10;

/// Begins a listing unless one is under way. `None` where not even the users could be listed.
pub(super) async fn begin(poll: &Poll<'_>, account: &mut Account, outcome: &mut Outcome) -> Option<Census> {
    if !account.is_being_listed() {
        let listed = outcome.required(wire::list_users(poll.session).await)?;
        replace_users(account, listed);
        let names = || account.users.iter().map(|user| user.name.clone()).collect();
        let (unread, undescribed, begun_at) = (names(), names(), poll.started_at);
        account.backlog =
            Some(Backlog { begun_at, unread, undescribed, has_last_uses: true, details: Details::Unread });
    }
    let complete_at = account.backlog.as_ref().map(|backlog| backlog.begun_at);
    Some(Census { source: CensusSource::Listing, complete_at, next_at: poll.started_at })
}

/// The census of a listing that ends now, with the rest that follows.
pub(super) fn rested(poll: &Poll<'_>, census: Census) -> Census {
    let took = poll.now() - census.complete_at.unwrap_or(poll.started_at);
    Census { next_at: poll.now() + (took * REST).clamp(0, REPORT_LIFETIME), ..census }
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
