//! The process edge: arguments in, exit code and error chain out.

use std::{error::Error, fmt::Write as _, io, num::NonZero, path::Path, process::ExitCode, time::Duration};

use iam_key_exporter::{
    app::{self, App, AppError},
    causes,
    check::Outcome,
    cli::{Cli, Command, HealthWishes, LogFormat, LogLevel, PolicyWishes},
    config::{Config, web::WebConfig},
    console, permissions,
    reload::{Origin, Wishes},
    roster::Shard,
    server::{
        Front, Settings,
        health::{self, Question, Speech},
    },
    telemetry,
};
use tokio::runtime::Runtime;

/// Threads that ask and answer.
const MOST_WORKERS: usize = 4;

/// Threads that render, compress and write files.
const MOST_OTHERS: usize = 128;

/// How long the end waits for a state that is being saved. A disk that hangs keeps nobody; the state before
/// is still there.
const LAST_SAVE: Duration = Duration::from_secs(5);

/// What the operator gave us is wrong.
const BAD_CONFIGURATION: u8 = 2;

/// A check that did not come to an end says nothing about keys; 1 would mean that it found some.
const NOT_CHECKED: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse_args();
    if let Some(Command::Healthcheck(wanted)) = cli.command {
        return check_health(&cli, wanted);
    }
    let origin = Origin { config_file: cli.config_file.clone(), web_config_file: cli.web_config_file.clone() };
    let wishes = match origin.load() {
        Ok(wishes) => wishes,
        Err(error) => return fail(&error, BAD_CONFIGURATION),
    };
    if let Err(error) = Front::new(&wishes.web) {
        return fail(&error, BAD_CONFIGURATION);
    }
    if cli.config_check {
        return tell_valid(&origin);
    }
    if let Some(Command::Policy(wanted)) = &cli.command {
        return print_policy(&wishes.config, wanted);
    }
    let (level, failure) = if is_check(&cli) { (LogLevel::Error, NOT_CHECKED) } else { (LogLevel::Info, 1) };
    let level = cli.log_level.unwrap_or(level);
    telemetry::log::init(level.as_str(), cli.log_format == LogFormat::Json);
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, failure),
    };
    let ended = run(&runtime, wishes, origin, cli);
    runtime.shutdown_timeout(LAST_SAVE);
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) => fail(&error, failure),
    }
}

/// Waiting for AWS needs few threads; one for each processor of a large machine would only be more than
/// the unit of systemd allows.
fn runtime() -> io::Result<Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(processors.min(MOST_WORKERS))
        .max_blocking_threads(MOST_OTHERS)
        .enable_all()
        .build()
}

fn run(runtime: &Runtime, wishes: Wishes, origin: Origin, cli: Cli) -> Result<u8, AppError> {
    let shard = Shard { number: cli.shard, total: cli.total_shards };
    match &cli.command {
        Some(Command::Check(args)) => {
            let width = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
            runtime.block_on(app::check(&wishes.config, shard, args, width)).map(Outcome::code)
        }
        Some(Command::Accounts) => {
            runtime.block_on(app::list_accounts(&wishes.config, shard)).map(|all_work| u8::from(!all_work))
        }
        Some(Command::Policy(_) | Command::Healthcheck(_)) | None => {
            runtime.block_on(serve(wishes, origin, shard, cli)).map(|()| 0)
        }
    }
}

fn is_check(cli: &Cli) -> bool {
    matches!(cli.command, Some(Command::Check(_)))
}

fn tell_valid(origin: &Origin) -> ExitCode {
    let mut out =
        format!("{}: ok\n", origin.config_file.as_deref().unwrap_or(Path::new("built-in defaults")).display());
    if let Some(file) = &origin.web_config_file {
        writeln!(out, "{}: ok", file.display()).expect("a String");
    }
    say(&out)
}

/// A file that is wrong by now says nothing of the exporter, which goes on with the one before.
fn check_health(cli: &Cli, wanted: HealthWishes) -> ExitCode {
    let web = cli.web_config_file.as_deref().map(WebConfig::load);
    let speech: &[Speech] = match web {
        None => &[Speech::Plain],
        Some(Ok(web)) if web.tls.is_none() => &[Speech::Plain],
        Some(Ok(_)) => &[Speech::Tls],
        Some(Err(_)) => &[Speech::Tls, Speech::Plain],
    };
    let question = if wanted.ready { Question::Ready } else { Question::Healthy };
    let asked = runtime().map(|runtime| runtime.block_on(health::check(&cli.listen_addresses[0], question, speech)));
    match asked {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => fail(&error, 1),
        Err(error) => fail(&error, 1),
    }
}

fn print_policy(config: &Config, wanted: &PolicyWishes) -> ExitCode {
    match permissions::policy(config, wanted) {
        Ok(policy) => {
            policy.warning().into_iter().for_each(|warning| console::warn(format_args!("warning: {warning}")));
            say(&format!("{}\n", policy.json()))
        }
        Err(error) => fail(&error, 1),
    }
}

async fn serve(wishes: Wishes, origin: Origin, shard: Shard, cli: Cli) -> Result<(), AppError> {
    let settings = Settings {
        listen_addresses: cli.listen_addresses,
        systemd_socket: cli.systemd_socket,
        telemetry_path: cli.telemetry_path,
        max_requests: cli.max_requests,
    };
    App::build(wishes, (origin, cli.auto_reload_interval), shard, settings).await?.run().await
}

fn say(text: &str) -> ExitCode {
    console::print(text.as_bytes()).map_or_else(|error| fail(&error, 1), |()| ExitCode::SUCCESS)
}

fn fail(error: &dyn Error, code: u8) -> ExitCode {
    console::warn(format_args!("error: {error}"));
    causes::of(error).for_each(|cause| console::warn(format_args!("  caused by: {cause}")));
    ExitCode::from(code)
}
