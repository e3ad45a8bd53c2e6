//! For spreadsheets: a line a key, one for each user with findings of its own, and one for each account
//! of which nothing else can be said than that it is not known.

use std::{collections::BTreeSet, io};

use super::{
    gap::Gap,
    report::{Key, Report, Row},
    text::time,
};
use crate::inventory::{LastUse, Use};

/// The columns; new ones come at the end.
const COLUMNS: [&str; 18] = [
    "account_id",
    "account_name",
    "user_name",
    "user_path",
    "access_key_id",
    "status",
    "created",
    "age_days",
    "rotation_due",
    "exempt_until",
    "usage",
    "last_used",
    "last_used_service",
    "last_used_region",
    "findings",
    "severity",
    "account_complete",
    "controls",
];

/// The whole file.
pub(super) fn render(report: &Report) -> io::Result<Vec<u8>> {
    let mut out = ::csv::Writer::from_writer(Vec::new());
    out.write_record(COLUMNS)?;
    for row in &report.rows {
        out.write_record(cells(report, row).map(|cell| harmless(&cell)))?;
    }
    for id in unseen(report) {
        out.write_record(unseen_cells(id))?;
    }
    out.into_inner().map_err(::csv::IntoInnerError::into_error)
}

/// Accounts that would not be in the file, although not everything of them is known.
fn unseen(report: &Report) -> BTreeSet<&str> {
    let seen: BTreeSet<&str> = report.rows.iter().map(|row| &*row.account.id).collect();
    report.gaps.iter().map(Gap::account_id).filter(|id| !seen.contains(id)).collect()
}

fn unseen_cells(id: &str) -> [&str; COLUMNS.len()] {
    let of = |column| match column {
        "account_id" => id,
        "account_complete" => "false",
        _ => "",
    };
    COLUMNS.map(of)
}

fn cells(report: &Report, row: &Row) -> [String; COLUMNS.len()] {
    let account = &row.account;
    let [key_id, status, created, age, due, exempt, usage, used, service, region] =
        row.key.as_ref().map(|key| key_cells(report, key)).unwrap_or_default();
    let findings: Vec<&str> = row.findings.iter().map(|finding| finding.kind.as_str()).collect();
    let broken = row.findings.iter().flat_map(|finding| &finding.controls);
    let controls: Vec<String> = broken.map(|control| format!("{} {}", control.benchmark.word(), control.id)).collect();
    let severity = row.level().map_or("", super::finding::Level::as_str);
    [
        account.id.to_string(),
        account.name.as_deref().unwrap_or_default().into(),
        row.user.to_string(),
        row.path.to_string(),
        key_id,
        status,
        created,
        age,
        due,
        exempt,
        usage,
        used,
        service,
        region,
        findings.join(" "),
        severity.into(),
        report.is_complete(&account.id).to_string(),
        controls.join("; "),
    ]
}

fn key_cells(report: &Report, key: &Key) -> [String; 10] {
    let [at, service, region] = match &key.last_use {
        LastUse::Used(Use { at, service, region }) => [time(*at), service.to_string(), region.to_string()],
        _ => Default::default(),
    };
    let days = (report.made_at - key.created).max(0) / 86_400;
    [
        key.id.to_string(),
        key.status.as_str().into(),
        time(key.created),
        days.to_string(),
        key.due.map(time).unwrap_or_default(),
        key.exempt_until.map(time).unwrap_or_default(),
        key.last_use.as_str().into(),
        at,
        service,
        region,
    ]
}

/// A cell that begins like a formula is one to a spreadsheet, and other people choose names.
/// The apostrophe is the spreadsheets' own mark for text.
fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{cell}") } else { cell.to_owned() }
}
