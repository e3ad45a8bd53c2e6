//! Writes XML, every value escaped.

use quick_xml::escape::escape;

/// A run of elements.
#[derive(Debug, Default)]
pub(crate) struct Xml(String);

impl Xml {
    /// Elements written by `fill`.
    pub(crate) fn of(fill: impl FnOnce(&mut Self)) -> Self {
        let mut xml = Self::default();
        fill(&mut xml);
        xml
    }

    /// `<tag>value</tag>`.
    pub(crate) fn text(&mut self, tag: &str, value: &str) -> &mut Self {
        let clean = clean(value);
        let escaped = escape(clean.as_str()).replace('\r', "&#xD;");
        self.raw(tag, "", &escaped)
    }

    /// An element with elements inside.
    pub(crate) fn nest(&mut self, tag: &str, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let inner = Self::of(fill);
        self.raw(tag, "", &inner.0)
    }

    /// `<tag><member>…</member><member>…</member></tag>`.
    pub(crate) fn members<T>(
        &mut self,
        tag: &str,
        items: impl IntoIterator<Item = T>,
        each: impl Fn(&mut Self, T),
    ) -> &mut Self {
        self.nest(tag, |list| {
            for item in items {
                list.nest("member", |member| each(member, item));
            }
        })
    }

    /// `<tag><member>value</member></tag>`.
    pub(crate) fn texts<'a>(&mut self, tag: &str, values: impl IntoIterator<Item = &'a String>) -> &mut Self {
        self.nest(tag, |list| {
            for value in values {
                list.text("member", value);
            }
        })
    }

    /// The outermost element.
    pub(crate) fn document(self, tag: &str, namespace: &str) -> String {
        let mut whole = Self::default();
        whole.raw(tag, &format!(" xmlns=\"{namespace}\""), &self.0);
        whole.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn append(&mut self, other: &Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    fn raw(&mut self, tag: &str, attributes: &str, inner: &str) -> &mut Self {
        for part in ["<", tag, attributes, ">", inner, "</", tag, ">"] {
            self.0.push_str(part);
        }
        self
    }
}

/// XML has no way to write some characters.
fn clean(value: &str) -> String {
    let allowed = |c: char| match c {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        _ => c >= ' ',
    };
    value.chars().map(|c| if allowed(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped() {
        let xml = Xml::of(|xml| {
            xml.text("Value", "a<b & \"c\"\r\u{0}");
        });
        assert_eq!(
            xml.document("Root", "urn:x"),
            "<Root xmlns=\"urn:x\"><Value>a&lt;b &amp; &quot;c&quot;&#xD;\u{fffd}</Value></Root>"
        );
    }
}
