//! For code scanning: SARIF 2.1.0. A key has no place in a file, so its ARN stands for one.

use std::{fmt::Write as _, io};

use serde_json::{Value, json};

use super::{
    finding::{Finding, Kind, Level},
    report::{Outcome, Report, Row},
    text::{shown, time},
};

/// The whole document, and a line end.
pub(super) fn render(report: &Report) -> io::Result<Vec<u8>> {
    let document = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "iam-key-exporter",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": "https://github.com/iam-key-exporter/iam-key-exporter",
                "rules": Kind::ALL.map(rule),
                "notifications": [{ "id": "not-known", "shortDescription": { "text": "Something could not be read" } }],
            }},
            "invocations": [invocation(report)],
            "results": report.findings().map(|(row, finding)| result(row, finding)).collect::<Vec<_>>(),
            "columnKind": "unicodeCodePoints",
        }],
    });
    let mut out = serde_json::to_vec_pretty(&document)?;
    out.push(b'\n');
    Ok(out)
}

fn rule(kind: Kind) -> Value {
    json!({
        "id": kind.as_str(),
        "name": kind.alert(),
        "shortDescription": { "text": kind.title() },
        "helpUri": kind.runbook(),
        "defaultConfiguration": { "level": level(kind) },
    })
}

fn level(kind: Kind) -> &'static str {
    match kind.level() {
        Level::Critical => "error",
        Level::Warning => "warning",
        Level::Info => "note",
    }
}

fn invocation(report: &Report) -> Value {
    let notifications = report.gaps.iter().map(|gap| {
        json!({
            "descriptor": { "id": "not-known" },
            "level": "error",
            "message": { "text": shown(&format!("account {}: {}: {}", gap.account_id(), gap.what, gap.why)) },
        })
    });
    json!({
        "executionSuccessful": report.outcome() != Outcome::Incomplete,
        "exitCode": report.outcome().code(),
        "endTimeUtc": time(report.made_at),
        "toolExecutionNotifications": notifications.collect::<Vec<_>>(),
    })
}

fn result(row: &Row, finding: &Finding) -> Value {
    let place = Kind::ALL.iter().position(|kind| *kind == finding.kind);
    let arn = row.user_arn();
    let name = row.key.as_ref().map_or_else(|| arn.clone(), |key| format!("{arn}/{}", key.id));
    let subject = row.key.as_ref().map_or_else(String::new, |key| format!("access key {} of ", key.id));
    let (account, user) = (&row.account.id, &row.user);
    let text = format!("{} ({subject}user {user} in account {account})", finding.message);
    json!({
        "ruleId": finding.kind.as_str(),
        "ruleIndex": place,
        "level": level(finding.kind),
        "message": { "text": shown(&text) },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri(&name) },
                // Some readers refuse a place without a line.
                "region": { "startLine": 1 },
            },
            "logicalLocations": [{ "fullyQualifiedName": name, "kind": "resource" }],
        }],
        "partialFingerprints": { "finding/v1": format!("{}:{name}", finding.kind.as_str()) },
        "properties": { "controls": controls(finding), "tags": tags(finding) },
    })
}

fn controls(finding: &Finding) -> Vec<Value> {
    let controls = finding.controls.iter();
    controls.map(|control| json!({ "benchmark": control.benchmark.title(), "id": control.id })).collect()
}

fn tags(finding: &Finding) -> Vec<String> {
    finding.controls.iter().map(|control| format!("{} {}", control.benchmark.title(), control.id)).collect()
}

/// What a URI may have in a path stays; the colons would make a scheme of an ARN's first word.
fn uri(arn: &str) -> String {
    let mut uri = String::with_capacity(arn.len());
    for byte in arn.replace(':', "/").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(byte)),
            other => write!(uri, "%{other:02X}").expect("a String"),
        }
    }
    uri.replace("//", "/")
}
