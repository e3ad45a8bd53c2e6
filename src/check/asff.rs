//! For AWS Security Hub: a list of findings as `BatchImportFindings` takes them. Only findings
//! that concern something in an account are told; what is not known has no place in the format.

use std::io;

use serde_json::{Value, json};

use super::{
    finding::{Finding, Level},
    report::{Key, Report, Row},
    text::{shown, time},
};
use crate::inventory::ROOT_USER;

/// Longer ones are refused (API reference, `AwsSecurityFinding`).
const LONGEST_DESCRIPTION: usize = 1_024;

/// More are refused (API reference, `Compliance`).
const MOST_REQUIREMENTS: usize = 32;

/// The whole list, and a line end.
pub(super) fn render(report: &Report) -> io::Result<Vec<u8>> {
    let findings: Vec<Value> = report.findings().map(|(row, finding)| asff(report, row, finding)).collect();
    let mut out = serde_json::to_vec_pretty(&findings)?;
    out.push(b'\n');
    Ok(out)
}

fn asff(report: &Report, row: &Row, finding: &Finding) -> Value {
    let (account, partition) = (&row.account.id, &row.account.partition);
    let (region, kind) = (&report.wanted.region, finding.kind.as_str());
    let name = row.key.as_ref().map_or_else(|| row.user_arn(), |key| format!("{}/{}", row.user_arn(), key.id));
    let made_at = time(report.made_at);
    let text = format!("{} User {} in account {account}.", finding.message, row.user);
    let description: String = shown(&text).chars().take(LONGEST_DESCRIPTION).collect();
    json!({
        "SchemaVersion": "2018-10-08",
        "Id": format!("iam-key-exporter/{kind}/{name}"),
        "ProductArn": format!("arn:{partition}:securityhub:{region}:{account}:product/{account}/default"),
        "ProductName": "iam-key-exporter",
        "GeneratorId": format!("iam-key-exporter/{kind}"),
        "AwsAccountId": account,
        "Region": region,
        "Types": ["Software and Configuration Checks/AWS Security Best Practices"],
        "FirstObservedAt": made_at,
        "LastObservedAt": made_at,
        "CreatedAt": made_at,
        "UpdatedAt": made_at,
        "Severity": { "Label": severity(finding.kind.level()), "Original": finding.kind.level().as_str() },
        "Title": finding.kind.title(),
        "Description": description,
        "Remediation": { "Recommendation": {
            "Text": "The runbook says what to look at and what to do.",
            "Url": finding.kind.runbook(),
        }},
        "Resources": [resource(report, row)],
        "Compliance": compliance(finding),
        "RecordState": "ACTIVE",
    })
}

fn severity(level: Level) -> &'static str {
    match level {
        Level::Critical => "HIGH",
        Level::Warning => "MEDIUM",
        Level::Info => "LOW",
    }
}

fn compliance(finding: &Finding) -> Value {
    let requirements = finding.controls.iter().map(|control| format!("{}/{}", control.benchmark.title(), control.id));
    let requirements: Vec<String> = requirements.take(MOST_REQUIREMENTS).collect();
    let status = if finding.kind.level() == Level::Critical { "FAILED" } else { "WARNING" };
    if requirements.is_empty() {
        json!({ "Status": status })
    } else {
        json!({ "Status": status, "RelatedRequirements": requirements })
    }
}

fn resource(report: &Report, row: &Row) -> Value {
    let (partition, region) = (&row.account.partition, &report.wanted.region);
    let arn = row.user_arn();
    match &row.key {
        Some(key) => json!({
            "Type": "AwsIamAccessKey",
            "Id": format!("{arn}/{}", key.id),
            "Partition": partition,
            "Region": region,
            "Details": { "AwsIamAccessKey": key_details(row, key) },
        }),
        None if &*row.user == ROOT_USER => json!({
            "Type": "AwsAccount",
            "Id": format!("AWS::::Account:{}", row.account.id),
            "Partition": partition,
            "Region": region,
        }),
        None => json!({
            "Type": "AwsIamUser",
            "Id": arn,
            "Partition": partition,
            "Region": region,
            "Details": { "AwsIamUser": { "UserName": row.user, "Path": row.path } },
        }),
    }
}

fn key_details(row: &Row, key: &Key) -> Value {
    let principal = if &*row.user == ROOT_USER { "Root" } else { "IAMUser" };
    json!({
        "AccessKeyId": key.id,
        "AccountId": row.account.id,
        "CreatedAt": time(key.created),
        "PrincipalName": row.user,
        "PrincipalType": principal,
        "Status": key.status.as_str(),
    })
}
