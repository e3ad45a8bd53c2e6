//! Moments as AWS writes them.

use chrono::DateTime;

/// `2026-09-11T13:14:52Z`.
pub(crate) fn iso(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::iso;

    #[test]
    fn seconds_become_a_date_with_z() {
        assert_eq!(iso(0), "1970-01-01T00:00:00Z");
        assert_eq!(iso(1_709_280_005), "2024-03-01T08:00:05Z");
    }
}
