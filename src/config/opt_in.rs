//! Whose keys `iam-key-rotate run` replaces, besides the users whose tags say so.

use std::{fs, path::Path};

use wildmatch::WildMatch;

use super::{ConfigError, Mistake, document::Node, parse_with, section::Section, value::NAME};

/// Stands for the user's name in the name of a sink.
const USER: &str = "{user}";

/// Users by pattern, and where their secrets go.
#[derive(Clone, Debug, PartialEq)]
pub struct OptIn {
    user: WildMatch,
    sink: String,
}

impl OptIn {
    /// Reads a file.
    ///
    /// # Errors
    /// When the file cannot be read, and for all its mistakes at once.
    pub fn load(path: &Path) -> Result<Vec<Self>, ConfigError> {
        let text =
            fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|mistakes| ConfigError::Mistakes { path: path.to_owned(), mistakes })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// All its mistakes, in the order of the file.
    pub fn parse(text: &str) -> Result<Vec<Self>, Vec<Mistake>> {
        parse_with(text, read)
    }

    /// The sink of this user, if it is meant.
    #[must_use]
    pub fn sink_of(&self, user: &str) -> Option<String> {
        self.user.matches(user).then(|| self.sink.replace(USER, user))
    }
}

fn read(document: &Node, mistakes: &mut Vec<Mistake>) -> Vec<OptIn> {
    let mut root = Section::new(String::new(), document, mistakes);
    let users = root.sections("users", entry);
    root.demand("users");
    root.finish();
    users
}

fn entry(section: &mut Section<'_>) -> Option<OptIn> {
    let (mut user, mut sink) = (None, None);
    section.set_some("user", &NAME, &mut user);
    section.set_some("sink", &NAME, &mut sink);
    section.demand("user");
    section.demand("sink");
    Some(OptIn { user: WildMatch::new(&user?), sink: sink? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_users_and_their_sinks() {
        let users = OptIn::parse("users:\n- { user: \"ci-*\", sink: \"secretsmanager:iam/{user}\" }\n").unwrap();
        assert_eq!(users[0].sink_of("ci-bot").as_deref(), Some("secretsmanager:iam/ci-bot"));
        assert_eq!(users[0].sink_of("bot"), None);
    }

    #[test]
    fn all_mistakes_are_told() {
        let mistakes = OptIn::parse("users:\n- { user: x, sinks: y }\nother: 1\n").unwrap_err();
        let text: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(mistakes.len(), 3, "{text:?}");
        assert!(OptIn::parse("").is_err());
    }
}
