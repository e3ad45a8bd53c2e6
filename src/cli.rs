//! What the operator types.

use std::{path::PathBuf, time::Duration};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, error::ErrorKind};

/// Watches the age and last use of AWS IAM access keys, for Prometheus.
#[derive(Clone, Debug, Parser)]
#[command(name = "iam-key-exporter", version)]
pub struct Cli {
    /// Something other than to serve.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Configuration file (YAML); without one the built-in defaults hold.
    #[arg(long = "config.file", value_name = "FILE", global = true)]
    pub config_file: Option<PathBuf>,
    /// How often to look for changed configuration files, certificates and keys, to read them again; 0s for never.
    #[arg(long = "config.auto-reload-interval", value_name = "DURATION", default_value = "5s",
          value_parser = humantime::parse_duration)]
    pub auto_reload_interval: Duration,
    /// Validates the configuration and exits.
    #[arg(long = "config.check")]
    pub config_check: bool,
    /// Address to listen on; can be repeated.
    #[arg(long = "web.listen-address", value_name = "ADDRESS", default_value = ":10048", global = true)]
    pub listen_addresses: Vec<String>,
    /// Listen on the sockets that systemd passed instead.
    #[arg(long = "web.systemd-socket", conflicts_with = "listen_addresses")]
    pub systemd_socket: bool,
    /// Path under which to expose metrics.
    #[arg(long = "web.telemetry-path", value_name = "PATH", default_value = "/metrics")]
    pub telemetry_path: String,
    /// File with TLS, passwords, headers and limits, as exporter-toolkit has it (YAML).
    #[arg(long = "web.config.file", value_name = "FILE", global = true)]
    pub web_config_file: Option<PathBuf>,
    /// Scrapes answered at the same time; 0 for no limit.
    #[arg(long = "web.max-requests", value_name = "N", default_value_t = 40)]
    pub max_requests: usize,
    /// This process's part of all accounts, from zero; with --total-shards.
    #[arg(long = "shard", value_name = "N", default_value_t = 0, global = true)]
    pub shard: u32,
    /// Among how many processes the accounts are shared out.
    #[arg(long = "total-shards", value_name = "N", default_value_t = 1, global = true,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub total_shards: u32,
    /// Log this and what is more severe.
    #[arg(long = "log.level", value_name = "LEVEL", default_value = "info")]
    pub log_level: LogLevel,
    /// Form of the log lines.
    #[arg(long = "log.format", value_name = "FORMAT", default_value = "logfmt")]
    pub log_format: LogFormat,
}

/// What else there is to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Lists the accounts that would be read, through what, and whether that works now.
    Accounts,
    /// Prints the IAM policy that the configuration needs, and nothing beyond it.
    Policy(PolicyWishes),
    /// Asks the exporter that runs with the same arguments whether it lives; exit code 0 if it does.
    Healthcheck,
}

/// Which policy is printed.
#[derive(Clone, Debug, Default, Args)]
pub struct PolicyWishes {
    /// Whose policy it is: the exporter's own credentials, or the role in each other account.
    #[arg(long, value_name = "ROLE", default_value = "hub")]
    pub role: PolicyRole,
    /// Permissions to do without; users are then read one by one where that needs it.
    #[arg(long, value_name = "PERMISSION", value_delimiter = ',')]
    pub without: Vec<Permission>,
    /// Partition of AWS, such as aws-cn or aws-us-gov; that of the first role in the configuration unless given, or else aws.
    #[arg(long, value_name = "PARTITION")]
    pub partition: Option<String>,
}

/// Whose policy it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PolicyRole {
    /// The exporter's own credentials.
    #[default]
    Hub,
    /// The role that the exporter assumes in another account.
    Member,
}

/// What can be done without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Permission {
    /// The credential report; users and keys are listed instead.
    CredentialReport,
    /// All users' tags and policies at once; users are asked for one by one instead.
    Details,
    /// The tags of users that are due; they are then as old as the last census.
    Tags,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Only what failed.
    Error,
    /// And what may.
    Warn,
    /// And what happened.
    Info,
    /// And each request.
    Debug,
    /// Everything.
    Trace,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// `key=value` pairs.
    Logfmt,
    /// One JSON object a line.
    Json,
}

impl Cli {
    /// Reads the process's arguments; ends the process on wrong ones.
    #[must_use]
    pub fn parse_args() -> Self {
        let cli = Self::parse();
        if cli.shard >= cli.total_shards {
            let (shard, total) = (cli.shard, cli.total_shards);
            let what = format!("--shard={shard} is not among --total-shards={total}: allowed is 0 to {}", total - 1);
            Self::command().error(ErrorKind::ValueValidation, what).exit();
        }
        cli
    }
}

impl LogLevel {
    /// The word used on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
