//! Pages of IAM lists: `MaxItems`, `Marker`, `IsTruncated`.
//!
//! A marker remembers the last name given out, not a position, so that users who come and go between
//! two pages neither hide others nor show them twice.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::call::Call;
use crate::refusal::Refusal;
use crate::xml::Xml;

const DEFAULT_ITEMS: i64 = 100;
const MOST_ITEMS: i64 = 1000;

/// One page.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    marker: Option<String>,
}

/// Cuts the page that a call asks for out of items in ascending order of their names.
/// `scope` is what a marker is good for.
pub(crate) fn cut<T>(
    call: &Call,
    cap: Option<usize>,
    scope: &str,
    items: impl Iterator<Item = T>,
    name: impl Fn(&T) -> &str,
) -> Result<Page<T>, Refusal> {
    let asked = call.number("MaxItems", 1, MOST_ITEMS)?.unwrap_or(DEFAULT_ITEMS);
    let most = usize::try_from(asked).unwrap_or(1).min(cap.unwrap_or(usize::MAX)).max(1);
    let after = call.get("Marker").map(|marker| unwrap(marker, scope)).transpose()?;
    let left = |item: &T| after.as_deref().is_none_or(|after| name(item) > after);
    let mut items: Vec<T> = items.filter(left).take(most + 1).collect();
    let truncated = items.len() > most;
    items.truncate(most);
    let last = items.last().filter(|_| truncated);
    let marker = last.map(|item| URL_SAFE_NO_PAD.encode(format!("{scope}\n{}", name(item))));
    Ok(Page { items, marker })
}

impl<T> Page<T> {
    /// `IsTruncated` and `Marker`.
    pub(crate) fn write_end(&self, xml: &mut Xml) {
        let truncated = if self.marker.is_some() { "true" } else { "false" };
        xml.text("IsTruncated", truncated);
        if let Some(marker) = &self.marker {
            xml.text("Marker", marker);
        }
    }
}

/// The name that a marker stands for.
fn unwrap(marker: &str, scope: &str) -> Result<String, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(marker).unwrap_or_default();
    let text = String::from_utf8(bytes).unwrap_or_default();
    let kind = |scope: &str| scope.split(' ').next().map(str::to_owned);
    match text.split_once('\n') {
        Some((made_for, after)) if made_for == scope => Ok(after.to_owned()),
        Some((made_for, _)) if kind(made_for) == kind(scope) => {
            Err(Refusal::validation("Marker and Filter do not match"))
        }
        _ => Err(Refusal::validation("Invalid Marker.")),
    }
}

#[cfg(test)]
mod tests {
    use hyper::{HeaderMap, Uri};

    use super::*;

    fn page(body: &str, cap: Option<usize>) -> Result<Page<&'static str>, Refusal> {
        let call = Call::read(&Uri::from_static("/"), &HeaderMap::new(), body.as_bytes());
        cut(&call, cap, "Letters a", ["a", "b", "c", "d", "e"].into_iter(), |letter| letter)
    }

    #[test]
    fn pages_follow_each_other_without_gaps() {
        let first = page("MaxItems=2", None).unwrap();
        assert_eq!(first.items, ["a", "b"]);
        let second = page(&format!("MaxItems=3&Marker={}", first.marker.unwrap()), None).unwrap();
        assert_eq!(second.items, ["c", "d", "e"]);
        assert_eq!(second.marker, None);
    }

    #[test]
    fn a_cap_makes_pages_smaller_than_asked() {
        assert_eq!(page("MaxItems=1000", Some(1)).unwrap().items, ["a"]);
        assert_eq!(page("", Some(0)).unwrap().items, ["a"]);
    }

    #[test]
    fn limits_and_markers_are_checked() {
        for body in ["MaxItems=0", "MaxItems=1001", "Marker=nonsense"] {
            let Err(refusal) = page(body, None) else { panic!("{body} was let through") };
            assert_eq!((refusal.status, refusal.code.as_str()), (400, "ValidationError"));
        }
        let foreign = URL_SAFE_NO_PAD.encode("Letters b\na");
        let Err(refusal) = page(&format!("Marker={foreign}"), None) else { panic!("let through") };
        assert_eq!(refusal.message, "Marker and Filter do not match");
    }
}
