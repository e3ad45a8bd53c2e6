//! For tickets and pull requests.

use std::fmt::Write as _;

use super::{
    Look,
    controls::Control,
    report::{Report, Row},
    summary,
    table::{findings, is_worth_showing, last_used, used_for},
    text::{day, shown, span, time},
};

/// The whole document.
pub(super) fn render(report: &Report, look: Look) -> String {
    let mut out = format!("# AWS access keys at {}\n\n{}\n\n", time(report.made_at), escaped(&summary::counts(report)));
    for gap in summary::gaps(report) {
        writeln!(out, "- {}", escaped(&gap)).expect("a String");
    }
    if !report.gaps.is_empty() {
        out.push('\n');
    }
    let rows: Vec<&Row> = report.rows.iter().filter(|row| look.all || is_worth_showing(row)).collect();
    if !rows.is_empty() {
        out.push_str("| due | account | user | access key | age | last used | used for | findings |\n");
        out.push_str("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
        for row in rows {
            line(&mut out, row, report);
        }
        out.push('\n');
    }
    controls(&mut out, report);
    out.push_str(&escaped(summary::verdict(report)));
    out.push('\n');
    out
}

fn line(out: &mut String, row: &Row, report: &Report) {
    let key = row.key.as_ref();
    let dash = || "-".to_owned();
    let cells = [
        key.and_then(|key| key.due).map_or_else(dash, day),
        summary::name(report, &row.account.id),
        row.user.to_string(),
        key.map_or_else(dash, |key| key.id.to_string()),
        key.map_or_else(dash, |key| span(report.made_at - key.created)),
        key.map_or_else(dash, |key| last_used(key, report.made_at)),
        key.map_or_else(dash, |key| used_for(&key.last_use)),
        findings(row),
    ];
    for cell in cells {
        write!(out, "| {} ", escaped(&shown(&cell))).expect("a String");
    }
    out.push_str("|\n");
}

/// Which controls are broken, and by how many findings.
fn controls(out: &mut String, report: &Report) {
    let controls = report.controls();
    if controls.is_empty() {
        return;
    }
    out.push_str("| benchmark | control | findings |\n| --- | --- | --- |\n");
    for (Control { benchmark, id }, findings) in controls {
        writeln!(out, "| {} | {} | {findings} |", escaped(benchmark.title()), escaped(id)).expect("a String");
    }
    out.push('\n');
}

/// What Markdown or HTML would take for an order is shown as it is.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '#' | '&' | '!') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}
