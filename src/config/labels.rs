//! What the series of a key say.

use std::{fs, path::PathBuf};

use super::{
    section::Section,
    value::{FILE, SHOWN_IDS, TAG_KEY, tag_label},
};
use crate::key_ids::{HashKey, KeyIds};

/// What the series of a key say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Tags of users that are shown, as `tag_<name>`.
    pub user_tags: Vec<String>,
    /// How keys are named.
    pub access_key_id: KeyIds,
}

/// As it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShownIds {
    Full,
    Last4,
    Hash,
}

const HASH_KEY_FILE: &str = "access_key_id_hash_key_file";

pub(super) fn read(section: &mut Section<'_>) -> Labels {
    Labels { user_tags: user_tags(section), access_key_id: key_ids(section) }
}

/// Two tags must not be shown under one label.
fn user_tags(section: &mut Section<'_>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for (place, key) in section.list("user_tags", &TAG_KEY) {
        match kept.iter().find(|other| tag_label(other) == tag_label(&key)) {
            Some(other) => {
                let what = format!("found {key:?}, which has the label of {other:?}: {}", tag_label(&key));
                section.refuse(place, "user_tags", &what);
            }
            None => kept.push(key),
        }
    }
    kept
}

/// Where it is wrong, the mistake is noted and what is returned is not used.
fn key_ids(section: &mut Section<'_>) -> KeyIds {
    let (mut shown, mut file) = (None, None);
    section.set_some("access_key_id", &SHOWN_IDS, &mut shown);
    section.set_some(HASH_KEY_FILE, &FILE, &mut file);
    let is_full = section.place(&["access_key_id"]).is_none();
    match (shown.or(is_full.then_some(ShownIds::Full)), file, section.place(&[HASH_KEY_FILE])) {
        (Some(ShownIds::Hash), None, None) => section.demand(HASH_KEY_FILE),
        (Some(ShownIds::Hash), Some(file), _) => return hash_key(section, file).map(KeyIds::Hash).unwrap_or_default(),
        (Some(ShownIds::Full | ShownIds::Last4), _, Some(place)) => {
            section.refuse(place, HASH_KEY_FILE, "allowed only beside access_key_id: hash");
        }
        (Some(ShownIds::Last4), ..) => return KeyIds::Last4,
        _ => {}
    }
    KeyIds::Full
}

fn hash_key(section: &mut Section<'_>, file: PathBuf) -> Option<HashKey> {
    let place = section.place(&[HASH_KEY_FILE])?;
    let contents = match fs::read(&file) {
        Ok(contents) => contents,
        Err(error) => {
            section.refuse_file(place, HASH_KEY_FILE, file, &error);
            return None;
        }
    };
    let shown = format!("{:?}", file.display().to_string());
    let key = HashKey::new(file, &contents);
    if key.is_none() {
        let shortest = HashKey::SHORTEST;
        let what = format!("{shown} is too short for a secret, allowed are {shortest} bytes and more");
        section.refuse(place, HASH_KEY_FILE, &what);
    }
    key
}
