//! For programs: all that is known. docs/check.md describes the shape, `version` numbers it.

use std::io;

use serde::Serialize;

use super::{
    controls::Control,
    finding::{Finding, Level},
    gap::Gap,
    report::{AccountLine, Counts, Key, Outcome, Report, Row},
    text::{seconds, time},
};
use crate::{cli::Benchmark, inventory::LastUse};

/// Raised when something is taken away or means something else; what is new comes besides.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    tool: Tool,
    made_at: String,
    outcome: &'static str,
    exit_code: u8,
    fail_on: String,
    policy: Limits,
    summary: Summary,
    accounts: Vec<AccountShape<'a>>,
    keys: Vec<KeyShape<'a>>,
    findings: Vec<FindingShape<'a>>,
    not_known: Vec<GapShape<'a>>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Limits {
    #[serde(rename = "max_age_seconds")]
    max_age: i64,
    #[serde(rename = "warn_before_seconds")]
    warn_before: i64,
    #[serde(rename = "max_idle_seconds")]
    max_idle: i64,
}

#[derive(Serialize)]
struct Summary {
    accounts: usize,
    accounts_incomplete: usize,
    users: usize,
    access_keys: usize,
    access_keys_active: usize,
    access_keys_exempt: usize,
    findings: usize,
    findings_critical: usize,
    findings_warning: usize,
    findings_info: usize,
}

#[derive(Serialize)]
struct AccountShape<'a> {
    account_id: &'a str,
    account_name: Option<&'a str>,
    account_alias: Option<&'a str>,
    partition: Option<&'a str>,
    complete: bool,
    census_source: Option<&'static str>,
    census_at: Option<String>,
    root_access_keys: Option<u32>,
}

/// Whose a key or a finding is.
#[derive(Serialize)]
struct Subject<'a> {
    account_id: &'a str,
    user_name: &'a str,
    user_path: &'a str,
    access_key_id: Option<&'a str>,
}

#[derive(Serialize)]
struct KeyShape<'a> {
    #[serde(flatten)]
    subject: Subject<'a>,
    status: &'static str,
    created_at: String,
    age_seconds: i64,
    rotation_due_at: Option<String>,
    exempt_until: Option<String>,
    usage: &'static str,
    last_used_at: Option<String>,
    last_used_service: Option<&'a str>,
    last_used_region: Option<&'a str>,
    findings: Vec<&'static str>,
}

#[derive(Serialize)]
struct FindingShape<'a> {
    kind: &'static str,
    severity: &'static str,
    counts: bool,
    #[serde(flatten)]
    subject: Subject<'a>,
    message: &'a str,
    alert: &'static str,
    controls: Vec<ControlShape>,
}

#[derive(Serialize)]
struct ControlShape {
    benchmark: String,
    title: &'static str,
    id: &'static str,
}

#[derive(Serialize)]
struct GapShape<'a> {
    account_id: Option<&'a str>,
    what: &'a str,
    why: &'a str,
}

/// The whole document, and a line end.
pub(super) fn render(report: &Report) -> io::Result<Vec<u8>> {
    let mut out = serde_json::to_vec_pretty(&document(report))?;
    out.push(b'\n');
    Ok(out)
}

fn document(report: &Report) -> Document<'_> {
    let outcome = report.outcome();
    let keys = report.rows.iter().filter_map(|row| Some((row, row.key.as_ref()?)));
    let mut keys: Vec<KeyShape<'_>> = keys.map(|(row, key)| key_shape(report, row, key)).collect();
    keys.sort_by_key(|key| (key.subject.account_id, key.subject.user_name, key.subject.access_key_id));
    Document {
        version: VERSION,
        tool: Tool { name: "iam-key-exporter", version: env!("CARGO_PKG_VERSION") },
        made_at: time(report.made_at),
        outcome: outcome.as_str(),
        exit_code: outcome.code(),
        fail_on: word(&report.wanted.fail_on),
        policy: Limits {
            max_age: seconds(report.limits.max_age),
            warn_before: seconds(report.limits.warn_before),
            max_idle: seconds(report.limits.max_idle),
        },
        summary: summary(report),
        accounts: report.accounts.iter().map(|line| account_shape(report, line)).collect(),
        keys,
        findings: report.findings().map(|(row, finding)| finding_shape(report, row, finding)).collect(),
        not_known: report.gaps.iter().map(gap_shape).collect(),
    }
}

fn summary(report: &Report) -> Summary {
    let Counts { accounts, users, keys, active, exempt, findings } = report.counts();
    let of = |level: Level| report.findings().filter(|(_, finding)| finding.kind.level() == level).count();
    Summary {
        accounts,
        accounts_incomplete: report.incomplete_accounts(),
        users,
        access_keys: keys,
        access_keys_active: active,
        access_keys_exempt: exempt,
        findings,
        findings_critical: of(Level::Critical),
        findings_warning: of(Level::Warning),
        findings_info: of(Level::Info),
    }
}

fn account_shape<'a>(report: &'a Report, line: &'a AccountLine) -> AccountShape<'a> {
    let known = line.known.as_deref();
    AccountShape {
        account_id: &line.id,
        account_name: known.and_then(|account| account.name.as_deref()),
        account_alias: known.and_then(|account| account.alias.as_deref()),
        partition: known.map(|account| &*account.partition),
        complete: report.is_complete(&line.id),
        census_source: known.filter(|a| a.census.complete_at.is_some()).map(|account| account.census.source.as_str()),
        census_at: known.and_then(|account| account.census.complete_at).map(time),
        root_access_keys: known.and_then(|account| account.root_keys_present),
    }
}

fn subject(row: &Row) -> Subject<'_> {
    let access_key_id = row.key.as_ref().map(|key| &*key.id);
    Subject { account_id: &row.account.id, user_name: &row.user, user_path: &row.path, access_key_id }
}

fn key_shape<'a>(report: &Report, row: &'a Row, key: &'a Key) -> KeyShape<'a> {
    let last = if let LastUse::Used(last) = &key.last_use { Some(last) } else { None };
    KeyShape {
        subject: subject(row),
        status: key.status.as_str(),
        created_at: time(key.created),
        age_seconds: report.made_at - key.created,
        rotation_due_at: key.due.map(time),
        exempt_until: key.exempt_until.map(time),
        usage: key.last_use.as_str(),
        last_used_at: last.map(|last| time(last.at)),
        last_used_service: last.map(|last| &*last.service),
        last_used_region: last.map(|last| &*last.region),
        findings: row.findings.iter().map(|finding| finding.kind.as_str()).collect(),
    }
}

fn finding_shape<'a>(report: &Report, row: &'a Row, finding: &'a Finding) -> FindingShape<'a> {
    FindingShape {
        kind: finding.kind.as_str(),
        severity: finding.kind.level().as_str(),
        counts: report.fails(finding),
        subject: subject(row),
        message: &finding.message,
        alert: finding.kind.alert(),
        controls: finding.controls.iter().map(control_shape).collect(),
    }
}

fn control_shape(control: &Control) -> ControlShape {
    let Control { benchmark, id } = *control;
    ControlShape { benchmark: benchmark.word(), title: benchmark.title(), id }
}

fn gap_shape(gap: &Gap) -> GapShape<'_> {
    GapShape { account_id: gap.account.as_deref(), what: &gap.what, why: &gap.why }
}

fn word(value: &impl clap::ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

impl Benchmark {
    /// The word of the command line.
    pub(super) fn word(self) -> String {
        word(&self)
    }
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Findings => "findings",
            Self::Incomplete => "incomplete",
        }
    }
}
