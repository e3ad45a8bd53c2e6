//! What the operator types.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Watches the age and last use of AWS IAM access keys, for Prometheus.
#[derive(Clone, Debug, Parser)]
#[command(name = "iam-key-exporter", version)]
pub struct Cli {
    /// Configuration file (YAML); without one the built-in defaults hold.
    #[arg(long = "config.file", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Validates the configuration and exits.
    #[arg(long = "config.check")]
    pub config_check: bool,
    /// Address to listen on; can be repeated.
    #[arg(long = "web.listen-address", value_name = "ADDRESS", default_value = ":10048")]
    pub listen_addresses: Vec<String>,
    /// Path under which to expose metrics.
    #[arg(long = "web.telemetry-path", value_name = "PATH", default_value = "/metrics")]
    pub telemetry_path: String,
    /// Scrapes answered at the same time; 0 for no limit.
    #[arg(long = "web.max-requests", value_name = "N", default_value_t = 40)]
    pub max_requests: usize,
    /// Log this and what is more severe.
    #[arg(long = "log.level", value_name = "LEVEL", default_value = "info")]
    pub log_level: LogLevel,
    /// Form of the log lines.
    #[arg(long = "log.format", value_name = "FORMAT", default_value = "logfmt")]
    pub log_format: LogFormat,
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
        Self::parse()
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
