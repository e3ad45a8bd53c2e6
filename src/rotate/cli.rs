//! What the operator types.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::sink::SinkSpec;

const AFTER: &str = "\
Exit codes:
  0  done, planned (--dry-run), or nothing to do
  1  something failed on the way: run the same command again, it goes on where it stopped
  2  the command line is wrong
  3  refused, not yet, or not confirmed: nothing was changed, and the text says why
  4  another run took over the same user: this one stopped and left it alone
  run: 0 also where users wait; 1 if any user failed or was refused
  status: 1 if a user could not be read, 3 if the tags of one make no sense; the others are shown

What has been done is known from the tags iam-key-rotate:* of the user alone. The new secret goes
to the sink and nowhere else: not to the output, the log, arguments or errors.

Sinks:
  secretsmanager:NAME  an existing secret; stored as AWSPENDING, promoted to AWSCURRENT
  ssm:NAME             a SecureString; stored as NAME.pending, promoted by a new version of NAME
  file:PATH            a new file, mode 0600; stored as PATH.pending, promoted by its name
  exec:COMMAND         JSON on the command's standard input: store, read, promote, restore";

/// Replaces an access key of an IAM user, step by step, and takes it back.
#[derive(Debug, Parser)]
#[command(name = "iam-key-rotate", version = crate::VERSION, after_help = AFTER)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) reach: Reach,
    #[command(flatten)]
    pub(super) manner: Manner,
}

/// Which account.
#[derive(Clone, Debug, Args)]
pub(super) struct Reach {
    /// Profile of the AWS configuration files.
    #[arg(long, value_name = "NAME", global = true)]
    pub(super) profile: Option<String>,
    /// Role to assume, in another account for example.
    #[arg(long, value_name = "ARN", global = true)]
    pub(super) role_arn: Option<String>,
    /// What the role asks for.
    #[arg(long, value_name = "ID", requires = "role_arn", global = true)]
    pub(super) external_id: Option<String>,
    /// Region, of Secrets Manager and Systems Manager too.
    #[arg(long, value_name = "REGION", global = true)]
    pub(super) region: Option<String>,
    /// Requests a second to the account, whose quota people and Terraform share.
    #[arg(long, value_name = "N", default_value = "10", value_parser = rate, global = true)]
    pub(super) requests_per_second: f64,
    /// For one request to AWS.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration, global = true)]
    pub(super) attempt_timeout: Duration,
}

/// In what manner.
#[derive(Clone, Debug, Args)]
pub(super) struct Manner {
    /// Do not ask, do it.
    #[arg(short, long, global = true, conflicts_with = "dry_run")]
    pub(super) yes: bool,
    /// Only say what would be done.
    #[arg(long, global = true)]
    pub(super) dry_run: bool,
    /// Form of the result on standard output.
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    pub(super) format: Format,
    /// Log this and what is more severe, on standard error; the audit lines are always there.
    #[arg(long = "log.level", value_name = "LEVEL", default_value = "info", global = true)]
    pub(super) log_level: LogLevel,
    /// Form of the log and audit lines.
    #[arg(long = "log.format", value_name = "FORMAT", default_value = "logfmt", global = true)]
    pub(super) log_format: crate::cli::LogFormat,
    /// How long AWS may take to know a new key.
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = humantime::parse_duration, global = true)]
    pub(super) propagation_timeout: Duration,
    /// Between two questions whether AWS knows something new.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = humantime::parse_duration, global = true)]
    pub(super) retry_delay: Duration,
    /// For one run of the command of an exec sink.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = humantime::parse_duration, global = true)]
    pub(super) sink_timeout: Duration,
    /// How old a new key must be before one whose secret is in no sink is replaced: younger ones may be
    /// those of a run that is about to store it.
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = humantime::parse_duration, global = true)]
    pub(super) claim_timeout: Duration,
}

/// What there is to do.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// Makes a second key, puts its secret into the sink, sees that it works, and makes it current. The old one stays Active.
    Start {
        /// The user.
        user: String,
        /// Where the secret goes; not needed to go on with a rotation, nor where the user's tag iam-key-rotate:opt-in names it.
        #[arg(long, value_name = "SINK")]
        sink: Option<SinkSpec>,
        /// Also where the sink has a value that does not name the old key: it may be another program's.
        #[arg(long)]
        replace_value: bool,
    },
    /// Makes the old key Inactive once it is quiet; with --delete, deletes it once it was Inactive and quiet for long.
    Finish {
        /// The user.
        user: String,
        #[command(flatten)]
        quiet: Quiet,
        /// The sink, where the tags cannot name it.
        #[arg(long, value_name = "SINK")]
        sink: Option<SinkSpec>,
    },
    /// Goes back: the old key Active and current, the new one Inactive. Nothing is deleted.
    Backout {
        /// The user.
        user: String,
        /// The sink, where the tags cannot name it.
        #[arg(long, value_name = "SINK", conflicts_with = "skip_sink")]
        sink: Option<SinkSpec>,
        /// Leave the sink as it is, when it cannot be reached or has nothing to go back to.
        #[arg(long)]
        skip_sink: bool,
    },
    /// Shows the rotations under way, of one user or of all.
    Status {
        /// Only this user.
        user: Option<String>,
    },
    /// Moves each user that opted in one step forward, if its time has come. For timers.
    Run {
        #[command(flatten)]
        quiet: Quiet,
        #[command(flatten)]
        scope: Scope,
    },
    /// Prints the IAM policy that these commands need.
    Policy {
        /// For these commands; all of them unless named.
        #[arg(long = "for", value_name = "COMMAND", value_delimiter = ',')]
        commands: Vec<Verb>,
        /// For these sinks.
        #[arg(long, value_name = "SINK")]
        sink: Vec<SinkSpec>,
        /// For finish and run with --delete.
        #[arg(long)]
        delete: bool,
        /// The users, as in an ARN: name, path and name, or a pattern.
        #[arg(long, value_name = "USER", default_value = "*")]
        users: String,
        /// The customer managed keys of KMS that encrypt the sinks.
        #[arg(long, value_name = "ARN", requires = "sink", value_parser = kms_key)]
        kms_key: Vec<String>,
    },
}

/// How long what must have been quiet.
#[derive(Clone, Debug, Args)]
pub(super) struct Quiet {
    /// The old key is made Inactive after so long without a use, and not sooner after the new one was promoted.
    #[arg(long = "quiet", value_name = "DURATION", default_value = "24h", value_parser = humantime::parse_duration)]
    pub(super) for_use: Duration,
    /// Also delete the Inactive key.
    #[arg(long)]
    pub(super) delete: bool,
    /// It is deleted after so long without a use, and not sooner after it was made Inactive.
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = humantime::parse_duration)]
    pub(super) delete_after: Duration,
}

/// Who takes part in an unattended run.
#[derive(Clone, Debug, Args)]
pub(super) struct Scope {
    /// Users who opted in besides those with the tag (YAML): `users: [{ user: "ci-*", sink: "secretsmanager:iam/{user}" }]`.
    #[arg(long = "config.file", value_name = "FILE")]
    pub(super) config_file: Option<PathBuf>,
    /// Start with a key that is as old as this.
    #[arg(long, value_name = "DURATION", default_value = "76d", value_parser = humantime::parse_duration)]
    pub(super) rotate_after: Duration,
    /// Change at most so many users in one run.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(super) max_per_run: usize,
}

/// The commands, for `policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Verb {
    /// `start`
    Start,
    /// `finish`
    Finish,
    /// `backout`
    Backout,
    /// `status`
    Status,
    /// `run`
    Run,
}

/// The form of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// How much is logged; audit lines are never left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogLevel {
    /// What happened.
    Info,
    /// And failed requests.
    Debug,
    /// Everything, except what requests and answers hold.
    Trace,
}

fn kms_key(text: &str) -> Result<String, String> {
    let is_key = text.starts_with("arn:") && text.contains(":kms:") && text.contains(":key/");
    is_key
        .then(|| text.to_owned())
        .ok_or_else(|| "allowed is the ARN of a key, arn:aws:kms:REGION:ACCOUNT:key/ID".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.1..=10_000.0).contains(rate));
    rate.ok_or_else(|| "allowed is a number from 0.1 to 10000".to_owned())
}

impl LogLevel {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
