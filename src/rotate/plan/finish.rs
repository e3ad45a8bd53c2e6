//! The end of the old key, or of a new one that was taken back.

use super::{
    Decision::{self, Done, Go, Refuse, Wait},
    Kept, Patience, Seen, Step, used,
};
use crate::{
    inventory::{AccessKey, Timestamp, time},
    rotate::tags::Rotation,
    rotation::Stage,
};

/// Makes the old key Inactive, or deletes what is Inactive for long.
pub(in crate::rotate) fn finish(seen: &Seen, patience: Patience) -> Decision {
    let user = &seen.person.name;
    let Some(rotation) = &seen.rotation else { return Done(format!("no rotation of user {user:?} is under way")) };
    if seen.is_over(rotation) {
        return Go { steps: vec![Step::Claim(rotation.stage), Step::Forget], rotation: rotation.clone() };
    }
    let Some(new) = &rotation.new_key else {
        return Refuse(format!(
            "the new key of user {user:?} is not promoted yet: go on with: start {user}, or: backout {user}"
        ));
    };
    let (stays, goes) = match rotation.stage {
        Stage::Promoted | Stage::Deactivated => (new, &rotation.old_key),
        Stage::BackedOut => (&rotation.old_key, new),
        Stage::BackingOut => return Refuse(format!("this rotation is being taken back: go on with: backout {user}")),
        _ => {
            return Refuse(format!(
                "the new key {new} is not promoted yet: go on with: start {user}, or: backout {user}"
            ));
        }
    };
    if !seen.key(stays).is_some_and(|key| key.status.is_active()) {
        return Refuse(format!(
            "key {stays} is to stay, and is not there or not Active: without {goes} user {user:?} would have none. See who changed it; backout {user} goes back to the old key"
        ));
    }
    if rotation.stage != Stage::BackedOut && matches!(seen.held, Kept::No | Kept::Stored) {
        return Refuse(format!(
            "the sink does not have key {new} as the current one any more: see who changed it, or: backout {user}"
        ));
    }
    if seen.own_key.as_deref() == Some(goes) {
        return Refuse(format!(
            "{goes} is the key that this program itself signs with: go on with other credentials, the new key {stays} for example"
        ));
    }
    match seen.key(goes) {
        Some(key) if key.status.is_active() => retire(user, rotation, key, seen.now, patience),
        Some(key) => clear_away(rotation, key, seen.now, patience),
        None => Go { steps: vec![Step::Claim(rotation.stage), Step::Forget], rotation: rotation.clone() },
    }
}

fn retire(user: &str, rotation: &Rotation, key: &AccessKey, now: Timestamp, patience: Patience) -> Decision {
    if rotation.stage == Stage::BackedOut {
        return Refuse(format!(
            "the rotation was taken back, and somebody made its new key {} Active again: make it Inactive first",
            key.id
        ));
    }
    if rotation.stage == Stage::Deactivated {
        return Refuse(format!(
            "the old key {} was made Inactive {}, and somebody made it Active again: whoever needs it is not on the new key yet. Go back with: backout {}; or make it Inactive again by hand",
            key.id,
            time(rotation.stage_at),
            user,
        ));
    }
    match since(rotation, key) {
        None => Refuse(format!("the last use of the old key {} is not known, so nothing is done to it", key.id)),
        Some(since) if now < since + patience.quiet => Wait(format!(
            "the old key {} is not quiet yet: {}, the new one took over {}; it may be made Inactive after {} without a use",
            key.id,
            used(&key.last_use),
            time(rotation.stage_at),
            time(since + patience.quiet)
        )),
        Some(_) => Go {
            steps: vec![Step::Claim(rotation.stage), Step::Retire(key.id.to_string()), Step::Note(Stage::Deactivated)],
            rotation: rotation.clone(),
        },
    }
}

/// Since when a key is quiet: its last use, and not before its consumers could know another.
fn since(rotation: &Rotation, key: &AccessKey) -> Option<Timestamp> {
    key.last_use.unused_since(key.created).map(|since| since.max(rotation.stage_at))
}

fn clear_away(rotation: &Rotation, key: &AccessKey, now: Timestamp, patience: Patience) -> Decision {
    if rotation.stage == Stage::Promoted {
        let steps = vec![Step::Claim(rotation.stage), Step::Note(Stage::Deactivated)];
        return Go { steps, rotation: rotation.clone() };
    }
    let Some(delete_after) = patience.delete_after else {
        return Done(format!(
            "key {} is Inactive since {}; --delete deletes it once it was quiet for long enough",
            key.id,
            time(rotation.stage_at)
        ));
    };
    match since(rotation, key) {
        None => Refuse(format!("the last use of key {} is not known, so it is not deleted", key.id)),
        Some(since) if now < since + delete_after => Wait(format!(
            "key {} is Inactive since {}, {}; it may be deleted after {}",
            key.id,
            time(rotation.stage_at),
            used(&key.last_use),
            time(since + delete_after)
        )),
        Some(_) => Go {
            steps: vec![Step::Claim(rotation.stage), Step::Delete(key.id.to_string()), Step::Forget],
            rotation: rotation.clone(),
        },
    }
}
