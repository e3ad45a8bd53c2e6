//! The rules of the house: which module may know what, how long a file may be, and that
//! alerts and documents speak of metrics and runbooks that exist.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const MAX_LINES: usize = 400;
const RUNBOOKS: &str = "https://github.com/iam-key-exporter/iam-key-exporter/blob/main/docs/runbooks/";

/// Something that only some places may name.
struct Border {
    what: &'static str,
    is_crossed_by: fn(&str) -> bool,
    allowed: &'static [&'static str],
}

const BORDERS: [Border; 5] = [
    Border {
        what: "AWS SDK types",
        is_crossed_by: |code| {
            let prefixes = ["aws_sdk_", "aws_smithy", "aws_config", "aws_credential"];
            words(code).any(|word| prefixes.iter().any(|prefix| word.starts_with(prefix)))
        },
        allowed: &["src/aws/", "src/collect/", "src/rotate/"],
    },
    Border {
        what: "the prometheus crate",
        is_crossed_by: |code| words(code).any(|word| word == "prometheus"),
        allowed: &["src/telemetry/", "src/exposition/"],
    },
    Border {
        what: "hyper and rustls",
        is_crossed_by: |code| words(code).any(|word| word.starts_with("hyper") || word.starts_with("rustls")),
        allowed: &["src/server/"],
    },
    Border {
        what: "the clock",
        is_crossed_by: |code| code.contains("SystemTime::now") || code.contains("Utc::now"),
        allowed: &["src/poller.rs", "src/server/"],
    },
    Border {
        what: "starting tasks and processes",
        is_crossed_by: |code| words(code).any(|word| word == "spawn" || word == "spawn_local"),
        allowed: &["src/app/", "src/server/", "src/rotate/sink/command.rs"],
    },
];

#[test]
fn every_module_keeps_within_its_borders() {
    let crossings: Vec<String> =
        sources().iter().flat_map(|file| crossings(&shown(file), &production_code(&read(file)))).collect();
    assert!(crossings.is_empty(), "\n{}", crossings.join("\n"));
}

#[test]
fn a_crossed_border_is_found_with_its_line() {
    let cases = [
        ("src/policy.rs", "use aws_sdk_iam::types::User;"),
        ("src/server/mod.rs", "fn f(e: aws_smithy_types::Error) {}"),
        ("src/collect/mod.rs", "use prometheus::Registry;"),
        ("src/exposition/mod.rs", "use hyper_util::rt::TokioIo;"),
        ("src/policy.rs", "let now = std::time::SystemTime::now();"),
        ("src/poller.rs", "tokio::spawn(async {});"),
    ];
    for (file, code) in cases {
        let found = crossings(file, &production_code(&format!("// a comment\n{code}\n")));
        assert_eq!(found.len(), 1, "{file}: {code}: {found:?}");
        assert!(found[0].starts_with(&format!("{file}:2: ")), "{found:?}");
    }
}

#[test]
fn words_in_comments_texts_and_tests_cross_no_border() {
    let code = "//! prometheus, SystemTime::now\nlet url = \"http://hyper\"; // hyper\nspawn_blocking(f);\n\
                #[cfg(test)]\nmod tests {\n    use hyper::Body;\n}\n";
    assert_eq!(crossings("src/policy.rs", &production_code(code)), Vec::<String>::new());
}

#[test]
fn no_file_is_too_long_to_be_read() {
    let too_long: Vec<String> = sources()
        .iter()
        .map(|file| (shown(file), production_code(&read(file)).len()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(file, lines)| format!("{file}:{lines}: more than {MAX_LINES} lines without its tests"))
        .collect();
    assert!(too_long.is_empty(), "\n{}", too_long.join("\n"));
}

#[test]
fn alerts_and_documents_name_only_metrics_that_exist() {
    let names: BTreeSet<String> = sources().iter().flat_map(|file| string_literals(&read(file))).collect();
    let mut unknown = Vec::new();
    for file in spoken() {
        for (number, line) in read(&file).lines().enumerate() {
            let missing = words(line).filter(|word| is_metric(word) && !names.contains(*word));
            unknown.extend(missing.map(|name| format!("{}:{}: no metric {name}", shown(&file), number + 1)));
        }
    }
    assert!(unknown.is_empty(), "\n{}", unknown.join("\n"));
}

#[test]
fn every_alert_has_its_runbook_and_every_runbook_its_alert() {
    let rules = read(&root().join("alerts/rules.yaml"));
    let values = |key: &str| -> BTreeSet<String> {
        rules
            .lines()
            .filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix(key))
            .map(str::to_owned)
            .collect()
    };
    let alerts = values("alert: ");
    let urls: BTreeSet<String> = alerts.iter().map(|alert| format!("{RUNBOOKS}{alert}.md")).collect();
    let runbooks: BTreeSet<String> = files("docs/runbooks", "md").iter().filter_map(|file| stem(file)).collect();
    assert!(!alerts.is_empty());
    assert_eq!(values("runbook_url: "), urls);
    assert_eq!(runbooks, alerts);
    for file in files("docs/runbooks", "md") {
        let headings: Vec<String> =
            read(&file).lines().filter(|line| line.starts_with('#')).map(str::to_owned).collect();
        let title = format!("# {}", stem(&file).unwrap());
        assert_eq!(headings, [&title, "## Meaning", "## Impact", "## Diagnosis", "## Mitigation"], "{}", shown(&file));
    }
}

/// The file's lines without tests, comments and the contents of string literals.
fn production_code(source: &str) -> Vec<String> {
    let tests = source.find("#[cfg(test)]\nmod tests {").unwrap_or(source.len());
    source[..tests].lines().map(without_texts).collect()
}

fn without_texts(line: &str) -> String {
    let (mut code, mut in_text, mut previous) = (String::new(), false, ' ');
    for character in line.chars() {
        match character {
            '"' if previous != '\\' && previous != '\'' => in_text = !in_text,
            '/' if previous == '/' && !in_text => return code,
            _ if !in_text => code.push(character),
            _ => {}
        }
        previous = character;
    }
    code
}

fn crossings(file: &str, code: &[String]) -> Vec<String> {
    let crossed = BORDERS.iter().filter(|border| !border.allowed.iter().any(|place| file.starts_with(place)));
    let at = |border: &Border, number: usize| {
        let Border { what, allowed, .. } = border;
        format!("{file}:{}: {what}: only in {}", number + 1, allowed.join(", "))
    };
    crossed
        .flat_map(|border| {
            let lines = code.iter().enumerate().filter(|(_, line)| (border.is_crossed_by)(line));
            lines.map(move |(number, _)| at(border, number))
        })
        .collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn is_metric(word: &str) -> bool {
    word.starts_with("aws_iam_") || word.starts_with("iam_key_exporter_")
}

/// What stands between two quotes, and what stands between two literals, which does no harm.
fn string_literals(source: &str) -> Vec<String> {
    source.split('"').map(str::to_owned).collect()
}

/// Whatever tells people or Prometheus of metrics.
fn spoken() -> Vec<PathBuf> {
    let mut spoken = vec![root().join("README.md")];
    for ending in ["md", "yaml", "yml"] {
        spoken.extend(files("docs", ending));
        spoken.extend(files("alerts", ending));
    }
    spoken.extend(files("dashboards", "json"));
    spoken
}

/// Every Rust file under src that is not only tests.
fn sources() -> Vec<PathBuf> {
    let mut sources = files("src", "rs");
    sources.retain(|file| stem(file).is_some_and(|stem| stem != "tests" && !stem.ends_with("_tests")));
    assert!(sources.len() > 5, "where is src?");
    sources
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.expect("a folder that opens can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

fn stem(file: &Path) -> Option<String> {
    file.file_stem().map(|stem| stem.to_string_lossy().into_owned())
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
