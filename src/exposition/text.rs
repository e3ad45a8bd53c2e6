//! The text format 0.0.4: one line a series, labels escaped.

use std::fmt::Write as _;

/// Appends `name{label="value",…} ` — everything but the value.
pub(super) fn series(out: &mut String, name: &str, labels: &[(&str, &str)]) {
    out.push_str(name);
    let mut open = '{';
    for (label, value) in labels {
        out.push(open);
        out.push_str(label);
        out.push_str("=\"");
        escape(out, value);
        out.push('"');
        open = ',';
    }
    out.push_str(if labels.is_empty() { " " } else { "} " });
}

/// Appends a whole line with a whole number.
pub(super) fn integer(out: &mut String, name: &str, labels: &[(&str, &str)], value: i64) {
    series(out, name, labels);
    out.push_str(itoa::Buffer::new().format(value));
    out.push('\n');
}

/// Appends a whole line with a fraction.
pub(super) fn float(out: &mut String, name: &str, labels: &[(&str, &str)], value: f64) {
    series(out, name, labels);
    writeln!(out, "{value}").expect("writing to a String does not fail");
}

fn escape(out: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => out.push_str(r"\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str(r"\n"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_backslashes_and_line_ends_are_escaped_and_utf_8_is_kept() {
        let mut out = String::new();
        integer(&mut out, "m", &[("a", "\"\\\n"), ("b", "жук")], -7);
        assert_eq!(out, "m{a=\"\\\"\\\\\\n\",b=\"жук\"} -7\n");
    }

    #[test]
    fn a_series_without_labels_has_no_braces() {
        let mut out = String::new();
        float(&mut out, "m", &[], 0.5);
        assert_eq!(out, "m 0.5\n");
    }
}
