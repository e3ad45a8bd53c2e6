//! Takes values out of a mapping, key by key, and remembers everything that is wrong.

use std::{io, path::PathBuf};

use super::{
    document::{Content, Node},
    error::{Mistake, Place},
    value::Kind,
};

/// How alike a wrong key must be to a valid one to be taken for a slip of the pen.
const ALIKE: f64 = 0.7;

/// A mapping under a name; keys are taken out, what remains is unknown.
pub(super) struct Section<'a> {
    name: String,
    place: Place,
    entries: Vec<Entry<'a>>,
    known: Vec<&'static str>,
    mistakes: &'a mut Vec<Mistake>,
}

struct Entry<'a> {
    key: String,
    place: Place,
    value: &'a Node,
}

impl<'a> Section<'a> {
    /// The document itself has an empty name.
    pub(super) fn new(name: String, node: &'a Node, mistakes: &'a mut Vec<Mistake>) -> Self {
        let mut section = Self { name, place: node.place, entries: Vec::new(), known: Vec::new(), mistakes };
        match &node.content {
            Content::Nothing => {}
            Content::Mapping(entries) => entries.iter().for_each(|(key, value)| section.enter(key, value)),
            other => section.refuse_value(node.place, None, other, "keys and values"),
        }
        section
    }

    fn enter(&mut self, key: &Node, value: &'a Node) {
        let Content::Scalar(text) = &key.content else {
            return self.refuse_value(key.place, None, &key.content, "a key");
        };
        let earlier = self.entries.iter().find(|entry| entry.key == *text).map(|entry| entry.place);
        if let Some(earlier) = earlier {
            return self.refuse(key.place, text, &format!("found a second time, first at {earlier}"));
        }
        self.entries.push(Entry { key: text.clone(), place: key.place, value });
    }

    /// Sets what the key gives, and leaves it alone where the key is absent or wrong.
    pub(super) fn set<T>(&mut self, key: &'static str, kind: &Kind<T>, target: &mut T) {
        if let Some(value) = self.take(key).and_then(|node| self.value(key, node, kind)) {
            *target = value;
        }
    }

    /// As `set`, for what has no default.
    pub(super) fn set_some<T>(&mut self, key: &'static str, kind: &Kind<T>, target: &mut Option<T>) {
        if let Some(value) = self.take(key).and_then(|node| self.value(key, node, kind)) {
            *target = Some(value);
        }
    }

    /// A list of values of one kind, each with its place; empty where the key is absent.
    pub(super) fn list<T>(&mut self, key: &'static str, kind: &Kind<T>) -> Vec<(Place, T)> {
        let Some(node) = self.take(key) else { return Vec::new() };
        match &node.content {
            Content::Nothing => Vec::new(),
            Content::List(items) => {
                items.iter().filter_map(|item| Some((item.place, self.value(key, item, kind)?))).collect()
            }
            other => {
                self.refuse_value(node.place, Some(key), other, "a list");
                Vec::new()
            }
        }
    }

    /// Keys that the operator chooses, each with its place and its text, if it has one. The texts are
    /// secrets, so a text in place of the keys is not shown either.
    pub(super) fn pairs(&mut self, key: &'static str) -> Vec<(Place, String, Option<String>)> {
        let Some(node) = self.take(key) else { return Vec::new() };
        if let Content::Scalar(_) = node.content {
            self.refuse(node.place, key, "found a text, allowed is keys and values");
            return Vec::new();
        }
        let section = Section::new(self.full(key), node, self.mistakes);
        let pairs = section.entries.iter().map(|entry| match &entry.value.content {
            Content::Scalar(text) => (entry.place, entry.key.clone(), Some(text.clone())),
            _ => (entry.place, entry.key.clone(), None),
        });
        pairs.collect()
    }

    /// Forgets these keys where their text is empty or absent: in Go that is the same as no key.
    pub(super) fn forget_empty(&mut self, keys: &[&str]) {
        let is_empty = |content: &Content| match content {
            Content::Nothing => true,
            Content::Scalar(text) => text.is_empty(),
            _ => false,
        };
        self.entries.retain(|entry| !keys.contains(&&*entry.key) || !is_empty(&entry.value.content));
    }

    /// Whether nothing is written in it.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A section below this one; `read` is not called where the key is absent.
    pub(super) fn section(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_>)) {
        if let Some(node) = self.take(key) {
            let mut section = Section::new(self.full(key), node, self.mistakes);
            read(&mut section);
            section.finish();
        }
    }

    /// A list of sections; what `read` could not make sense of is left out.
    pub(super) fn sections<T>(&mut self, key: &'static str, read: impl Fn(&mut Section<'_>) -> Option<T>) -> Vec<T> {
        let Some(node) = self.take(key) else { return Vec::new() };
        let items = match &node.content {
            Content::Nothing => &[][..],
            Content::List(items) => items,
            other => {
                self.refuse_value(node.place, Some(key), other, "a list");
                &[]
            }
        };
        let mut all = Vec::new();
        for (number, item) in items.iter().enumerate() {
            let mut section = Section::new(format!("{}[{number}]", self.full(key)), item, self.mistakes);
            all.extend(read(&mut section));
            section.finish();
        }
        all
    }

    /// Notes it where this key is not written at all.
    pub(super) fn demand(&mut self, key: &str) {
        if self.place(&[key]).is_none() {
            self.refuse_whole(&format!("{key} is missing"));
        }
    }

    /// Notes a mistake in the section as a whole.
    pub(super) fn refuse_whole(&mut self, what: &str) {
        let what = format!("{}: {what}", self.name);
        self.note(self.place, what);
    }

    /// Where the value of the first of these keys that was written stands.
    pub(super) fn place(&self, keys: &[&str]) -> Option<Place> {
        let written = |key: &&str| self.entries.iter().find(|entry| entry.key == **key);
        keys.iter().find_map(written).map(|entry| entry.value.place)
    }

    /// Notes a mistake in the value of this key.
    pub(super) fn refuse(&mut self, place: Place, key: &str, what: &str) {
        let what = format!("{}: {what}", self.full(key));
        self.note(place, what);
    }

    /// Notes that the file named there cannot be read.
    pub(super) fn refuse_file(&mut self, place: Place, key: &str, file: PathBuf, error: &io::Error) {
        let what = format!("{}: reading {:?}: {error}", self.full(key), file.display().to_string());
        self.mistakes.push(Mistake { place, what, unread: Some(file) });
    }

    fn note(&mut self, place: Place, what: String) {
        self.mistakes.push(Mistake { place, what, unread: None });
    }

    /// Whatever was not asked for is unknown.
    pub(super) fn finish(mut self) {
        for Entry { key, place, .. } in std::mem::take(&mut self.entries) {
            if !self.known.contains(&&*key) {
                let what = format!("unknown key{}", self.advice(&key));
                self.refuse(place, &key, &what);
            }
        }
    }

    fn advice(&self, key: &str) -> String {
        let alike = |known: &&&str| strsim::jaro_winkler(key, known);
        match self.known.iter().max_by(|a, b| alike(a).total_cmp(&alike(b))) {
            Some(nearest) if alike(&nearest) >= ALIKE => format!(", did you mean {nearest}?"),
            _ => format!(", allowed are {}", self.known.join(", ")),
        }
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        self.entries.iter().find(|entry| entry.key == key).map(|entry| entry.value)
    }

    fn value<T>(&mut self, key: &str, node: &Node, kind: &Kind<T>) -> Option<T> {
        let value = match &node.content {
            Content::Scalar(text) => (kind.parse)(text),
            _ => None,
        };
        if value.is_none() {
            self.refuse_value(node.place, Some(key), &node.content, kind.allowed);
        }
        value
    }

    fn refuse_value(&mut self, place: Place, key: Option<&str>, found: &Content, allowed: &str) {
        let found = found.for_people();
        let what = format!("found {found}, allowed is {allowed}");
        match key {
            Some(key) => self.refuse(place, key, &what),
            None if self.name.is_empty() => self.note(place, what),
            None => self.note(place, format!("{}: {what}", self.name)),
        }
    }

    fn full(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

impl Content {
    fn for_people(&self) -> String {
        match self {
            Self::Nothing => "nothing".into(),
            Self::Scalar(text) if may_hold_a_secret(text) => "a text that may hold a secret".into(),
            Self::Scalar(text) => format!("{text:?}"),
            Self::List(_) => "a list".into(),
            Self::Mapping(_) => "keys and values".into(),
        }
    }
}

/// A slip of one character can make the rest of a file the value of another key: hashes of passwords, keys.
fn may_hold_a_secret(text: &str) -> bool {
    ["\n", "$2", "-----BEGIN"].iter().any(|sign| text.contains(sign))
}
