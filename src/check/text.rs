//! Words and figures for people.

use std::{borrow::Cow, fmt::Write as _};

use crate::{console::breaks_lines, inventory::Timestamp};
pub(super) use crate::{inventory::time, policy::seconds};

const UNITS: [(i64, &str); 3] = [(86_400, "d"), (3_600, "h"), (60, "m")];

/// In the largest unit that it fills once: `97d`, `5h`.
pub(super) fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let unit = UNITS.iter().find(|(size, _)| seconds >= *size);
    unit.map_or_else(|| format!("{seconds}s"), |(size, unit)| format!("{}{unit}", seconds / size))
}

/// `2027-01-31`.
pub(super) fn day(at: Timestamp) -> String {
    time(at).split('T').next().unwrap_or_default().to_owned()
}

/// `1 key`, `2 keys`.
pub(super) fn count(things: usize, thing: &str) -> String {
    if things == 1 { format!("1 {thing}") } else { format!("{things} {thing}s") }
}

/// Other people choose names: nothing in them may give orders to a terminal or break a line.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(breaks_lines) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if breaks_lines(character) {
            write!(shown, "\\u{{{:x}}}", u32::from(character)).expect("writing to a String does not fail");
        } else {
            shown.push(character);
        }
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_in_the_largest_unit_that_they_fill() {
        let spans =
            [(0, "0s"), (59, "59s"), (60, "1m"), (3_599, "59m"), (86_399, "23h"), (86_400, "1d"), (8_640_000, "100d")];
        assert_eq!(spans.map(|(seconds, _)| span(seconds)), spans.map(|(_, text)| text));
        assert_eq!(span(-5), "0s");
    }

    #[test]
    fn no_name_can_give_orders_to_a_terminal() {
        assert_eq!(shown("a\u{1b}[2J\r\nb\u{202e}"), "a\\u{1b}[2J\\u{d}\\u{a}b\\u{202e}");
        assert_eq!(shown("Zoë+1@example.com"), "Zoë+1@example.com");
    }

    #[test]
    fn times_are_utc() {
        assert_eq!((time(1_801_353_600), day(1_801_353_600)), ("2027-01-31T00:00:00Z".into(), "2027-01-31".into()));
        assert_eq!(time(i64::MAX), i64::MAX.to_string());
    }
}
