//! What is wrong with a configuration, and where.

use std::{
    fmt::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::causes;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there, or not ours to read, or not text.
    #[error("reading the configuration file {path:?}")]
    Unreadable {
        /// As given.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file was read and is wrong.
    #[error("{}", all(.path, .mistakes))]
    Mistakes {
        /// As given.
        path: PathBuf,
        /// At least one, in the order of the file.
        mistakes: Vec<Mistake>,
    },
    /// Two files are wrong.
    #[error("{}\n{}", causes::on_one_line(.0), causes::on_one_line(.1))]
    Both(Box<Self>, Box<Self>),
}

/// One thing that is wrong with a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Mistake {
    /// Where it stands.
    pub place: Place,
    /// The key, what was found, what is allowed.
    pub what: String,
    /// The file named there, where it could not be read.
    pub unread: Option<PathBuf>,
}

impl ConfigError {
    /// Files whose coming would make another try worth while.
    pub(crate) fn unread(&self) -> Vec<&PathBuf> {
        match self {
            Self::Mistakes { mistakes, .. } => mistakes.iter().filter_map(|mistake| mistake.unread.as_ref()).collect(),
            Self::Unreadable { .. } => Vec::new(),
            Self::Both(one, other) => [one.unread(), other.unread()].concat(),
        }
    }
}

/// A place in a text; both count from one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

fn all(path: &Path, mistakes: &[Mistake]) -> String {
    let count = match mistakes.len() {
        1 => "a mistake".to_owned(),
        many => format!("{many} mistakes"),
    };
    let mut text = format!("the configuration has {count}");
    for mistake in mistakes {
        write!(text, "\n  {}:{mistake}", path.display()).expect("writing to a String does not fail");
    }
    text
}
