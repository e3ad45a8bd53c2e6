//! What the operator types.

use std::{path::PathBuf, time::Duration};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, error::ErrorKind};

/// Watches the age and last use of AWS IAM access keys, for Prometheus.
#[derive(Clone, Debug, Parser)]
#[command(name = "iam-key-exporter", version = crate::VERSION)]
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
    /// Log this and what is more severe [default: info; of check, which tells in its report what went wrong: error]
    #[arg(long = "log.level", value_name = "LEVEL", global = true)]
    pub log_level: Option<LogLevel>,
    /// Form of the log lines.
    #[arg(long = "log.format", value_name = "FORMAT", default_value = "logfmt", global = true)]
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
    Healthcheck(HealthWishes),
    /// Reads every account once and reports which keys must be rotated. Exit code 0: nothing found; 1: findings; 2: not everything could be read.
    Check(CheckArgs),
}

/// What is asked about health.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct HealthWishes {
    /// Ask whether every account was tried once as well. Where a password or a client's certificate is wanted, nobody is told, and to live is enough.
    #[arg(long)]
    pub ready: bool,
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

/// What is checked, and how it is told.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// Check the account of this profile of the AWS configuration files, and no other.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Form of the report.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
    /// Write the report to this file, which is replaced whole or not at all.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The mildest kind of finding that makes the exit code 1.
    #[arg(long, value_name = "KIND", default_value = "overdue")]
    pub fail_on: FailOn,
    /// Name controls of these benchmarks only; can be repeated or separated by commas.
    #[arg(long = "benchmark", value_name = "BENCHMARK", value_delimiter = ',')]
    pub benchmarks: Vec<Benchmark>,
    /// Show every key in tables, not only those with findings or exemptions.
    #[arg(long)]
    pub all: bool,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, on a terminal.
    Table,
    /// For programs, all that is known.
    Json,
    /// For spreadsheets, a line a key.
    Csv,
    /// For tickets and pull requests.
    Markdown,
    /// For the textfile collector of `node_exporter`.
    Prometheus,
    /// For CI servers, a test a key.
    Junit,
    /// For code scanning.
    Sarif,
    /// For AWS Security Hub.
    Asff,
}

/// What makes a check fail, besides not being able to read everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Overdue keys, root keys and quarantined users.
    Overdue,
    /// And keys due soon, exemptions that end soon, tags that are not understood.
    DueSoon,
    /// And keys unused or never used, users with two active keys.
    Unused,
    /// Nothing.
    Never,
}

/// A catalogue that gives controls numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Benchmark {
    /// CIS AWS Foundations Benchmark 1.2.0.
    #[value(name = "cis-1.2")]
    Cis12,
    /// CIS AWS Foundations Benchmark 1.4.0.
    #[value(name = "cis-1.4")]
    Cis14,
    /// CIS AWS Foundations Benchmark 1.5.0.
    #[value(name = "cis-1.5")]
    Cis15,
    /// CIS AWS Foundations Benchmark 2.0.0.
    #[value(name = "cis-2.0")]
    Cis20,
    /// CIS AWS Foundations Benchmark 3.0.0.
    #[value(name = "cis-3.0")]
    Cis30,
    /// CIS AWS Foundations Benchmark 4.0.1.
    #[value(name = "cis-4.0")]
    Cis40,
    /// CIS AWS Foundations Benchmark 5.0.0.
    #[value(name = "cis-5.0")]
    Cis50,
    /// CIS AWS Foundations Benchmark 6.0.0.
    #[value(name = "cis-6.0")]
    Cis60,
    /// CIS AWS Foundations Benchmark 7.0.0.
    #[value(name = "cis-7.0")]
    Cis70,
    /// CIS Critical Security Controls 7.
    #[value(name = "cis-controls-7")]
    CisControls7,
    /// CIS Critical Security Controls 8.
    #[value(name = "cis-controls-8")]
    CisControls8,
    /// AWS Security Hub CSPM.
    SecurityHub,
    /// AWS Config managed rules.
    Config,
    /// NIST SP 800-53 revision 5.
    #[value(name = "nist-800-53")]
    Nist80053,
    /// NIST SP 800-171 revision 2.
    #[value(name = "nist-800-171")]
    Nist800171,
    /// PCI DSS 3.2.1.
    #[value(name = "pci-3.2.1")]
    Pci321,
    /// PCI DSS 4.0.1.
    #[value(name = "pci-4.0.1")]
    Pci401,
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
