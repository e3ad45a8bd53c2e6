//! The way back to the old key.

use super::{
    Decision::{self, Done, Go, Refuse},
    Seen, Step, is_announced,
};
use crate::{inventory::time, rotate::tags::Rotation, rotation::Stage};

/// Goes back to the old key. The old key is Active and current before the new one is Inactive.
pub(in crate::rotate) fn backout(seen: &Seen) -> Decision {
    let user = &seen.person.name;
    let Some(rotation) = &seen.rotation else {
        return Refuse(format!("no rotation of user {user:?} is under way: there is nothing to take back"));
    };
    let old = &rotation.old_key;
    if seen.key(old).is_none() {
        return Refuse(format!(
            "the old key {old} of user {user:?} is deleted, and AWS cannot bring it back: start a new rotation instead"
        ));
    }
    let new = seen.new_key(rotation).and_then(|id| seen.key(id));
    if rotation.stage == Stage::BackedOut {
        return Done(format!("the rotation was taken back {}", time(rotation.stage_at)));
    }
    if let Some(new) = new.filter(|new| seen.own_key.as_deref() == Some(&*new.id)) {
        return Refuse(format!(
            "{} is the key that this program itself signs with: go on with other credentials, the old key {old} for example",
            new.id
        ));
    }
    if rotation.new_key.is_none() && new.is_some_and(|new| !is_announced(rotation, new)) {
        return Refuse(format!(
            "user {user:?} has a second key that this rotation did not make: see whose it is, then remove the iam-key-rotate: tags of the user"
        ));
    }
    let noted = rotation.new_key.clone().or_else(|| new.map(|new| new.id.to_string()));
    let mut steps = vec![Step::Claim(Stage::BackingOut), Step::Activate(old.clone())];
    steps.extend(noted.is_some().then_some(Step::Restore));
    steps.extend(new.map(|new| Step::Withdraw(new.id.to_string())));
    steps.push(if new.is_some() { Step::Note(Stage::BackedOut) } else { Step::Forget });
    Go { steps, rotation: Rotation { new_key: noted, ..rotation.clone() } }
}
