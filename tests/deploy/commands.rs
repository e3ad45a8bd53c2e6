//! Every command of ours that a document shows is one that the program takes.

use clap::{CommandFactory as _, Parser as _};
use iam_key_exporter::{cli, rotate};

use crate::{documents, lines, shown};

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
    let is_time = word.chars().all(|c| c.is_ascii_digit() || "*/,-".contains(c));
    is_variable || is_time || matches!(word, "sudo" | "if" | "!")
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

#[test]
fn commands_are_found_behind_what_a_shell_does_with_them() {
    let line = "A=1 sudo target/release/iam-key-exporter --log.level='info' | jq .; iam-key-rotate status x > y  # iam-key-exporter no";
    let found = calls(line);
    assert_eq!(found[0], ["iam-key-exporter", "--log.level=info"]);
    assert_eq!(found[1], ["iam-key-rotate", "status", "x"]);
    assert_eq!(found.len(), 2);
    assert!(refusal(&["iam-key-exporter".to_owned(), "--no-such".to_owned()]).is_some());
}
