//! Every link in a document leads somewhere: to a file that is there, and to a heading in it.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{ROOT, documents, lines, shown};

/// The targets of the links on a line.
fn targets(line: &str) -> Vec<&str> {
    let after = line.split("](").skip(1);
    after.filter_map(|rest| rest.split_once(')').map(|(target, _)| target)).collect()
}

/// The names under which headings can be linked to.
fn anchors(text: &str) -> BTreeSet<String> {
    let outside = lines(text).into_iter().filter(|(_, language, _)| language.is_none());
    let headings = outside
        .map(|(_, _, line)| line)
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim());
    headings.map(anchor).collect()
}

/// As GitHub makes them: lower case, blanks to hyphens, punctuation gone.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Why a target leads nowhere.
fn broken(file: &Path, text: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, name) = target.split_once('#').map_or((target, None), |(path, name)| (path, Some(name)));
    let to = if path.is_empty() { file.to_owned() } else { file.parent()?.join(path) };
    if !to.exists() {
        return Some(format!("{target}: there is no such file"));
    }
    let there = if path.is_empty() { text.to_owned() } else { fs::read_to_string(&to).unwrap_or_default() };
    let name = name.filter(|name| !anchors(&there).contains(*name))?;
    Some(format!("{target}: no heading has the name {name}"))
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut wrong = Vec::new();
    for (file, text) in documents() {
        for (number, language, line) in lines(&text) {
            if language.is_none() {
                let found = targets(line).into_iter().filter_map(|target| broken(&file, &text, target));
                wrong.extend(found.map(|what| format!("{}:{number}: {what}", shown(&file))));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_document_can_be_reached_from_the_readme() {
    let documents = documents();
    let readme = &documents.iter().find(|(file, _)| shown(file) == "README.md").unwrap().1;
    let linked: BTreeSet<&str> =
        readme.lines().flat_map(targets).map(|target| target.split('#').next().unwrap()).collect();
    let top = documents
        .iter()
        .map(|(file, _)| shown(file))
        .filter(|file| file.starts_with("docs/") && file.matches('/').count() == 1);
    let missing: Vec<String> = top.filter(|file| !linked.contains(file.as_str())).collect();
    assert!(missing.is_empty(), "README.md does not lead to {missing:?}");
}

/// What the Debian package puts where: pattern and folder or file.
fn assets() -> Vec<(String, String)> {
    let manifest = fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).unwrap();
    let lines = manifest.lines().filter(|line| line.starts_with("  [\"") && line.ends_with("\"],"));
    let assets = lines.map(|line| serde_json::from_str::<[String; 3]>(line.trim().trim_end_matches(',')).unwrap());
    assets.map(|[from, to, _]| (from, to)).collect()
}

/// So that links between them, and from the README beside them, lead somewhere there too.
#[test]
fn every_document_is_in_the_package_where_the_others_look_for_it() {
    let assets = assets();
    let is_there = |file: &str| {
        let (folder, name) = file.rsplit_once('/').unwrap();
        assets.iter().any(|(from, to)| {
            let pattern = from.strip_prefix(&format!("{folder}/*")).is_some_and(|ending| name.ends_with(ending));
            pattern && *to == format!("usr/share/doc/prometheus-iam-key-exporter/{folder}/")
        })
    };
    let all = documents().into_iter().map(|(file, _)| shown(&file)).filter(|file| file.starts_with("docs/"));
    let missing: Vec<String> = all.filter(|file| !is_there(file)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let here = Path::new(ROOT).join("README.md");
    let text = "# One two: three\n";
    assert_eq!(broken(&here, text, "#one-two-three"), None);
    assert_eq!(broken(&here, text, "docs/alerts.md"), None);
    assert!(broken(&here, text, "#one").is_some());
    assert!(broken(&here, text, "docs/none.md").is_some());
    assert!(broken(&here, text, "docs/alerts.md#none").is_some());
}
