//! Numbers and times in words.

use chrono::{DateTime, Utc};

use crate::inventory::Timestamp;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A moment: in words relative to now, and exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) words: String,
    /// `2026-11-25`
    pub(super) date: String,
    /// `2026-11-25 18:30:00 UTC`
    pub(super) exact: String,
    /// For machines.
    pub(super) iso: String,
}

impl Moment {
    fn new(at: Timestamp, words: String) -> Self {
        let time = DateTime::<Utc>::from_timestamp(at, 0);
        let written = |format: &str| match time {
            Some(time) => time.format(format).to_string(),
            None => "beyond the calendar".to_owned(),
        };
        let iso = if time.is_some() { written("%Y-%m-%dT%H:%M:%SZ") } else { String::new() };
        Self { words, date: written("%Y-%m-%d"), exact: written("%Y-%m-%d %H:%M:%S UTC"), iso }
    }

    /// `3 h ago`
    pub(super) fn ago(at: Timestamp, now: Timestamp) -> Self {
        Self::new(at, format!("{} ago", span(now.saturating_sub(at))))
    }

    /// `97 days`, as an age.
    pub(super) fn age(at: Timestamp, now: Timestamp) -> Self {
        Self::new(at, span(now.saturating_sub(at)))
    }

    /// `7 days overdue` or `in 7 days`
    pub(super) fn due(at: Timestamp, now: Timestamp) -> Self {
        let words = if at <= now { format!("{} overdue", span(now.saturating_sub(at))) } else { Self::ahead(at, now) };
        Self::new(at, words)
    }

    /// `exempt for 7 days`; the date is the last one on which it holds, as it was written.
    pub(super) fn exempt(until: Timestamp, now: Timestamp) -> Self {
        let last_day = Self::new(until.saturating_sub(1), String::new()).date;
        Self { date: last_day, ..Self::new(until, format!("exempt for {}", span(until.saturating_sub(now)))) }
    }

    /// As it stands.
    pub(super) fn exact(at: Timestamp) -> Self {
        let mut moment = Self::new(at, String::new());
        moment.words.clone_from(&moment.exact);
        moment
    }

    fn ahead(at: Timestamp, now: Timestamp) -> String {
        format!("in {}", span(at.saturating_sub(now)))
    }
}

/// A length of time in its largest sensible unit, rounded down.
pub(super) fn span(seconds: i64) -> String {
    match seconds.max(0) {
        seconds if seconds < MINUTE => format!("{seconds} s"),
        seconds if seconds < HOUR => format!("{} min", seconds / MINUTE),
        seconds if seconds < 2 * DAY => format!("{} h", seconds / HOUR),
        seconds => format!("{} days", grouped(seconds / DAY)),
    }
}

/// `12,345`
pub(super) fn grouped(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or_default().to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 key`, `2 keys`
pub(super) fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number as u64), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_said_in_its_largest_sensible_unit() {
        let cases = [
            (-5, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (2 * DAY - 1, "47 h"),
            (2 * DAY, "2 days"),
            (1_234 * DAY, "1,234 days"),
        ];
        for (seconds, words) in cases {
            assert_eq!(span(seconds), words);
        }
    }

    #[test]
    fn digits_stand_in_groups_of_three() {
        let written = [0_u64, 999, 1_000, 99_999, 1_234_567].map(grouped);
        assert_eq!(written, ["0", "999", "1,000", "99,999", "1,234,567"]);
        assert_eq!(grouped(-1_i64), "0");
        assert_eq!([counted(1, "key", "keys"), counted(0, "key", "keys")], ["1 key", "0 keys"]);
    }

    #[test]
    fn a_moment_beyond_the_calendar_has_words() {
        let moment = Moment::due(i64::MAX, 0);
        assert_eq!((moment.date.as_str(), moment.iso.as_str()), ("beyond the calendar", ""));
        assert_eq!(Moment::ago(i64::MIN, i64::MAX).iso, "");
    }

    #[test]
    fn a_moment_is_written_for_people_and_machines() {
        let moment = Moment::due(1_790_000_000, 1_790_000_000);
        assert_eq!(moment.words, "0 s overdue");
        assert_eq!((moment.date.as_str(), moment.iso.as_str()), ("2026-09-21", "2026-09-21T14:13:20Z"));
        assert_eq!(Moment::due(1_790_000_001, 1_790_000_000).words, "in 1 s");
    }
}
