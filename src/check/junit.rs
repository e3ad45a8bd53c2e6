//! For CI servers: a suite an account, a test a key. What does not count is told and fails nothing.

use std::io;

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};

use super::{
    finding::Finding,
    gap::Gap,
    report::{Report, Row},
    summary,
    text::{shown, time},
};

type Xml = Writer<Vec<u8>>;

/// One test.
struct Case<'a> {
    class: String,
    name: String,
    failed: Vec<&'a Finding>,
    passed: Vec<&'a Finding>,
    errors: Vec<&'a Gap>,
}

/// The whole document.
pub(super) fn render(report: &Report) -> io::Result<Vec<u8>> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let suites: Vec<(String, Vec<Case<'_>>)> = suites(report);
    let all = || suites.iter().flat_map(|(_, cases)| cases);
    let totals = totals(all());
    let element = xml.create_element("testsuites").with_attribute(("name", "iam-key-exporter check"));
    element.with_attributes(totals.iter().map(|(name, value)| (*name, value.as_str()))).write_inner_content(|xml| {
        suites.iter().try_for_each(|(name, cases)| suite(xml, name, cases, &time(report.made_at)))
    })?;
    let mut out = xml.into_inner();
    out.push(b'\n');
    Ok(out)
}

fn suites(report: &Report) -> Vec<(String, Vec<Case<'_>>)> {
    let accounts = report.accounts.iter().map(|line| {
        let reading = reading(report, Some(&line.id));
        let rows = report.rows.iter().filter(|row| row.account.id == line.id);
        let cases = [reading].into_iter().chain(rows.map(|row| case(report, row))).collect();
        (summary::name(report, &line.id), cases)
    });
    let elsewhere = report.gaps_of(None).next().is_some();
    let unknown = elsewhere.then(|| ("accounts".to_owned(), vec![reading(report, None)]));
    unknown.into_iter().chain(accounts).collect()
}

/// Whether everything could be read is a test of its own.
fn reading<'a>(report: &'a Report, account: Option<&'a str>) -> Case<'a> {
    let errors = report.gaps_of(account).collect();
    let class = account.unwrap_or("accounts").to_owned();
    Case { class, name: "everything was read".into(), failed: Vec::new(), passed: Vec::new(), errors }
}

fn case<'a>(report: &'a Report, row: &'a Row) -> Case<'a> {
    let (failed, passed) = row.findings.iter().partition(|finding| report.fails(finding));
    let class = format!("{}.{}", row.account.id, row.user);
    let name = row.key.as_ref().map_or_else(|| "the user".to_owned(), |key| format!("access key {}", key.id));
    Case { class, name, failed, passed, errors: Vec::new() }
}

fn totals<'a>(cases: impl Iterator<Item = &'a Case<'a>>) -> [(&'static str, String); 3] {
    let (mut tests, mut failures, mut errors) = (0, 0, 0);
    for case in cases {
        tests += 1;
        failures += usize::from(!case.failed.is_empty());
        errors += usize::from(!case.errors.is_empty());
    }
    [("tests", tests), ("failures", failures), ("errors", errors)].map(|(name, count)| (name, count.to_string()))
}

fn suite(xml: &mut Xml, name: &str, cases: &[Case<'_>], made_at: &str) -> io::Result<()> {
    let totals = totals(cases.iter());
    // The format has no zone; every reader takes it for UTC.
    let made_at = made_at.trim_end_matches('Z');
    let element = xml.create_element("testsuite").with_attributes([("name", name), ("timestamp", made_at)]);
    let element = element.with_attributes(totals.iter().map(|(name, value)| (*name, value.as_str())));
    element.write_inner_content(|xml| cases.iter().try_for_each(|case| test(xml, case)))?;
    Ok(())
}

fn test(xml: &mut Xml, case: &Case<'_>) -> io::Result<()> {
    let (class, name) = (shown(&case.class), shown(&case.name));
    let element = xml.create_element("testcase").with_attributes([("classname", &*class), ("name", &*name)]);
    element.write_inner_content(|xml| {
        controls(xml, case)?;
        // One element of each: some CI servers show no more.
        if !case.errors.is_empty() {
            let errors = case.errors.iter().map(|gap| format!("{}: {}", gap.what, gap.why)).collect::<Vec<_>>();
            bad(xml, "error", "not-known", &errors.join("; "))?;
        }
        if let Some(first) = case.failed.first() {
            bad(xml, "failure", first.kind.as_str(), &told(&case.failed))?;
        }
        if !case.passed.is_empty() {
            xml.create_element("system-out").write_text_content(BytesText::new(&shown(&told(&case.passed))))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn controls(xml: &mut Xml, case: &Case<'_>) -> io::Result<()> {
    let controls: Vec<_> = case.failed.iter().flat_map(|finding| &finding.controls).collect();
    if controls.is_empty() {
        return Ok(());
    }
    xml.create_element("properties").write_inner_content(|xml| {
        controls.iter().try_for_each(|control| {
            let pair = [("name", control.benchmark.title()), ("value", control.id)];
            xml.create_element("property").with_attributes(pair).write_empty().map(drop)
        })
    })?;
    Ok(())
}

fn bad(xml: &mut Xml, element: &str, kind: &str, message: &str) -> io::Result<()> {
    let message = shown(message);
    let element = xml.create_element(element).with_attributes([("type", kind), ("message", &*message)]);
    element.write_text_content(BytesText::new(&message)).map(drop)
}

fn told(findings: &[&Finding]) -> String {
    let told: Vec<String> = findings.iter().map(|f| format!("{}: {}", f.kind.as_str(), f.message)).collect();
    told.join(" ")
}
