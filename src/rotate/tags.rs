//! A rotation as the tags of its user tell it. IAM is the only place where it is kept.

use chrono::DateTime;

use super::sink::SinkName;
use crate::{
    inventory::{Timestamp, time},
    rotation::{STAGE_TAG, Stage},
};

/// Opts a user in to unattended rotation; its value is the sink.
pub(super) const OPT_IN: &str = "iam-key-rotate:opt-in";

const STAGE_AT: &str = "iam-key-rotate:stage-at";
const STARTED_AT: &str = "iam-key-rotate:started-at";
const OLD_KEY: &str = "iam-key-rotate:old-key";
const NEW_KEY: &str = "iam-key-rotate:new-key";
const SINK: &str = "iam-key-rotate:sink";
const CLAIM: &str = "iam-key-rotate:claim";

/// The tags of a rotation; all are written at once, and all are taken away at once.
pub(super) const ALL: [&str; 7] = [STAGE_TAG, STAGE_AT, STARTED_AT, OLD_KEY, NEW_KEY, SINK, CLAIM];

/// Where no new key is known yet; a tag can be set by the same call as the others, but not be taken away by it.
const NONE: &str = "none";

/// A rotation under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rotation {
    pub(super) stage: Stage,
    /// When the stage was reached.
    pub(super) stage_at: Timestamp,
    /// Shortly before the new key was asked for.
    pub(super) started_at: Timestamp,
    pub(super) old_key: String,
    pub(super) new_key: Option<String>,
    pub(super) sink: SinkName,
    /// Whose turn it is: drawn anew by each run that writes.
    pub(super) claim: String,
}

/// Tags that no rotation of ours wrote.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the tag {tag} of user {user:?} is {found}; allowed is {allowed}. Somebody changed it: \
     see by the other iam-key-rotate: tags and the keys what is true, and correct it or remove all of these tags"
)]
pub(super) struct TagError {
    user: String,
    tag: &'static str,
    found: String,
    allowed: &'static str,
}

impl Rotation {
    /// What the tags of a user say; `None` where no rotation is under way.
    pub(super) fn read(user: &str, tags: &[(String, String)]) -> Result<Option<Self>, TagError> {
        if value(tags, STAGE_TAG).is_none() {
            return Ok(None);
        }
        let tags = Tags { user, tags };
        let key = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(Some(Self {
            stage: tags.get(STAGE_TAG, "a stage such as promoted", Stage::parse)?,
            stage_at: tags.get(STAGE_AT, TIME, moment)?,
            started_at: tags.get(STARTED_AT, TIME, moment)?,
            old_key: tags.get(OLD_KEY, "an access key id", key)?,
            new_key: Some(tags.get(NEW_KEY, "an access key id or none", key)?).filter(|key| key != NONE),
            sink: tags.get(SINK, "a sink", SinkName::of_tag)?,
            claim: tags.get(CLAIM, "a word", key)?,
        }))
    }

    /// The tags that say it.
    pub(super) fn tags(&self) -> [(&'static str, String); ALL.len()] {
        [
            (STAGE_TAG, self.stage.as_str().to_owned()),
            (STAGE_AT, time(self.stage_at)),
            (STARTED_AT, time(self.started_at)),
            (OLD_KEY, self.old_key.clone()),
            (NEW_KEY, self.new_key.clone().unwrap_or_else(|| NONE.to_owned())),
            (SINK, self.sink.tag().to_owned()),
            (CLAIM, self.claim.clone()),
        ]
    }
}

const TIME: &str = "a time such as 2026-11-25T18:00:00Z";

/// The value of this tag, if the user has it.
pub(super) fn value<'a>(tags: &'a [(String, String)], key: &str) -> Option<&'a str> {
    tags.iter().find(|(tag, _)| tag == key).map(|(_, value)| value.as_str())
}

struct Tags<'a> {
    user: &'a str,
    tags: &'a [(String, String)],
}

impl Tags<'_> {
    fn get<T>(
        &self,
        tag: &'static str,
        allowed: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, TagError> {
        let found = value(self.tags, tag);
        let error = || TagError {
            user: self.user.to_owned(),
            tag,
            found: found.map_or_else(|| "missing".to_owned(), |found| format!("{found:?}")),
            allowed,
        };
        found.and_then(parse).ok_or_else(error)
    }
}

fn moment(text: &str) -> Option<Timestamp> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotation() -> Rotation {
        Rotation {
            stage: Stage::Promoted,
            stage_at: 1_790_000_100,
            started_at: 1_790_000_000,
            old_key: "AKIAOLD".into(),
            new_key: Some("AKIANEW".into()),
            sink: SinkName::of_tag("secretsmanager:ci/bot").unwrap(),
            claim: "c0ffee".into(),
        }
    }

    fn read(tags: &[(&'static str, String)]) -> Result<Option<Rotation>, TagError> {
        let tags: Vec<_> = tags.iter().map(|(tag, value)| ((*tag).to_owned(), value.clone())).collect();
        Rotation::read("ci", &tags)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let early = Rotation { new_key: None, stage: Stage::Creating, ..rotation() };
        for rotation in [rotation(), early] {
            assert_eq!(read(&rotation.tags()), Ok(Some(rotation)));
        }
        assert_eq!(read(&[]), Ok(None));
    }

    #[test]
    fn a_rotation_that_lost_a_tag_or_has_a_strange_one_is_not_guessed_at() {
        for (place, tag) in ALL.iter().enumerate().skip(1) {
            let mut tags = rotation().tags().to_vec();
            tags.remove(place);
            assert!(read(&tags).is_err(), "without {tag}");
        }
        let mut tags = rotation().tags().to_vec();
        tags[0].1 = "Promoted!".into();
        assert!(read(&tags).unwrap_err().to_string().contains("\"Promoted!\""));
    }
}
