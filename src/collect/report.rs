//! The credential report: CSV in, rows out.
//!
//! Parsed by header name, because AWS has added columns and documents more than it sends.
//! Which marks mean "absent" and what a slot is: User Guide, "Getting credential reports".

use std::sync::Arc;

use chrono::DateTime;

use crate::inventory::{LastUse, ROOT_USER, Status, Texts, Timestamp, Use};

/// AWS keeps at most this many keys per user in the report, in columns of their own.
const SLOTS: [&str; 2] = ["access_key_1", "access_key_2"];

/// Why a report cannot be used. Half a report is no report.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReportError {
    /// There is nothing to parse.
    #[error("the credential report has no rows")]
    Empty,
    /// Not CSV, cut off in the middle, or not text.
    #[error("the credential report is not CSV: {0}")]
    Csv(String),
    /// A column without which nothing can be said.
    #[error("the credential report has no column {0:?}")]
    Column(String),
    /// A value that cannot be what AWS means.
    #[error("line {line} of the credential report, column {column:?}: found {found:?}, expected {expected}")]
    Value {
        /// Counted from 1, the header included.
        line: u64,
        /// The column's name.
        column: String,
        /// What stands there.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
    /// There is one root user.
    #[error("the credential report has {0} rows for {ROOT_USER}, expected 1")]
    Root(usize),
    /// Names are unique in an account.
    #[error("the credential report has the user {0:?} twice")]
    Twice(Arc<str>),
}

/// The rows of a credential report.
#[derive(Debug, PartialEq)]
pub(super) struct Report {
    /// The root user's keys; AWS gives no ids. `None` where the report has no row for it.
    pub root: Option<Vec<Slot>>,
    /// Every IAM user, sorted by name.
    pub rows: Vec<Row>,
}

/// One user of the report.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    /// The user's name.
    pub user: Arc<str>,
    /// The user's path, from its ARN.
    pub path: Arc<str>,
    /// The row says that the user has more credentials than the report has columns for.
    pub has_more: bool,
    /// The access keys it tells of, at most two.
    pub slots: Vec<Slot>,
}

/// An access key as the report tells of it: without its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// 1 or 2; AWS promises no order.
    pub number: usize,
    /// `access_key_N_last_rotated`, which live reports show to be the creation date.
    pub created: Timestamp,
    /// `access_key_N_active`.
    pub status: Status,
    /// Date, service and region of the last use.
    pub last_use: LastUse,
}

/// Parses a report.
///
/// # Errors
/// When anything in it cannot be what AWS means.
pub(super) fn parse(content: &[u8]) -> Result<Report, ReportError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(content);
    let columns = Columns::find(reader.headers().map_err(|e| ReportError::Csv(e.to_string()))?)?;
    let (mut root, mut rows, mut texts) = (Vec::new(), Vec::new(), Texts::default());
    for record in reader.records() {
        let record = record.map_err(|e| ReportError::Csv(e.to_string()))?;
        let row = columns.row(&record, &mut texts)?;
        if &*row.user == ROOT_USER { root.push(row.slots) } else { rows.push(row) }
    }
    match root.len() {
        0 if rows.is_empty() => return Err(ReportError::Empty),
        0 | 1 => {}
        several => return Err(ReportError::Root(several)),
    }
    rows.sort_by(|a, b| a.user.cmp(&b.user));
    if let Some(twins) = rows.windows(2).find(|pair| pair[0].user == pair[1].user) {
        return Err(ReportError::Twice(twins[0].user.clone()));
    }
    Ok(Report { root: root.pop(), rows })
}

struct Columns {
    user: usize,
    arn: usize,
    more: Option<usize>,
    slots: [SlotColumns; 2],
}

struct SlotColumns {
    number: usize,
    active: usize,
    created: usize,
    used: usize,
    region: usize,
    service: usize,
}

impl Columns {
    fn find(header: &csv::StringRecord) -> Result<Self, ReportError> {
        if header.iter().all(str::is_empty) {
            return Err(ReportError::Empty);
        }
        let place = |name: &str| {
            let found = header.iter().position(|column| column.trim_start_matches('\u{feff}') == name);
            found.ok_or_else(|| ReportError::Column(name.to_owned()))
        };
        let slot = |number: usize| {
            let of = |what: &str| place(&format!("{}_{what}", SLOTS[number - 1]));
            Ok(SlotColumns {
                number,
                active: of("active")?,
                created: of("last_rotated")?,
                used: of("last_used_date")?,
                region: of("last_used_region")?,
                service: of("last_used_service")?,
            })
        };
        let more = place("additional_credentials_info").ok();
        Ok(Self { user: place("user")?, arn: place("arn")?, more, slots: [slot(1)?, slot(2)?] })
    }

    fn row(&self, record: &csv::StringRecord, texts: &mut Texts) -> Result<Row, ReportError> {
        let cells = Cells { record };
        let user = cells.text(self.user).ok_or_else(|| cells.wrong(self.user, "user", "a user name"))?;
        let slots = self.slots.iter().filter_map(|slot| slot.read(&cells, texts).transpose());
        let mut slots: Vec<_> = slots.collect::<Result<_, _>>()?;
        slots.shrink_to_fit();
        let has_more = self.more.is_some_and(|column| cells.text(column).is_some());
        let path = texts.one(path(cells.text(self.arn).unwrap_or_default()));
        Ok(Row { user: user.into(), path, has_more, slots })
    }
}

impl SlotColumns {
    /// `None` where the slot holds no key: there is no date then.
    fn read(&self, cells: &Cells, texts: &mut Texts) -> Result<Option<Slot>, ReportError> {
        let active = cells.boolean(self.active, "access_key_N_active")?;
        let created = cells.date(self.created, "access_key_N_last_rotated")?;
        let status = if active { Status::Active } else { Status::Inactive };
        match created {
            Some(created) => {
                let last_use = self.last_use(cells, texts)?;
                Ok(Some(Slot { number: self.number, created, status, last_use }))
            }
            None if active => {
                Err(cells.wrong(self.created, "access_key_N_last_rotated", "a date, for the key is active"))
            }
            None => Ok(None),
        }
    }

    fn last_use(&self, cells: &Cells, texts: &mut Texts) -> Result<LastUse, ReportError> {
        let mut or_na = |column| texts.one(cells.text(column).unwrap_or("N/A"));
        Ok(match cells.date(self.used, "access_key_N_last_used_date")? {
            None => LastUse::Never,
            Some(at) => LastUse::Used(Use { at, service: or_na(self.service), region: or_na(self.region) }),
        })
    }
}

/// One line, its values by column.
struct Cells<'a> {
    record: &'a csv::StringRecord,
}

impl Cells<'_> {
    /// The value, unless it is one of AWS's marks for having none.
    fn text(&self, column: usize) -> Option<&str> {
        let text = self.record.get(column).unwrap_or_default().trim();
        let absent = ["", "N/A", "no_information", "not_supported"];
        (!absent.contains(&text)).then_some(text)
    }

    fn boolean(&self, column: usize, name: &str) -> Result<bool, ReportError> {
        match self.text(column) {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(self.wrong(column, name, "true or false")),
        }
    }

    fn date(&self, column: usize, name: &str) -> Result<Option<Timestamp>, ReportError> {
        let Some(text) = self.text(column) else { return Ok(None) };
        let seconds = DateTime::parse_from_rfc3339(text).ok().map(|date| date.timestamp()).filter(|s| *s > 0);
        seconds.map(Some).ok_or_else(|| self.wrong(column, name, "a date such as 2026-09-11T13:14:52Z"))
    }

    fn wrong(&self, column: usize, name: &str, expected: &'static str) -> ReportError {
        let found: String = self.record.get(column).unwrap_or_default().chars().take(80).collect();
        let line = self.record.position().map_or(0, csv::Position::line);
        ReportError::Value { line, column: name.to_owned(), found, expected }
    }
}

/// `arn:aws:iam::123456789012:user/team/ci-bot` has the path `/team/`.
fn path(arn: &str) -> &str {
    let resource = arn.find(":user/").map_or("/", |at| &arn[at + ":user".len()..]);
    resource.rfind('/').map_or("/", |end| &resource[..=end])
}

/// What must hold of whatever is accepted, however broken the content.
#[cfg(any(test, fuzzing))]
pub(super) fn assert_sound(content: &[u8]) {
    let Ok(report) = parse(content) else { return };
    let lines = content.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    assert!(report.rows.len() + usize::from(report.root.is_some()) < lines, "more rows than lines below the header");
    assert!(report.rows.is_sorted_by(|a, b| a.user < b.user), "not sorted, or a user twice");
    let slots = report.root.iter().chain(report.rows.iter().map(|row| &row.slots));
    assert!(slots.clone().all(|slots| slots.len() <= SLOTS.len()), "more slots than columns");
    assert!(slots.flatten().all(|slot| slot.created > 0), "a key without a creation date");
    let text: usize = report.rows.iter().map(|row| row.user.len() + row.path.len()).sum();
    assert!(text <= content.len() + report.rows.len(), "more text than there was");
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
