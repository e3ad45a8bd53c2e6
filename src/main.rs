//! The process edge: arguments in, exit code and error chain out.

use std::{error::Error, path::Path, process::ExitCode};

use iam_key_exporter::{
    app::App,
    cli::{Cli, LogFormat},
    config::{Config, ConfigError},
    server::Settings,
    telemetry,
};

/// What the operator gave us is wrong.
const BAD_CONFIGURATION: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse_args();
    let config = match load(cli.config_file.as_deref()) {
        Ok(config) => config,
        Err(error) => return fail(&error, BAD_CONFIGURATION),
    };
    if cli.config_check {
        println!("{}: ok", cli.config_file.as_deref().unwrap_or(Path::new("built-in defaults")).display());
        return ExitCode::SUCCESS;
    }
    telemetry::log::init(cli.log_level.as_str(), cli.log_format == LogFormat::Json);
    match run(&config, cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&*error, 1),
    }
}

fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
    file.map_or_else(|| Ok(Config::default()), Config::load)
}

fn run(config: &Config, cli: Cli) -> Result<(), Box<dyn Error>> {
    let settings = Settings {
        listen_addresses: cli.listen_addresses,
        telemetry_path: cli.telemetry_path,
        max_requests: cli.max_requests,
    };
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async { App::build(config, settings).await?.run().await })?;
    Ok(())
}

fn fail(error: &dyn Error, code: u8) -> ExitCode {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  caused by: {error}");
        cause = error.source();
    }
    ExitCode::from(code)
}
