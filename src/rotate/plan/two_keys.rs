//! What to say where a user has two keys already: which of them could go, and how.

use std::fmt::Write as _;

use super::used;
use crate::inventory::{AccessKey, LastUse, Status, time};

/// Which of them could go, and how.
pub(super) fn advice(user: &str, keys: &[AccessKey]) -> String {
    let mut text = format!("user {user:?} has {} access keys already, and AWS allows two:", keys.len());
    for key in keys {
        let (status, created) = (key.status.as_str(), time(key.created));
        write!(text, "\n  {} {status}, created {created}, {}", key.id, used(&key.last_use))
            .expect("a String takes all");
    }
    text.push('\n');
    text.push_str(&way_out(user, keys));
    text
}

fn way_out(user: &str, keys: &[AccessKey]) -> String {
    match keys.iter().min_by_key(|key| (key.status.is_active(), usefulness(&key.last_use), key.created)) {
        Some(key) if key.status == Status::Inactive => format!(
            "{0} is Inactive, so nobody can use it: if nobody needs it back, delete it: aws iam delete-access-key --user-name {user} --access-key-id {0}",
            key.id
        ),
        Some(key) if key.last_use == LastUse::Never => format!(
            "{0} is unused: make it Inactive, wait, and delete it: aws iam update-access-key --user-name {user} --access-key-id {0} --status Inactive",
            key.id
        ),
        Some(key) if keys.iter().all(|key| key.last_use != LastUse::Unknown) => format!(
            "both were used; {} the longer ago. Move whoever uses it to the other, then make it Inactive, wait, and delete it",
            key.id
        ),
        _ => "which of them is unused is not known: their last uses could not be read. Nothing is changed on a guess"
            .to_owned(),
    }
}

/// For an order in which what is not known comes last.
fn usefulness(last_use: &LastUse) -> i64 {
    match last_use {
        LastUse::Never => i64::MIN,
        LastUse::Used(used) => used.at,
        LastUse::Unknown => i64::MAX,
    }
}
