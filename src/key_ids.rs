//! How access keys are named to the outside: on /metrics, on the status page, in audits.
//!
//! The log and error texts name users and never keys.

use std::{borrow::Cow, fmt, path::PathBuf, sync::Arc};

use aws_lc_rs::hmac;

use crate::inventory::{AccessKey, User};

/// Characters of an id that are shown at first; where two keys of a user share them, more.
const LAST: usize = 4;

/// Digits of a hash: 64 bits, so that no two keys of an organization share one by chance.
const DIGITS: usize = 16;

/// What an id of AWS begins with (IAM User Guide, "IAM identifiers"): long-lived keys, those of sessions.
const PREFIXES: [&str; 2] = ["AKIA", "ASIA"];

/// Ids of AWS have 16 to 128 characters (API reference, `AccessKey`).
const SHORTEST: usize = 16;

/// What is shown of the id of an access key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyIds {
    /// All of it.
    #[default]
    Full,
    /// Its end.
    Last4,
    /// A keyed hash: the same wherever the key of the hash is the same, and not to be guessed without it.
    Hash(HashKey),
}

/// What ids are hashed with; a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct HashKey {
    /// Where it was read from.
    pub file: PathBuf,
    bytes: Arc<[u8]>,
}

impl HashKey {
    /// Fewer bytes could be guessed.
    pub const SHORTEST: usize = 16;

    /// The contents of a file, without white space around them; `None` if that is too short to be a secret.
    #[must_use]
    pub fn new(file: PathBuf, contents: &[u8]) -> Option<Self> {
        let bytes = contents.trim_ascii();
        (bytes.len() >= Self::SHORTEST).then(|| Self { file, bytes: bytes.into() })
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashKey").field("file", &self.file).finish_non_exhaustive()
    }
}

impl KeyIds {
    /// What is shown for each key of a user, in their order. No two are the same, whatever is left out.
    ///
    /// The older key keeps the shorter name, so that a new one never renames it.
    #[must_use]
    pub fn of<'a>(&self, user: &'a User) -> Vec<Cow<'a, str>> {
        let mut shown = vec![Cow::Borrowed(""); user.keys.len()];
        for place in oldest_first(&user.keys) {
            shown[place] = self.unlike(&shown, &user.keys[place].id);
        }
        shown
    }

    fn unlike<'a>(&self, others: &[Cow<'_, str>], id: &'a str) -> Cow<'a, str> {
        if !id.is_ascii() || !PREFIXES.iter().any(|prefix| id.starts_with(prefix)) {
            return id.into(); // the root user's, which AWS does not tell
        }
        let (whole, least): (Cow<'a, str>, _) = match self {
            Self::Full => return id.into(),
            Self::Last4 => (id.into(), LAST),
            Self::Hash(key) => (key.hash(id).into(), DIGITS),
        };
        let ends = (least..whole.len()).map(|length| whole.len() - length);
        let start = ends.into_iter().find(|start| others.iter().all(|other| *other != whole[*start..])).unwrap_or(0);
        match whole {
            Cow::Borrowed(id) => id[start..].into(),
            Cow::Owned(hash) => hash[start..].to_owned().into(),
        }
    }
}

impl HashKey {
    fn hash(&self, id: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.bytes);
        hex(hmac::sign(&key, id.as_bytes()).as_ref())
    }
}

/// Two digits for each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |number: u8| char::from_digit(number.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn oldest_first(keys: &[AccessKey]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..keys.len()).collect();
    places.sort_by_key(|place| (keys[*place].created, &keys[*place].id));
    places
}

/// The text with the ids of access keys left out. Others write some of what we log and show.
#[must_use]
pub fn left_out(text: &str) -> Cow<'_, str> {
    if !PREFIXES.iter().any(|prefix| text.contains(prefix)) {
        return text.into();
    }
    let pieces = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    pieces.map(|piece| without_id(piece)).collect::<String>().into()
}

fn without_id(piece: &str) -> Cow<'_, str> {
    let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let Some(start) = PREFIXES.iter().filter_map(|prefix| word.find(prefix)).min() else { return piece.into() };
    let (before, id) = word.split_at(start);
    let is_upper = id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if !is_upper || id.len() < SHORTEST {
        return piece.into();
    }
    format!("{before}{}…{}", &id[..PREFIXES[0].len()], &piece[word.len()..]).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{LastUse, Status};

    fn user(keys: &[(&str, i64)]) -> User {
        let mut user = User::new("ci".into(), "/".into());
        let key = |(id, created): &(&str, i64)| AccessKey {
            id: (*id).into(),
            created: *created,
            status: Status::Active,
            last_use: LastUse::Never,
        };
        user.keys = keys.iter().map(key).collect();
        user
    }

    fn hashed(secret: &str) -> KeyIds {
        KeyIds::Hash(HashKey::new("key".into(), secret.as_bytes()).unwrap())
    }

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn an_id_is_shown_whole_by_its_end_or_by_its_hash() {
        let user = user(&[("AKIAIOSFODNN7EXAMPLE", 1)]);
        assert_eq!(KeyIds::Full.of(&user), ["AKIAIOSFODNN7EXAMPLE"]);
        assert_eq!(KeyIds::Last4.of(&user), ["MPLE"]);
        let hash = hashed(SECRET).of(&user).remove(0);
        assert!(hash.len() == DIGITS && hash.bytes().all(|digit| digit.is_ascii_hexdigit()), "{hash}");
    }

    #[test]
    fn a_hash_is_the_same_for_the_same_key_alone() {
        let user = user(&[("AKIAIOSFODNN7EXAMPLE", 1)]);
        assert_eq!(hashed(SECRET).of(&user), hashed(&format!(" {SECRET}\n")).of(&user));
        assert_ne!(hashed(SECRET).of(&user), hashed("another secret of some length").of(&user));
        // echo -n AKIAIOSFODNN7EXAMPLE | openssl dgst -sha256 -hmac $SECRET, its last 16 digits
        assert_eq!(hashed(SECRET).of(&user), ["e8cf4c55393b13f1"]);
    }

    #[test]
    fn keys_that_end_alike_are_told_apart_and_the_older_keeps_its_name() {
        let alike = [("AKIAAAAAAAAAAAAAWXYZ", 2), ("AKIABBBBBBBBBBBBWXYZ", 1), ("AKIACCCCCCCCCCCAWXYZ", 3)];
        assert_eq!(KeyIds::Last4.of(&user(&alike)), ["AWXYZ", "WXYZ", "CAWXYZ"]);
    }

    #[test]
    fn keys_of_the_root_user_are_shown_as_ever() {
        let root = user(&[("root-1", 1), ("root-2", 2)]);
        for ids in [KeyIds::Full, KeyIds::Last4, hashed(SECRET)] {
            assert_eq!(ids.of(&root), ["root-1", "root-2"]);
        }
    }

    #[test]
    fn a_short_secret_is_refused_and_no_secret_is_ever_shown() {
        assert_eq!(HashKey::new("key".into(), b"  0123456789abcde\n"), None);
        assert!(!format!("{:?}", hashed(SECRET)).contains("0123"));
    }

    #[test]
    fn ids_are_left_out_of_texts_and_nothing_else_is() {
        let text = "key AKIAIOSFODNN7EXAMPLE, (ASIAIOSFODNN7EXAMPLE) of AKIA and AKIAtheuserwithakey at 12:00 – ü";
        let left = "key AKIA…, (ASIA…) of AKIA and AKIAtheuserwithakey at 12:00 – ü";
        assert_eq!(left_out(text), left);
        assert_eq!(left_out("AKIAIOSFODNN7EXAMPLE"), "AKIA…");
        assert_eq!(left_out("%2FASIAIOSFODNN7EXAMPLE%2F"), "%2FASIA…%2F");
        assert_eq!(left_out("nothing"), "nothing");
    }
}
