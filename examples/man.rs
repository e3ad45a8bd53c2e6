//! Writes the manual pages into a folder: `cargo run --example man FOLDER`.

use std::{env, path::PathBuf, process::ExitCode};

use clap::CommandFactory;
use iam_key_exporter::{cli, rotate};

fn main() -> ExitCode {
    let Some(folder) = env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("error: found no argument, allowed is the folder to write manual pages into");
        return ExitCode::from(2);
    };
    let programs = [cli::Cli::command(), rotate::cli::Cli::command()];
    let written = std::fs::create_dir_all(&folder)
        .and_then(|()| programs.into_iter().try_for_each(|program| clap_mangen::generate_to(program, &folder)));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: writing manual pages into {}\n  caused by: {error}", folder.display());
            ExitCode::from(1)
        }
    }
}
