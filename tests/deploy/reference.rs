//! The references: every configuration key, flag, command and metric is in them, and none to spare.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use aws_stub::{DEFAULT_ACCOUNT, Fault, Stub};
use clap::CommandFactory as _;
use iam_key_exporter::cli::Cli;
use testbed::{Exporter, Page, Settings};

use crate::{BINARY, DAY, QUICK, ROOT, lines, run};

/// One key that nobody knows in each section, so that the exporter tells which ones there are.
const NOBODY_KNOWS: &str = "qqqqq: 1\npolicy: { qqqqq: 1 }\noverrides: [{ qqqqq: 1 }]\nexemptions: [{ qqqqq: 1 }]\n\
    accounts: [{ qqqqq: 1 }]\norganization: { qqqqq: 1 }\nlimits: { qqqqq: 1 }\nlabels: { qqqqq: 1 }\n";

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(file)).unwrap()
}

/// Rows of the tables under a heading, by what stands in code in their first cell.
pub(crate) fn rows(document: &str, heading: &str) -> BTreeMap<String, Vec<String>> {
    let text = read(document);
    let section = text.split(&format!("\n{heading}\n")).nth(1).unwrap_or_else(|| panic!("{document}: no {heading}"));
    let section = section.split("\n## ").next().unwrap();
    let mut rows = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<String> = line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
        let name = cells[0].trim_matches('`').to_owned();
        assert!(rows.insert(name.clone(), cells).is_none(), "{document}: {name} is there twice");
    }
    rows
}

fn names(rows: &BTreeMap<String, Vec<String>>) -> BTreeSet<String> {
    rows.keys().cloned().collect()
}

/// `policy.max_age`, `overrides[].user` …, as the exporter itself tells them.
fn keys() -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.yml");
    fs::write(&file, NOBODY_KNOWS).unwrap();
    let output = run(&[&format!("--config.file={}", file.display()), "--config.check"]);
    let said = String::from_utf8(output.stderr).unwrap();
    let told = said.lines().filter_map(|line| line.split_once("qqqqq: unknown key, allowed are "));
    let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (place, allowed) in told {
        let section = place.rsplit(": ").next().unwrap().trim_end_matches('.').replace("[0]", "[]");
        sections.insert(section, allowed.split(", ").map(str::to_owned).collect());
    }
    assert_eq!(sections.len(), NOBODY_KNOWS.matches("qqqqq").count(), "{said}");
    let is_section = |key: &str| sections.keys().any(|section| section.trim_end_matches("[]") == key);
    let mut keys = BTreeSet::new();
    for (section, allowed) in &sections {
        for key in allowed.iter().filter(|key| !section.is_empty() || !is_section(key)) {
            keys.insert(if section.is_empty() { key.clone() } else { format!("{section}.{key}") });
        }
    }
    keys
}

#[test]
fn every_configuration_key_is_in_the_reference_and_none_besides() {
    assert_eq!(names(&rows("docs/configuration.md", "## Keys")), keys());
}

/// The chart refuses what its schema does not know; `state_dir` is its own.
#[test]
fn every_configuration_key_is_in_the_schema_of_the_chart_and_none_besides() {
    let schema: serde_json::Value =
        serde_json::from_str(&read("deploy/helm/iam-key-exporter/values.schema.json")).unwrap();
    let mut found = BTreeSet::from(["state_dir".to_owned()]);
    for (key, value) in schema["properties"]["config"]["properties"].as_object().unwrap() {
        let (below, mark) = if value["items"].is_object() { (&value["items"], "[]") } else { (value, "") };
        match below["properties"].as_object() {
            Some(properties) => found.extend(properties.keys().map(|name| format!("{key}{mark}.{name}"))),
            None => drop(found.insert(key.clone())),
        }
    }
    assert_eq!(found, keys());
}

#[test]
fn every_flag_and_command_is_in_the_reference_with_its_default() {
    let mut program = Cli::command();
    program.build();
    let flags = rows("docs/configuration.md", "## Flags");
    let known: BTreeSet<String> =
        program.get_arguments().filter_map(|arg| Some(format!("--{}", arg.get_long()?))).collect();
    assert_eq!(names(&flags), known);
    for arg in
        program.get_arguments().filter(|arg| !arg.get_default_values().is_empty() && arg.get_action().takes_values())
    {
        let default = arg.get_default_values()[0].to_string_lossy().into_owned();
        let flag = format!("--{}", arg.get_long().unwrap());
        assert_eq!(flags[&flag][1], format!("`{default}`"), "{flag}");
    }
    let commands = program.get_subcommands().map(|command| command.get_name().to_owned()).filter(|name| name != "help");
    assert_eq!(names(&rows("docs/configuration.md", "## Commands")), commands.collect());
}

#[test]
fn defaults_of_keys_are_those_of_the_example_file() {
    let example = read("iam-key-exporter.example.yml");
    for (key, cells) in rows("docs/configuration.md", "## Keys") {
        let name = key.rsplit('.').next().unwrap();
        let Some(default) = cells[1].strip_prefix('`').and_then(|default| default.strip_suffix('`')) else { continue };
        if key.contains("[]") || key.starts_with("organization") {
            continue;
        }
        let line = example.lines().find_map(|line| line.trim_start().strip_prefix(&format!("{name}: ")));
        let written = line.map(|value| value.split(" #").next().unwrap().trim());
        assert!(written.is_none_or(|written| written == default), "{key}: {default} and {written:?}");
    }
}

#[test]
fn every_alert_is_in_the_reference_with_its_severity_and_none_besides() {
    let (rules, mut alert, mut alerts) = (read("alerts/rules.yaml"), None, BTreeMap::new());
    for line in rules.lines().map(str::trim_start) {
        alert = line.strip_prefix("- alert: ").or(alert);
        if let (Some(severity), Some(name)) = (line.strip_prefix("severity: "), alert) {
            alerts.insert(name.to_owned(), severity.to_owned());
        }
    }
    let reference = read("docs/alerts.md");
    let rows = reference.lines().filter_map(|line| line.strip_prefix("| [")?.split_once("](runbooks/"));
    let told = rows.map(|(name, rest)| (name.to_owned(), rest.split(" | ").nth(1).unwrap().to_owned()));
    assert_eq!(told.collect::<BTreeMap<_, _>>(), alerts);
}

#[test]
fn every_piece_of_configuration_in_the_reference_is_valid() {
    let (document, folder) = (read("docs/configuration.md"), tempfile::tempdir().unwrap());
    let (mut blocks, mut last) = (Vec::<String>::new(), 0);
    for (number, language, line) in lines(&document) {
        if language == Some("yaml") {
            if number != last + 1 {
                blocks.push(String::new());
            }
            *blocks.last_mut().unwrap() += &[line, "\n"].concat();
            last = number;
        }
    }
    assert!(blocks.len() > 1, "where are the blocks?");
    for block in blocks {
        let file = folder.path().join("block.yml");
        fs::write(&file, &block).unwrap();
        let output = run(&[&format!("--config.file={}", file.display()), "--config.check"]);
        assert!(output.status.success(), "{block}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// All that can be shown at once: used, unused, inactive and root keys, tags good and bad, exemptions, quarantine.
fn populate(stub: &Stub) {
    let mut cloud = stub.cloud();
    let now = cloud.now();
    let account = cloud.account(DEFAULT_ACCOUNT);
    let used = account.user("used");
    used.key("AKIAUSED", now - 100 * DAY).used(now - DAY, "s3", "eu-central-1");
    used.attached_policies.push("AWSCompromisedKeyQuarantineV3".to_owned());
    used.tags.insert("rotation:max-age".to_owned(), "soon".to_owned());
    account.user("replaced").tag("iam-key-rotate:stage", "promoted").key("AKIAREPLACED", now - 100 * DAY);
    account.user("exempt").key("AKIAEXEMPT", now - 100 * DAY);
    cloud.fault_times("ListUsers", Fault::Throttle, 1);
}

async fn page() -> Page {
    let stub = Stub::start().await.unwrap();
    populate(&stub);
    let config = format!(
        "{QUICK}policy: {{ max_age_tag: 'rotation:max-age' }}\norganization: {{ role_name: r }}\n\
         exemptions: [{{ account: '*', user: exempt, until: 2099-01-01, reason: test }}]\nlabels: {{ user_tags: [owner] }}\n"
    );
    let exporter = Exporter::start(BINARY, &Settings::of(stub.endpoint()).config(&config)).await.unwrap();
    let is_whole = |page: &Page| {
        let exempt = page.with("aws_iam_access_key_exempt_until_timestamp_seconds", &[]);
        let is_up = page.with("aws_iam_account_up", &[("account_id", DEFAULT_ACCOUNT)]).iter().any(|up| up.value > 0.0);
        is_up && !exempt.is_empty()
    };
    exporter.page_when("a whole account", is_whole).await
}

#[tokio::test]
async fn every_metric_is_in_the_reference_with_its_labels_and_none_besides() {
    let mut documented = BTreeMap::new();
    for heading in ["## Keys", "## Users", "## Accounts", "## The exporter"] {
        documented.append(&mut rows("docs/metrics.md", heading));
    }
    documented.remove("process_…");
    let page = page().await;
    let mut wrong = Vec::new();
    let samples = page.samples().iter().filter(|sample| !sample.name.starts_with("process_"));
    for sample in samples {
        let Some(cells) = documented.get(&sample.name) else {
            wrong.push(format!("{} is not in the reference", sample.name));
            continue;
        };
        let is_of_key = sample.name.starts_with("aws_iam_access_key_");
        let identity = ["account_id", "user_name", "access_key_id"];
        let told = |label: &str| (is_of_key && identity.contains(&label)) || cells[1].contains(&format!("`{label}`"));
        let untold = sample
            .labels
            .keys()
            .filter(|label| !label.starts_with("tag_") || *label == "tag_key")
            .filter(|label| !told(label));
        wrong.extend(untold.map(|label| format!("{}: the label {label} is not in the reference", sample.name)));
        for label in cells[1].split('`').skip(1).step_by(2).filter(|label| *label != "tag_…") {
            if !sample.labels.contains_key(label) {
                wrong.push(format!("{}: there is no label {label}", sample.name));
            }
        }
    }
    let shown: BTreeSet<&str> = page.samples().iter().map(|sample| sample.name.as_str()).collect();
    wrong.extend(
        documented
            .keys()
            .filter(|name| !shown.contains(name.as_str()))
            .map(|name| format!("{name} is not on the page")),
    );
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "\n{}\n{}", wrong.join("\n"), page.text());
}
