//! The log: one event, one line, on standard error.
//!
//! Other people choose the names we log, and SDKs log what they hold; so no character of a
//! field can end or reorder a line, and other crates never speak below debug, where they
//! would show requests and signatures.

use std::{fmt, io};

use tracing::{Dispatch, Event, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    filter::Targets,
    fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter, format::Writer},
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::{console::breaks_lines, key_ids};

/// Where our own events come from.
const OURS: &str = "iam_key_exporter";

/// Begins to log, from `level` (`error` to `trace`; anything else is `info`) upwards. Once per process.
///
/// # Panics
/// When somebody else logs already.
pub fn init(level: &str, json: bool) {
    let level = level.parse().unwrap_or(LevelFilter::INFO);
    subscriber(level, others(level), KeyIds::LeftOut, json, stderr).init();
}

/// As `init`, for a program that holds secrets and changes keys: other crates warn, and never say more;
/// which key was changed is told whole.
///
/// # Panics
/// When somebody else logs already.
pub fn init_reticent(level: &str, json: bool) {
    reticent(level.parse().unwrap_or(LevelFilter::INFO), json, stderr).init();
}

/// Standard error, for as long as anybody reads it. The library would complain about what cannot be
/// written where it cannot be written, and thereby end the process.
struct WhileRead(io::Stderr);

fn stderr() -> WhileRead {
    WhileRead(io::stderr())
}

impl io::Write for WhileRead {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Ok(bytes.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn reticent<W>(level: LevelFilter, json: bool, writer: W) -> Dispatch
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    subscriber(level, level.min(LevelFilter::WARN), KeyIds::Told, json, writer)
}

/// We speak from `level` upwards, others from theirs.
fn subscriber<W>(level: LevelFilter, others: LevelFilter, key_ids: KeyIds, json: bool, writer: W) -> Dispatch
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    if json {
        let lines = tracing_subscriber::fmt().json().flatten_event(true).with_current_span(false);
        let lines =
            lines.map_event_format(|format| OneLine { format, key_ids }).with_max_level(level).with_writer(writer);
        return lines.finish().with(Targets::new().with_default(others).with_target(OURS, level)).into();
    }
    let lines = tracing_logfmt::builder().with_span_name(false).with_span_path(false).subscriber_builder();
    let lines = lines.map_event_format(|format| OneLine { format, key_ids }).with_max_level(level).with_writer(writer);
    lines.finish().with(Targets::new().with_default(others).with_target(OURS, level)).into()
}

/// Others say only what matters, unless somebody is debugging.
fn others(level: LevelFilter) -> LevelFilter {
    if level >= LevelFilter::DEBUG { LevelFilter::DEBUG } else { level.min(LevelFilter::WARN) }
}

/// What becomes of ids of access keys in a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyIds {
    LeftOut,
    Told,
}

/// Keeps what another format wrote on one line, and its target short.
struct OneLine<F> {
    format: F,
    key_ids: KeyIds,
}

impl<S, N, F> FormatEvent<S, N> for OneLine<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.format.format_event(context, Writer::new(&mut line), event)?;
        let line = line.trim_end_matches('\n').replacen(&format!("target={OURS}::"), "target=", 1);
        let line = if self.key_ids == KeyIds::LeftOut { key_ids::left_out(&line) } else { line.into() };
        for character in line.chars() {
            if breaks_lines(character) {
                write!(writer, "\\u{:04x}", u32::from(character))?;
            } else {
                writer.write_char(character)?;
            }
        }
        writer.write_char('\n')
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use tracing::{debug, info, trace, warn};

    use super::*;

    const HOSTILE: &str = "a\nlevel=error\r\u{1b}[2J\u{85}\u{9b}\u{7f}\u{2028}\u{202e}b";
    const QUIETLY_HOSTILE: &str = "a\u{85}\u{9b}31m\u{7f}\u{2028}b";

    #[derive(Clone, Default)]
    struct Sheet(Arc<Mutex<Vec<u8>>>);

    impl Write for Sheet {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(level: LevelFilter, json: bool, speak: impl FnOnce()) -> String {
        let sheet = Sheet::default();
        let writer = sheet.clone();
        tracing::dispatcher::with_default(
            &subscriber(level, others(level), KeyIds::LeftOut, json, move || writer.clone()),
            speak,
        );
        let written = sheet.0.lock().unwrap().clone();
        String::from_utf8(written).unwrap()
    }

    fn assert_is_one_clean_line(log: &str) {
        let line = log.strip_suffix('\n').expect("a line ends");
        assert!(!line.chars().any(breaks_lines), "{line:?}");
    }

    #[test]
    fn an_event_is_one_line_of_logfmt() {
        let log = written(LevelFilter::INFO, false, || {
            info!(target: "iam_key_exporter::server", address = "127.0.0.1:10048", "listening");
        });
        let (time, rest) = log.split_once(' ').unwrap();
        assert!(time.starts_with("ts=2"), "{log}");
        assert_eq!(rest, "level=info target=server message=listening address=127.0.0.1:10048\n");
    }

    #[test]
    fn an_event_is_one_line_of_json() {
        let log = written(LevelFilter::INFO, true, || {
            info!(target: "iam_key_exporter::server", address = "127.0.0.1:10048", "listening");
        });
        let event: serde_json::Value = serde_json::from_str(&log).unwrap();
        assert_eq!(event["message"], "listening");
        assert_eq!(event["address"], "127.0.0.1:10048");
        assert_eq!(event["level"], "INFO");
    }

    #[test]
    fn no_name_can_end_a_line_or_begin_another() {
        for (json, name) in [(false, HOSTILE), (true, HOSTILE), (false, QUIETLY_HOSTILE), (true, QUIETLY_HOSTILE)] {
            let log = written(LevelFilter::INFO, json, || {
                let span = tracing::info_span!(target: OURS, "account", name);
                span.in_scope(|| info!(target: OURS, user = name, shown = %name, debugged = ?name, "{name}"));
            });
            assert_is_one_clean_line(&log);
        }
    }

    #[test]
    fn a_hostile_name_is_still_readable_json() {
        let log = written(LevelFilter::INFO, true, || info!(target: OURS, user = HOSTILE, "seen"));
        let event: serde_json::Value = serde_json::from_str(&log).unwrap();
        assert_eq!(event["user"], HOSTILE);
    }

    #[test]
    fn others_are_heard_only_when_it_matters() {
        let log = written(LevelFilter::INFO, false, || {
            info!(target: "aws_config::profile", "quiet");
            warn!(target: "aws_smithy_runtime", "heard");
            debug!(target: OURS, "quiet");
        });
        assert!(log.contains("heard") && !log.contains("quiet"), "{log}");
    }

    #[test]
    fn where_secrets_are_held_others_only_warn_and_key_ids_are_told() {
        let sheet = Sheet::default();
        let writer = sheet.clone();
        let dispatch = reticent(LevelFilter::TRACE, false, move || writer.clone());
        tracing::dispatcher::with_default(&dispatch, || {
            debug!(target: "aws_smithy_runtime", "quiet");
            trace!(target: "hyper", "quiet");
            warn!(target: "aws_config", "heard");
            trace!(target: OURS, "AKIAIOSFODNN7EXAMPLE");
        });
        let log = String::from_utf8(sheet.0.lock().unwrap().clone()).unwrap();
        assert!(log.contains("heard") && log.contains("AKIAIOSFODNN7EXAMPLE") && !log.contains("quiet"), "{log}");
    }

    #[test]
    fn nothing_but_our_own_crate_is_ever_traced() {
        let log = written(LevelFilter::TRACE, false, || {
            trace!(target: "aws_sigv4::http_request::sign", "secret");
            trace!(target: "aws_smithy_runtime::client", "secret");
            debug!(target: "hyper", "heard");
            trace!(target: "iam_key_exporter::poller", "ours");
        });
        assert!(log.contains("heard") && log.contains("ours") && !log.contains("secret"), "{log}");
    }
}
