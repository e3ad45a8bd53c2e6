//! Which key id the report's nameless slots belong to.

use std::{pin::pin, sync::Arc};

use futures_util::StreamExt;

use super::{BATCH, Outcome, Poll, ask_each, census::Taken, report::Slot, wire};
use crate::{
    aws::{Attempt, CallError},
    inventory::{AccessKey, Account, LastUse},
};

/// Gives the keys the last uses of the slots they belong to. Returns the ids of keys
/// whose slot is not certain.
///
/// A slot is a key's if both were created in the same second and have the same status, and
/// no other key and slot could be meant. The slot's number means nothing: AWS reorders them.
pub(super) fn join(keys: &mut [AccessKey], slots: &[Slot]) -> Vec<Arc<str>> {
    let places: Vec<_> = keys.iter().map(|key| slot_of(key, keys, slots)).collect();
    let mut unjoined = Vec::new();
    for (key, slot) in keys.iter_mut().zip(places) {
        match slot {
            Some(slot) => key.last_use = key.last_use.clone().or_later(slot.last_use.clone()),
            None => unjoined.push(key.id.clone()),
        }
    }
    unjoined
}

fn slot_of<'a>(key: &AccessKey, keys: &[AccessKey], slots: &'a [Slot]) -> Option<&'a Slot> {
    let is_alone = keys.iter().filter(|k| (k.created, k.status) == (key.created, key.status)).count() == 1;
    let mut same = slots.iter().filter(|s| (s.created, s.status) == (key.created, key.status));
    match (is_alone, same.next(), same.next()) {
        (true, Some(slot), None) => Some(slot),
        _ => None,
    }
}

/// Asks for the keys of users that no direct read has told of yet, and for the last uses
/// that no slot could tell.
pub(super) async fn resolve(poll: &Poll<'_>, account: &mut Account, taken: &Taken, outcome: &mut Outcome) {
    let open = |name: &Arc<str>| account.user(name).is_some_and(|user| user.read_at != Some(poll.started_at));
    let names: Vec<_> = taken.unresolved.keys().filter(|name| open(name)).cloned().collect();
    let (all, mut asked) = (names.len(), 0);
    let while_there_is_time = names.into_iter().take_while(|_| {
        asked += 1;
        asked <= BATCH || !poll.is_late()
    });
    outcome.is_cut = read_keys(poll, account, while_there_is_time, taken, outcome).await < all;
    let is_new = |user: &Arc<str>| taken.unresolved.contains_key(user);
    let unknown: Vec<_> = account
        .users
        .iter()
        .filter(|user| is_new(&user.name) && user.read_at == Some(poll.started_at))
        .flat_map(|user| user.keys.iter().map(|key| (user.name.clone(), key)))
        .filter(|(_, key)| key.last_use == LastUse::Unknown)
        .map(|(user, key)| (user, key.id.clone()))
        .collect();
    read_last_uses(poll, account, unknown, outcome).await;
}

/// Reads the keys of these users directly. Returns how many were asked about.
pub(super) async fn read_keys(
    poll: &Poll<'_>,
    account: &mut Account,
    names: impl IntoIterator<Item = Arc<str>>,
    taken: &Taken,
    outcome: &mut Outcome,
) -> usize {
    let ask = |name: Arc<str>| async move { (wire::list_access_keys(poll.session, &name).await, name) };
    let mut answers = pin!(ask_each(names, ask));
    let mut asked = 0;
    while let Some((answer, name)) = answers.next().await {
        let slots = taken.unresolved.get(&name).map_or(&[][..], Vec::as_slice);
        settle(account, &name, answer, slots, poll, outcome);
        asked += 1;
    }
    asked
}

fn settle(
    account: &mut Account,
    name: &str,
    answer: Attempt<Vec<AccessKey>>,
    slots: &[Slot],
    poll: &Poll<'_>,
    outcome: &mut Outcome,
) {
    match answer {
        Ok(keys) => take_over(account, name, keys, slots, poll),
        Err(error) if error.is_no_such_entity() => account.remove_user(name),
        Err(error) => outcome.shortfalls.push(error),
    }
}

/// The keys read now replace those known; last uses are carried over.
fn take_over(account: &mut Account, name: &str, mut keys: Vec<AccessKey>, slots: &[Slot], poll: &Poll<'_>) {
    let Some(user) = account.user_mut(name) else { return };
    for key in &mut keys {
        if let Some(known) = user.keys.iter().find(|known| known.id == key.id) {
            key.last_use = known.last_use.clone();
        }
    }
    join(&mut keys, slots);
    user.keys = keys;
    user.read_at = Some(poll.started_at);
}

/// Reads the last uses of these keys directly.
pub(super) async fn read_last_uses(
    poll: &Poll<'_>,
    account: &mut Account,
    keys: Vec<(Arc<str>, Arc<str>)>,
    outcome: &mut Outcome,
) {
    let ask =
        |(user, id): (Arc<str>, Arc<str>)| async move { (wire::last_use(poll.session, &user, &id).await, user, id) };
    let mut answers = pin!(ask_each(keys, ask));
    while let Some((answer, user, id)) = answers.next().await {
        let is_gone = answer.as_ref().is_err_and(CallError::is_no_such_entity);
        let read = if is_gone { LastUse::Unknown } else { outcome.required(answer).unwrap_or(LastUse::Unknown) };
        let key = account.user_mut(&user).and_then(|user| user.keys.iter_mut().find(|key| key.id == id));
        if let Some(key) = key {
            key.last_use = key.last_use.clone().or_later(read);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Status, Timestamp, Use};

    fn key(id: &str, created: Timestamp, status: Status) -> AccessKey {
        AccessKey { id: id.into(), created, status, last_use: LastUse::Unknown }
    }

    fn slot(number: usize, created: Timestamp, status: Status, used: Timestamp) -> Slot {
        let last_use = LastUse::Used(Use { at: used, service: "s3".into(), region: "us-east-1".into() });
        Slot { number, created, status, last_use }
    }

    fn used_at(key: &AccessKey) -> Option<Timestamp> {
        if let LastUse::Used(last) = &key.last_use { Some(last.at) } else { None }
    }

    #[test]
    fn slots_are_joined_by_creation_and_status_and_not_by_their_order() {
        let mut keys = [key("A", 10, Status::Inactive), key("B", 20, Status::Active)];
        let slots = [slot(1, 20, Status::Active, 200), slot(2, 10, Status::Inactive, 100)];
        assert!(join(&mut keys, &slots).is_empty());
        assert_eq!(keys.each_ref().map(used_at), [Some(100), Some(200)]);
    }

    #[test]
    fn keys_created_in_the_same_second_are_told_apart_by_status() {
        let mut keys = [key("A", 10, Status::Active), key("B", 10, Status::Inactive)];
        let slots = [slot(1, 10, Status::Inactive, 100), slot(2, 10, Status::Active, 200)];
        assert!(join(&mut keys, &slots).is_empty());
        assert_eq!(keys.each_ref().map(used_at), [Some(200), Some(100)]);
    }

    #[test]
    fn keys_alike_in_both_are_left_to_a_direct_read() {
        let mut keys = [key("A", 10, Status::Active), key("B", 10, Status::Active)];
        let slots = [slot(1, 10, Status::Active, 100), slot(2, 10, Status::Active, 200)];
        assert_eq!(join(&mut keys, &slots), ["A".into(), "B".into()]);
        assert_eq!(keys.each_ref().map(used_at), [None, None]);
    }

    #[test]
    fn a_third_key_has_no_slot() {
        let mut keys = [key("A", 1, Status::Active), key("B", 2, Status::Active), key("C", 3, Status::Active)];
        let slots = [slot(1, 1, Status::Active, 9), slot(2, 2, Status::Active, 9)];
        assert_eq!(join(&mut keys, &slots), ["C".into()]);
    }
}
