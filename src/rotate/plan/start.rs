//! A second key, or what is left to do for one.

use super::{
    Decision::{self, Done, Go, Refuse, Wait},
    Kept, Patience, Seen, Step, is_announced, two_keys, used,
};
use crate::{
    inventory::{AccessKey, LastUse, time},
    rotate::tags::Rotation,
    rotation::Stage,
};

/// Makes a second key, or goes on where an earlier run stopped.
pub(in crate::rotate) fn start(seen: &Seen, fresh: &Rotation, patience: Patience) -> Decision {
    let Some(rotation) = seen.rotation.as_ref().filter(|rotation| !seen.is_over(rotation)) else {
        return begin(seen, fresh);
    };
    match rotation.stage {
        Stage::Creating => go_on_creating(seen, rotation, fresh, patience),
        Stage::Verifying => go_on_verifying(seen, rotation),
        Stage::Promoted => Done(format!(
            "key {} has replaced {} since {}; when the old key is quiet, go on with: finish {}",
            rotation.new_key.as_deref().unwrap_or("?"),
            rotation.old_key,
            time(rotation.stage_at),
            seen.person.name
        )),
        Stage::Deactivated => Refuse(format!(
            "the rotation before this one is not over: its old key {} is Inactive and still there. Delete it with: finish {} --delete",
            rotation.old_key, seen.person.name
        )),
        Stage::BackingOut => {
            Refuse(format!("this rotation is being taken back: go on with: backout {}", seen.person.name))
        }
        Stage::BackedOut => Refuse(format!(
            "the rotation of {} was taken back, and its new key {} is Inactive and still there. Delete it with: finish {} --delete",
            time(rotation.started_at),
            rotation.new_key.as_deref().unwrap_or("?"),
            seen.person.name
        )),
    }
}

fn begin(seen: &Seen, fresh: &Rotation) -> Decision {
    match &seen.keys[..] {
        [key] if key.status.is_active() => {
            let rotation = Rotation { old_key: key.id.to_string(), ..fresh.clone() };
            Go { steps: with_new_key(vec![Step::Begin]), rotation }
        }
        [key] => Refuse(format!(
            "the only key {} of user {:?} is Inactive: nobody uses it, so there is nothing to replace. Delete it, or make it Active first",
            key.id, seen.person.name
        )),
        [] => Refuse(format!("user {:?} has no access key: there is nothing to replace", seen.person.name)),
        keys => Refuse(two_keys::advice(&seen.person.name, keys)),
    }
}

fn with_new_key(mut steps: Vec<Step>) -> Vec<Step> {
    steps.extend([
        Step::Create,
        Step::Note(Stage::Verifying),
        Step::Verify,
        Step::Promote,
        Step::Note(Stage::Promoted),
    ]);
    steps
}

fn go_on_creating(seen: &Seen, rotation: &Rotation, fresh: &Rotation, patience: Patience) -> Decision {
    if seen.key(&rotation.old_key).is_none() {
        return Refuse(gone(&rotation.old_key, "old", &seen.person.name));
    }
    let Some(new) = seen.unnoted(rotation) else {
        let rotation = Rotation { old_key: rotation.old_key.clone(), ..fresh.clone() };
        return Go { steps: with_new_key(vec![Step::Begin]), rotation };
    };
    match seen.held {
        Kept::Stored | Kept::Current => go_on(rotation, &new.id, true),
        Kept::No => replace_orphan(seen, rotation, fresh, new, patience),
        Kept::NotAsked => Refuse(format!("whether the sink has the secret of key {} is not known", new.id)),
    }
}

/// What is left to do once the sink has the new secret.
fn go_on(rotation: &Rotation, new: &str, is_to_be_noted: bool) -> Decision {
    let mut steps = vec![Step::Claim(rotation.stage), Step::Fetch(new.to_owned())];
    steps.extend(is_to_be_noted.then_some(Step::Note(Stage::Verifying)));
    steps.extend([Step::Verify, Step::Promote, Step::Note(Stage::Promoted)]);
    Go { steps, rotation: Rotation { new_key: Some(new.to_owned()), ..rotation.clone() } }
}

/// A key made by a run that stopped before its secret was anywhere. All of this must hold, or a
/// person decides: we said that a key would come, it came then, nobody has it, nobody used it.
fn replace_orphan(seen: &Seen, rotation: &Rotation, fresh: &Rotation, new: &AccessKey, patience: Patience) -> Decision {
    let (id, user) = (&new.id, &seen.person.name);
    let why_not = if seen.keys.len() > 2 {
        Some("user has more than two keys".to_owned())
    } else if !is_announced(rotation, new) {
        Some(format!("it was created {}, and ours was announced for {}", time(new.created), time(rotation.started_at)))
    } else if new.last_use != LastUse::Never {
        Some(format!("its {}", used(&new.last_use)))
    } else {
        None
    };
    if let Some(why_not) = why_not {
        return Refuse(format!(
            "key {id} of user {user:?} is in no sink, and may not be ours: {why_not}. See whose it is; delete it if it is nobody's, and start again"
        ));
    }
    let free_at = new.created + patience.claim_timeout;
    if seen.now < free_at {
        return Wait(format!(
            "key {id} was created {}, and another run may be about to store its secret: try again after {}",
            time(new.created),
            time(free_at)
        ));
    }
    let rotation = Rotation { old_key: rotation.old_key.clone(), started_at: rotation.started_at, ..fresh.clone() };
    Go {
        steps: with_new_key(vec![Step::Claim(Stage::Creating), Step::DeleteOrphan(id.to_string()), Step::Begin]),
        rotation,
    }
}

fn go_on_verifying(seen: &Seen, rotation: &Rotation) -> Decision {
    let user = &seen.person.name;
    let Some(new) = &rotation.new_key else { return Refuse(unclear(user)) };
    match (seen.key(&rotation.old_key), seen.key(new), seen.held) {
        (None, _, _) => Refuse(gone(&rotation.old_key, "old", user)),
        (_, None, _) => Refuse(gone(new, "new", user)),
        (_, Some(key), _) if !key.status.is_active() => Refuse(format!(
            "somebody made the new key {new} Inactive: make it Active and start again, or: backout {user}"
        )),
        (_, _, Kept::Stored | Kept::Current) => go_on(rotation, new, false),
        (_, _, Kept::No) => Refuse(format!(
            "the sink does not have the secret of the new key {new} any more. Take the rotation back and begin anew: backout {user}"
        )),
        (_, _, Kept::NotAsked) => Refuse(format!("whether the sink has the secret of key {new} is not known")),
    }
}

fn gone(key: &str, which: &str, user: &str) -> String {
    format!(
        "somebody deleted the {which} key {key} while the rotation was under way. Take the rotation back: backout {user}"
    )
}

fn unclear(user: &str) -> String {
    format!(
        "the tags of user {user:?} name no new key although the stage has one: correct or remove its iam-key-rotate: tags"
    )
}
