//! Every command of ours that a document shows is one that the program takes.

use std::{fs, path::Path};

use clap::{CommandFactory as _, Parser as _};
use iam_key_exporter::{cli, rotate};

use crate::{ROOT, documents, lines, shown};

/// Whatever puts the exporter onto a machine: package, image, chart and the commands for an archive.
const INSTALLERS: [&str; 4] =
    ["Cargo.toml", "Dockerfile", "deploy/helm/iam-key-exporter/templates/_helpers.tpl", "docs/installation.md"];

/// The arguments of our programs on a line of a shell, the program first; all that the shell does with them is left away.
fn calls(line: &str) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    for command in split(line) {
        let mut words = command.into_iter().skip_while(|word| is_before(word));
        if let Some(program) = words.next().filter(|word| is_ours(word)) {
            let program = program.rsplit('/').next().unwrap_or_default().to_owned();
            calls.push([program].into_iter().chain(words).collect());
        }
    }
    calls
}

fn is_ours(word: &str) -> bool {
    matches!(word.rsplit('/').next(), Some("iam-key-exporter" | "iam-key-rotate"))
}

/// What can stand before a program: variables, sudo, the times of cron, words of the shell.
fn is_before(word: &str) -> bool {
    let is_variable =
        word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
    is_variable || is_time(word) || matches!(word, "sudo" | "if" | "!")
}

fn is_time(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_digit() || "*/,-".contains(c))
}

/// Words of the commands on a line, as a shell would find them, up to a comment or a redirection.
fn split(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut word, mut quote, mut is_word) = (vec![Vec::new()], String::new(), None, false);
    let end = |word: &mut String, is_word: &mut bool, commands: &mut Vec<Vec<String>>| {
        if std::mem::take(is_word) {
            commands.last_mut().unwrap().push(std::mem::take(word));
        }
    };
    for character in line.chars() {
        match (character, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\'' | '"', None) => (quote, is_word) = (Some(character), true),
            ('#' | '>' | '<', None) if !is_word => break,
            ('|' | ';' | '&', None) => {
                end(&mut word, &mut is_word, &mut commands);
                commands.push(Vec::new());
            }
            (c, None) if c.is_whitespace() => end(&mut word, &mut is_word, &mut commands),
            (c, _) => {
                word.push(c);
                is_word = true;
            }
        }
    }
    end(&mut word, &mut is_word, &mut commands);
    commands
}

/// Why the program does not take it.
fn refusal(call: &[String]) -> Option<String> {
    let refused = match call[0].as_str() {
        "iam-key-exporter" => cli::Cli::try_parse_from(call).err(),
        _ => rotate::cli::Cli::try_parse_from(call).err(),
    };
    refused.filter(clap::Error::use_stderr).map(|error| error.to_string())
}

/// Lines of a shell in blocks, with what continues them.
fn shell_lines(text: &str) -> Vec<(usize, String)> {
    let mut joined: Vec<(usize, String)> = Vec::new();
    for (number, language, line) in lines(text) {
        if !matches!(language, Some("sh" | "console" | "text")) {
            continue;
        }
        match joined.last_mut() {
            Some((_, before)) if before.ends_with('\\') => {
                before.pop();
                before.push_str(line);
            }
            _ => joined.push((number, line.trim_start_matches("$ ").to_owned())),
        }
    }
    joined
}

#[test]
fn every_command_in_a_document_is_one_that_the_program_takes() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (file, text) in documents() {
        for (number, line) in shell_lines(&text) {
            for call in calls(&line) {
                count += 1;
                wrong.extend(refusal(&call).map(|why| format!("{}:{number}: {line}\n{why}", shown(&file))));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(count > 10, "only {count} commands were found");
}

#[test]
fn every_flag_in_a_document_is_one_that_there_is() {
    let mut known: Vec<String> = Vec::new();
    for program in [cli::Cli::command(), rotate::cli::Cli::command()] {
        let mut all = vec![program];
        while let Some(mut command) = all.pop() {
            command.build();
            known.extend(command.get_arguments().filter_map(|arg| arg.get_long().map(|long| format!("--{long}"))));
            all.extend(command.get_subcommands().cloned());
        }
    }
    let mut wrong = Vec::new();
    for (file, text) in
        documents().into_iter().filter(|(file, _)| shown(file).starts_with("docs/") || shown(file) == "README.md")
    {
        for (number, language, line) in lines(&text) {
            let spans = line.split('`').skip(1).step_by(2).filter(|_| language.is_none());
            let flags = spans.filter(|span| span.starts_with("--")).map(|span| span.split(['=', ' ']).next().unwrap());
            let unknown = flags.filter(|flag| !known.iter().any(|known| known == flag));
            wrong.extend(unknown.map(|flag| format!("{}:{number}: there is no {flag}", shown(&file))));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Lines of a shell in runbooks with their place.
fn runbook_lines() -> Vec<(String, String)> {
    let runbooks = documents().into_iter().filter(|(file, _)| shown(file).starts_with("docs/runbooks/"));
    let lines = runbooks.flat_map(|(file, text)| {
        shell_lines(&text).into_iter().map(move |(number, line)| (format!("{}:{number}", shown(&file)), line))
    });
    lines.collect()
}

#[test]
fn every_file_in_a_runbook_is_where_each_way_of_installing_puts_it() {
    let installers = INSTALLERS.map(|file| (file, fs::read_to_string(Path::new(ROOT).join(file)).unwrap()));
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (place, line) in runbook_lines() {
        let words = line.split(|c: char| c.is_whitespace() || c == '=');
        for path in words.filter_map(|word| word.strip_prefix("/etc/")).map(|path| format!("etc/{path}")) {
            count += 1;
            let others = installers.iter().filter(|(_, text)| !text.contains(&path));
            wrong.extend(others.map(|(file, _)| format!("{place}: /{path} is not in {file}")));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(count > 1, "only {count} paths were found");
}

/// What a release is called, and whether it is a deployment, is up to whoever installed the chart.
#[test]
fn kubectl_in_a_runbook_finds_the_pods_of_any_release() {
    let lines: Vec<_> = runbook_lines().into_iter().filter(|(_, line)| line.contains("kubectl")).collect();
    let finds_any = |line: &str| {
        line.contains(" -n NAMESPACE ") && (line.contains(" -l app.kubernetes.io/name=") || line.contains(" POD "))
    };
    let wrong: Vec<_> = lines.iter().filter(|(_, line)| !finds_any(line)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(lines.len() > 2, "where are they?");
}

/// cron passes on nothing of what a shell has in its environment.
#[test]
fn every_line_for_cron_has_a_region_above_it() {
    let (mut wrong, mut count, mut has_region) = (Vec::new(), 0, false);
    for (file, text) in documents() {
        for (number, line) in shell_lines(&text).into_iter().filter(|(_, line)| !line.starts_with('#')) {
            if is_for_cron(&line) {
                count += 1;
                wrong.extend((!has_region).then(|| format!("{}:{number}: {line}", shown(&file))));
            }
            has_region = line.starts_with("AWS_REGION=");
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(count > 1, "only {count} lines were found");
}

fn is_for_cron(line: &str) -> bool {
    let times: Vec<&str> = line.split_whitespace().take(5).collect();
    times.len() == 5 && times.iter().all(|word| is_time(word))
}

#[test]
fn commands_are_found_behind_what_a_shell_does_with_them() {
    let line = "A=1 sudo target/release/iam-key-exporter --log.level='info' | jq .; iam-key-rotate status x > y  # iam-key-exporter no";
    let found = calls(line);
    assert_eq!(found[0], ["iam-key-exporter", "--log.level=info"]);
    assert_eq!(found[1], ["iam-key-rotate", "status", "x"]);
    assert_eq!(found.len(), 2);
    assert!(refusal(&["iam-key-exporter".to_owned(), "--no-such".to_owned()]).is_some());
}
