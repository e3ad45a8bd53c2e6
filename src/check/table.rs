//! For people: a line a key, what is due first at the top, as wide as the terminal.
//!
//! Colours are always in it; where nobody can see them, they are taken out on the way.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::{
    Look,
    finding::Level,
    report::{Key, Report, Row},
    summary,
    text::{count, day, shown, span},
};
use crate::inventory::{LastUse, Timestamp};

/// A column of users is not made narrower than this; longer lines are then the terminal's to break.
const NARROWEST_USERS: usize = 10;

const GAP: &str = "  ";

/// The columns, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Due,
    Account,
    User,
    AccessKey,
    Age,
    LastUsed,
    UsedFor,
    Findings,
}

use Column::{AccessKey, Account, Age, Due, Findings, LastUsed, UsedFor, User};

/// What can be done without on a narrow terminal, the first first: what is due tells the age.
const SPARE: [Column; 2] = [Age, UsedFor];

/// What the cells of a row say.
type Cells = Vec<String>;

/// The table and what it comes to.
pub(super) fn render(report: &Report, look: Look) -> String {
    let rows: Vec<&Row> = report.rows.iter().filter(|row| look.all || is_worth_showing(row)).collect();
    let mut columns = vec![Due, Account, User, AccessKey, Age, LastUsed, UsedFor, Findings];
    columns.retain(|column| *column != Account || report.accounts.len() > 1);
    let fit = |columns: &[Column]| fit(&grid(&rows, columns, report.made_at), columns, look.width);
    for spare in SPARE {
        if !fit(&columns) {
            columns.retain(|column| *column != spare);
        }
    }
    let mut out = String::new();
    if columns.contains(&Account) && !fit(&columns) {
        columns.retain(|column| *column != Account);
        by_account(&mut out, report, &rows, &columns, look);
    } else {
        table(&mut out, &rows, &columns, report.made_at, look.width);
    }
    if !rows.is_empty() {
        out.push('\n');
    }
    footer(&mut out, report, report.rows.len() - rows.len(), look.width);
    out
}

/// Keys with findings, and those that would have some if they were not exempt.
pub(super) fn is_worth_showing(row: &Row) -> bool {
    !row.findings.is_empty() || row.key.as_ref().is_some_and(|key| key.exempt_until.is_some())
}

/// Accounts in the order of what is due first in them, each with a table of its own.
fn by_account(out: &mut String, report: &Report, rows: &[&Row], columns: &[Column], look: Look) {
    let mut left: Vec<&Row> = rows.to_vec();
    while let Some(id) = left.first().map(|row| row.account.id.clone()) {
        let (own, others): (Vec<&Row>, Vec<&Row>) = left.iter().partition(|row| row.account.id == id);
        let bold = Style::new().bold();
        writeln!(out, "{bold}Account {}{bold:#}", summary::name(report, &id)).expect("a String");
        table(out, &own, columns, report.made_at, look.width);
        left = others;
        if !left.is_empty() {
            out.push('\n');
        }
    }
}

fn table(out: &mut String, rows: &[&Row], columns: &[Column], now: Timestamp, width: Option<usize>) {
    if rows.is_empty() {
        return;
    }
    let cells = grid(rows, columns, now);
    let widths = widths(&cells, columns, width);
    let (bold, plain) = (Style::new().bold(), Style::new());
    line(out, &cells[0], &widths, (bold, bold));
    for (row, cells) in rows.iter().zip(&cells[1..]) {
        line(out, cells, &widths, (plain, style(row.level())));
    }
}

/// The titles, and a line for each row.
fn grid(rows: &[&Row], columns: &[Column], now: Timestamp) -> Vec<Cells> {
    let head = columns.iter().map(|column| column.title().to_owned()).collect();
    let cells = rows.iter().map(|row| columns.iter().map(|column| cell(*column, row, now)).collect());
    [head].into_iter().chain(cells).collect()
}

/// Whether nothing has to be broken but between findings.
fn fit(cells: &[Cells], columns: &[Column], width: Option<usize>) -> bool {
    let last = columns.len() - 1;
    let widths = (0..last).map(|place| widest(cells, place)).chain([widest_finding(cells)]);
    width.is_none_or(|width| widths.sum::<usize>() + GAP.len() * last <= width)
}

/// Each column as wide as its widest cell, until the terminal ends: then findings and names go on in the next line.
fn widths(cells: &[Cells], columns: &[Column], width: Option<usize>) -> Vec<usize> {
    let mut widths: Vec<usize> = (0..columns.len()).map(|place| widest(cells, place)).collect();
    let Some(width) = width else { return widths };
    let mut excess = (widths.iter().sum::<usize>() + GAP.len() * (columns.len() - 1)).saturating_sub(width);
    for (column, least) in [(Findings, widest_finding(cells)), (User, NARROWEST_USERS)] {
        if let Some(place) = columns.iter().position(|c| *c == column) {
            let taken = excess.min(widths[place].saturating_sub(least));
            widths[place] -= taken;
            excess -= taken;
        }
    }
    widths
}

fn widest(cells: &[Cells], place: usize) -> usize {
    cells.iter().map(|cells| cells[place].chars().count()).max().unwrap_or_default()
}

/// With the comma behind it.
fn widest_finding(cells: &[Cells]) -> usize {
    let findings = cells.iter().filter_map(|cells| cells.last()).flat_map(|findings| findings.split_inclusive(", "));
    findings.map(|finding| finding.trim_end().chars().count()).max().unwrap_or_default()
}

/// A row; what does not fit into a cell goes on below it.
fn line(out: &mut String, cells: &Cells, widths: &[usize], (of_all, of_last): (Style, Style)) {
    let last = cells.len() - 1;
    let parts = |place: usize| {
        if place == last { broken(&cells[last], widths[last]) } else { chunks(&cells[place], widths[place]) }
    };
    let parts: Vec<Vec<String>> = (0..cells.len()).map(parts).collect();
    let height = parts.iter().map(Vec::len).max().unwrap_or_default();
    for number in 0..height {
        let part = |place: usize| parts[place].get(number).map_or("", String::as_str);
        for (place, width) in widths[..last].iter().enumerate() {
            write!(out, "{of_all}{:<width$}{of_all:#}{GAP}", part(place)).expect("a String");
        }
        match part(last) {
            "" => out.truncate(out.trim_end_matches(' ').len()),
            part => write!(out, "{of_last}{part}{of_last:#}").expect("a String"),
        }
        out.push('\n');
    }
}

fn chunks(text: &str, width: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(width.max(1)).map(|chunk| chunk.iter().collect()).collect()
}

/// Broken after commas, so that each finding stays in one piece.
fn broken(findings: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for finding in findings.split_inclusive(", ") {
        let line = lines.last_mut().expect("there is one");
        if !line.is_empty() && line.chars().count() + finding.trim_end().chars().count() > width {
            line.truncate(line.trim_end().len());
            lines.push(String::new());
        }
        lines.last_mut().expect("there is one").push_str(finding);
    }
    lines
}

fn cell(column: Column, row: &Row, now: Timestamp) -> String {
    let key = row.key.as_ref();
    let of_key = |text: fn(&Key, Timestamp) -> String| key.map_or_else(|| "-".into(), |key| text(key, now));
    match column {
        Due => of_key(due),
        Account => row.account.id.to_string(),
        User => shown(&row.user).into_owned(),
        AccessKey => key.map_or_else(|| "-".into(), |key| shown(&key.id).into_owned()),
        Age => of_key(|key, now| span(now - key.created)),
        LastUsed => of_key(last_used),
        UsedFor => of_key(|key, _| used_for(&key.last_use)),
        Findings => findings(row),
    }
}

fn due(key: &Key, now: Timestamp) -> String {
    match key.due {
        Some(due) if due <= now => format!("{} ago", span(now - due)),
        Some(due) => format!("in {}", span(due - now)),
        None => "-".into(),
    }
}

pub(super) fn last_used(key: &Key, now: Timestamp) -> String {
    match &key.last_use {
        LastUse::Used(last) => format!("{} ago", span(now - last.at)),
        other => other.as_str().to_owned(),
    }
}

/// `s3 in eu-central-1`; services such as IAM have no region.
pub(super) fn used_for(last_use: &LastUse) -> String {
    match last_use {
        LastUse::Used(last) if &*last.region == "N/A" => shown(&last.service).into_owned(),
        LastUse::Used(last) => format!("{} in {}", shown(&last.service), shown(&last.region)),
        _ => "-".into(),
    }
}

/// What is found, and what explains why something is not. An exemption is told by its last day, as it is written.
pub(super) fn findings(row: &Row) -> String {
    let key = row.key.as_ref();
    let exempt = key.and_then(|key| key.exempt_until).map(|until| format!("exempt until {}", day(until - 1)));
    let inactive = key.is_some_and(|key| !key.status.is_active()).then(|| "inactive".to_owned());
    let found = row.findings.iter().map(|finding| finding.short.clone());
    let words: Vec<String> = found.chain(exempt).chain(inactive).collect();
    if words.is_empty() { "-".into() } else { words.join(", ") }
}

fn style(level: Option<Level>) -> Style {
    match level {
        Some(Level::Critical) => AnsiColor::Red.on_default(),
        Some(Level::Warning) => AnsiColor::Yellow.on_default(),
        Some(Level::Info) => AnsiColor::Cyan.on_default(),
        None => Style::new(),
    }
}

fn footer(out: &mut String, report: &Report, hidden: usize, width: Option<usize>) {
    let mut lines = String::new();
    if hidden > 0 {
        writeln!(lines, "{} without findings not shown (--all shows them).", count(hidden, "key")).expect("a String");
    }
    if let Some(time) = summary::data_time(report) {
        writeln!(lines, "Users and keys as AWS listed them at {time} or later.").expect("a String");
    }
    lines.push_str(&summary::lines(report));
    lines.lines().for_each(|line| out.push_str(&folded(line, width.unwrap_or(usize::MAX))));
}

/// Broken between words; what follows is set in.
fn folded(line: &str, width: usize) -> String {
    let (mut out, mut used) = (String::new(), 0);
    for word in line.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            out.push_str("\n ");
            used = 1;
        }
        if used > 0 {
            out.push(' ');
        }
        out.push_str(word);
        used += 1 + length;
    }
    out.push('\n');
    out
}

impl Column {
    fn title(self) -> &'static str {
        match self {
            Due => "DUE",
            Account => "ACCOUNT",
            User => "USER",
            AccessKey => "ACCESS KEY",
            Age => "AGE",
            LastUsed => "LAST USED",
            UsedFor => "USED FOR",
            Findings => "FINDINGS",
        }
    }
}
