//! About ourselves: the log, and the metrics that tell how the exporter fares.

pub mod log;
mod metrics;

pub use metrics::{MetricsError, SelfMetrics};
