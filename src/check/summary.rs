//! What it comes to, in a few lines for people.

use std::fmt::Write as _;

use super::{
    controls::Control,
    finding::Kind,
    report::{Counts, Outcome, Report},
    text::{count, shown, time},
};
use crate::cli::{FailOn, Format};

/// What standard error says when the report itself goes elsewhere; nothing where a table on standard
/// output has said it.
#[must_use]
pub fn told(report: &Report, format: Format, is_printed: bool) -> String {
    if format == Format::Table && is_printed { String::new() } else { lines(report) }
}

/// Counts, controls if they were asked for, gaps and the verdict.
pub(super) fn lines(report: &Report) -> String {
    let mut out = counts(report) + "\n";
    for line in controls(report).into_iter().chain(gaps(report)) {
        out.push_str(&line);
        out.push('\n');
    }
    out.push_str(verdict(report));
    out.push('\n');
    out
}

/// Everything that there is, in a sentence, and everything that was found.
pub(super) fn counts(report: &Report) -> String {
    let Counts { accounts, users, keys, active, exempt, .. } = report.counts();
    let (accounts, users, keys) = (count(accounts, "account"), count(users, "user"), count(keys, "key"));
    let mut out = format!("{keys} ({active} active) of {users} in {accounts}");
    let incomplete = report.incomplete_accounts();
    if incomplete > 0 {
        write!(out, " ({incomplete} not read to the end)").expect("writing to a String does not fail");
    }
    let found: Vec<String> = Kind::ALL.iter().filter_map(|kind| found(report, *kind)).collect();
    let found = if found.is_empty() { "nothing found".to_owned() } else { found.join(", ") };
    write!(out, ": {found}").expect("writing to a String does not fail");
    if exempt > 0 {
        write!(out, "; {exempt} exempt").expect("writing to a String does not fail");
    }
    out
}

fn found(report: &Report, kind: Kind) -> Option<String> {
    let number = report.count(kind);
    let words = match kind {
        Kind::Overdue => "overdue".to_owned(),
        Kind::RootKey => format!("root {}", if number == 1 { "key" } else { "keys" }),
        Kind::Quarantined => format!("quarantined {}", if number == 1 { "user" } else { "users" }),
        Kind::DueSoon => "due soon".to_owned(),
        Kind::ExemptionEndsSoon => "soon exempt no longer".to_owned(),
        Kind::InvalidTag => format!("invalid {}", if number == 1 { "tag" } else { "tags" }),
        Kind::Unused => "unused".to_owned(),
        Kind::NeverUsed => "never used".to_owned(),
        Kind::TwoActiveKeys => format!("{} with several active keys", if number == 1 { "user" } else { "users" }),
    };
    (number > 0).then(|| format!("{number} {words}"))
}

/// A line for each benchmark that was asked for: the numbers of broken controls, and by how many findings.
fn controls(report: &Report) -> Vec<String> {
    let controls: Vec<_> = report.controls().into_iter().collect();
    let of_one = controls.chunk_by(|(one, _), (other, _)| one.benchmark == other.benchmark);
    let line = |broken: &[(Control, usize)]| {
        let numbers: Vec<String> = broken.iter().map(|(control, count)| format!("{} ({count})", control.id)).collect();
        format!("{}: {}", broken[0].0.benchmark.title(), numbers.join(", "))
    };
    if report.wanted.benchmarks.is_empty() { Vec::new() } else { of_one.map(line).collect() }
}

/// A line for each thing that is not known.
pub(super) fn gaps(report: &Report) -> Vec<String> {
    let line = |gap: &super::gap::Gap| {
        let account = name(report, gap.account_id());
        format!("NOT KNOWN: account {account}: {}: {}", shown(&gap.what), shown(&gap.why))
    };
    report.gaps.iter().map(line).collect()
}

/// The account's id, and its name if it has one.
pub(super) fn name(report: &Report, id: &str) -> String {
    let known = report.accounts.iter().find(|line| &*line.id == id).and_then(|line| line.known.as_ref());
    let name = known.and_then(|account| account.name.as_ref().or(account.alias.as_ref()));
    name.map_or_else(|| id.to_owned(), |name| format!("{id} ({})", shown(name)))
}

/// When the oldest list of an account's keys was true.
pub(super) fn data_time(report: &Report) -> Option<String> {
    let known = report.accounts.iter().filter_map(|line| line.known.as_ref());
    known.filter_map(|account| account.census.complete_at).min().map(time)
}

pub(super) fn verdict(report: &Report) -> &'static str {
    match (report.outcome(), report.wanted.fail_on) {
        (Outcome::Clean, FailOn::Never) => "Everything was read (exit code 0: findings do not count here).",
        (Outcome::Clean, _) => "Everything was read, and nothing found that counts (exit code 0).",
        (Outcome::Findings, _) => "Everything was read, and something found that counts (exit code 1).",
        (Outcome::Incomplete, _) => "NOT EVERYTHING COULD BE READ: more may be there than is shown (exit code 2).",
    }
}
