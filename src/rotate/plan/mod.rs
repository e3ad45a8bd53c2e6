//! What is to be done, from what was seen: pure. Nothing is deleted or made Inactive on what is
//! not known; an error is never read as "never used".

mod backout;
mod finish;
mod start;
mod two_keys;

pub(super) use backout::backout;
pub(super) use finish::finish;
pub(super) use start::start;

use super::tags::Rotation;
use crate::{
    inventory::{AccessKey, LastUse, Timestamp, time},
    rotation::Stage,
};

/// So far our clock may be from AWS's for a key to be taken for ours. AWS itself takes requests
/// from clocks that are minutes off; then a person decides.
const CLOCKS_DIFFER: i64 = 30;

/// Between the announcement of a new key and its creation lie a few calls, which may have to wait.
const CREATION_TAKES: i64 = 60;

/// Who the user is, as AWS has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) id: String,
}

/// What was seen of a user.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) person: Person,
    pub(super) rotation: Option<Rotation>,
    pub(super) keys: Vec<AccessKey>,
    /// What the sink has of the key that the plan needs to know of.
    pub(super) held: Kept,
    /// The key that this program signs with.
    pub(super) own_key: Option<String>,
    pub(super) now: Timestamp,
}

/// What the sink has of a key; the secret itself does not matter to the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    NotAsked,
    No,
    Stored,
    Current,
}

/// How long what must have been quiet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// The old key, before it is made Inactive.
    pub(super) quiet: i64,
    /// An Inactive key, before it is deleted; `None` where nothing is to be deleted.
    pub(super) delete_after: Option<i64>,
    /// A new key of which no secret is found may be another run's that is about to store it.
    pub(super) claim_timeout: i64,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Say in the tags that a new key comes, and see that nobody else says so.
    Begin,
    /// Say in the tags that this run goes on from this stage, and see that no other does.
    Claim(Stage),
    /// Delete a new key whose secret was lost before anybody had it.
    DeleteOrphan(String),
    /// Make the new key and put its secret into the sink.
    Create,
    /// Take the new key's secret from the sink again.
    Fetch(String),
    /// Say in the tags how far it is.
    Note(Stage),
    /// See that AWS takes the new key.
    Verify,
    /// Make the new secret the current one.
    Promote,
    /// Make a key Active.
    Activate(String),
    /// Make the old key Inactive, and Active again if somebody took over meanwhile.
    Retire(String),
    /// Make the sink's previous secret current again.
    Restore,
    /// Make the new key Inactive, the old one being Active.
    Withdraw(String),
    /// Delete an Inactive key.
    Delete(String),
    /// Take the tags away.
    Forget,
}

/// What can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// These steps, in order; the rotation that they begin with.
    Go { steps: Vec<Step>, rotation: Rotation },
    /// It is done already.
    Done(String),
    /// Not yet.
    Wait(String),
    /// Not like this.
    Refuse(String),
}

impl Seen {
    pub(super) fn key(&self, id: &str) -> Option<&AccessKey> {
        self.keys.iter().find(|key| &*key.id == id)
    }

    /// The key that a rotation which has not noted one may have made.
    fn unnoted<'a>(&'a self, rotation: &'a Rotation) -> Option<&'a AccessKey> {
        self.keys.iter().find(|key| *key.id != *rotation.old_key)
    }

    /// The new key, noted or not.
    pub(super) fn new_key<'a>(&'a self, rotation: &'a Rotation) -> Option<&'a str> {
        match (&rotation.new_key, rotation.stage) {
            (Some(id), _) => Some(id),
            (None, Stage::Creating | Stage::BackingOut) => self.unnoted(rotation).map(|key| &*key.id),
            (None, _) => None,
        }
    }

    /// Whether a rotation that has one of its keys left is as good as over.
    pub(super) fn is_over(&self, rotation: &Rotation) -> bool {
        let is_gone = |id: &str| self.key(id).is_none();
        match rotation.stage {
            Stage::Promoted | Stage::Deactivated => is_gone(&rotation.old_key),
            Stage::BackedOut => rotation.new_key.as_deref().is_none_or(is_gone),
            _ => false,
        }
    }
}

fn used(last_use: &LastUse) -> String {
    match last_use {
        LastUse::Used(used) => format!("last used {} for {} in {}", time(used.at), used.service, used.region),
        LastUse::Never => "never used".to_owned(),
        LastUse::Unknown => "last use unknown".to_owned(),
    }
}

/// Whether the key came when the rotation said that one would come.
fn is_announced(rotation: &Rotation, key: &AccessKey) -> bool {
    let latest = rotation.started_at + CREATION_TAKES + CLOCKS_DIFFER;
    (rotation.started_at - CLOCKS_DIFFER..=latest).contains(&key.created)
}
