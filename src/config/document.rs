//! YAML as a tree whose every node knows its place in the text. Nothing is interpreted
//! here: a scalar is the characters that the operator wrote.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::error::{Mistake, Place};

/// Deeper than any configuration, shallower than any stack.
const DEEPEST: usize = 16;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    /// No value at all, `~` or `null`.
    Nothing,
    Scalar(String),
    List(Vec<Node>),
    /// In the order of the text; keys can occur twice.
    Mapping(Vec<(Node, Node)>),
}

/// The only document of a text; a text without one is an empty document.
pub(super) fn parse(text: &str) -> Result<Node, Mistake> {
    let mut reader = Reader { parser: Parser::new_from_str(text.trim_start_matches('\u{feff}')), depth: 0 };
    let mut root = None;
    loop {
        let (event, place) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(_) if root.is_some() => {
                return Err(mistake(place, "found a second document, allowed is one"));
            }
            Event::DocumentStart(_) => root = Some(reader.node()?),
            _ => {}
        }
    }
    let empty = || Node { place: Place { line: 1, column: 1 }, content: Content::Nothing };
    Ok(root.unwrap_or_else(empty))
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Place), Mistake> {
        let (event, Span { start, .. }) =
            self.parser.next().expect("the stream has an end").map_err(|error| not_yaml(&error))?;
        Ok((event, place(start)))
    }

    fn node(&mut self) -> Result<Node, Mistake> {
        let (event, place) = self.next()?;
        self.node_of(event, place)
    }

    fn node_of(&mut self, event: Event<'a>, place: Place) -> Result<Node, Mistake> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(mistake(place, "found values nested too deeply"));
        }
        let content = match event {
            Event::Scalar(text, style, ..) => scalar(&text, style),
            Event::SequenceStart(..) => self.list()?,
            Event::MappingStart(..) => self.mapping()?,
            Event::Alias(_) => return Err(mistake(place, "found an alias, allowed is the value itself")),
            _ => Content::Nothing,
        };
        self.depth -= 1;
        Ok(Node { place, content })
    }

    fn list(&mut self) -> Result<Content, Mistake> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Content::List(items)),
                (event, place) => items.push(self.node_of(event, place)?),
            }
        }
    }

    fn mapping(&mut self) -> Result<Content, Mistake> {
        let mut entries = Vec::new();
        loop {
            match self.next()? {
                (Event::MappingEnd, _) => return Ok(Content::Mapping(entries)),
                (event, place) => entries.push((self.node_of(event, place)?, self.node()?)),
            }
        }
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Content {
    match (style, text) {
        (ScalarStyle::Plain, "" | "~" | "null" | "Null" | "NULL") => Content::Nothing,
        _ => Content::Scalar(text.to_owned()),
    }
}

fn place(marker: Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

fn not_yaml(error: &ScanError) -> Mistake {
    mistake(place(*error.marker()), &format!("not YAML: {}", error.info()))
}

fn mistake(place: Place, what: &str) -> Mistake {
    Mistake { place, what: what.to_owned(), unread: None }
}
