//! The exporter's own metrics, in a registry that accumulates; what is known of AWS is
//! replaced whole elsewhere (`exposition`).

use std::sync::Arc;

use bytes::Bytes;
use prometheus::{
    CounterVec, Encoder, GaugeVec, IntGauge, Opts, Registry, TextEncoder,
    core::{Collector, Desc},
    process_collector::ProcessCollector,
    proto::MetricFamily,
};

use crate::{
    aws::{Reason, Tally},
    config::PolicyLimits,
    inventory::Timestamp,
};

/// A metric could not be registered.
pub type MetricsError = prometheus::Error;

/// The registry and the gauges that are set from outside.
#[derive(Debug)]
pub struct SelfMetrics {
    registry: Registry,
    reload_successful: IntGauge,
    reload_success_time: IntGauge,
}

impl SelfMetrics {
    /// Registers everything.
    ///
    /// # Errors
    /// When a name is taken or malformed, which a test would have shown.
    pub fn new(tally: Arc<Tally>, limits: &PolicyLimits) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let reload_successful = IntGauge::new(
            "iam_key_exporter_config_last_reload_successful",
            "1 if the last load of the configuration succeeded, 0 if it was refused and the old one stayed.",
        )?;
        let reload_success_time = IntGauge::new(
            "iam_key_exporter_config_last_reload_success_timestamp_seconds",
            "When a configuration was last loaded successfully, Unix time.",
        )?;
        registry.register(Box::new(ProcessCollector::for_self()))?;
        registry.register(Box::new(build_info()?))?;
        registry.register(Box::new(policy(limits)?))?;
        registry.register(Box::new(Requests { tally }))?;
        registry.register(Box::new(reload_successful.clone()))?;
        registry.register(Box::new(reload_success_time.clone()))?;
        Ok(Self { registry, reload_successful, reload_success_time })
    }

    /// A configuration was loaded at this time.
    pub fn config_loaded(&self, at: Timestamp) {
        self.reload_successful.set(1);
        self.reload_success_time.set(at);
    }

    /// All of them as text 0.0.4.
    #[must_use]
    pub fn page(&self) -> Bytes {
        let mut page = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut page) {
            Ok(()) => page.into(),
            Err(error) => {
                tracing::error!(%error, "the exporter's own metrics could not be written");
                Bytes::new()
            }
        }
    }
}

fn build_info() -> prometheus::Result<GaugeVec> {
    let opts = Opts::new("iam_key_exporter_build_info", "Which build of the exporter answers. Always 1.");
    let info = GaugeVec::new(opts, &["version"])?;
    info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
    Ok(info)
}

fn policy(limits: &PolicyLimits) -> prometheus::Result<GaugeVec> {
    let opts = Opts::new("iam_key_exporter_policy_seconds", "The configured limits, for rules and dashboards to use.");
    let policy = GaugeVec::new(opts, &["limit"])?;
    let all = [("max_age", limits.max_age), ("warn_before", limits.warn_before), ("max_idle", limits.max_idle)];
    for (limit, duration) in all {
        policy.with_label_values(&[limit]).set(duration.as_secs_f64());
    }
    Ok(policy)
}

/// Reads the tally at every scrape.
struct Requests {
    tally: Arc<Tally>,
}

impl Requests {
    fn counters() -> prometheus::Result<(CounterVec, CounterVec)> {
        let requests = Opts::new("iam_key_exporter_aws_requests_total", "Requests sent to AWS, every attempt counted.");
        let failures = Opts::new(
            "iam_key_exporter_aws_request_failures_total",
            "Requests to AWS that failed, every attempt counted, by reason.",
        );
        Ok((
            CounterVec::new(requests, &["account_id", "operation"])?,
            CounterVec::new(failures, &["account_id", "operation", "reason"])?,
        ))
    }
}

impl Collector for Requests {
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let (requests, failures) = Self::counters().expect("constant names, tested");
        for ((account, operation), count) in self.tally.counts() {
            requests.with_label_values(&[&*account, operation]).inc_by(whole(count.requests));
            for reason in Reason::ALL {
                let labels = [&*account, operation, reason.as_str()];
                failures.with_label_values(&labels).inc_by(whole(count.failures(reason)));
            }
        }
        let mut families = requests.collect();
        families.extend(failures.collect());
        families
    }
}

#[expect(clippy::cast_precision_loss, reason = "2^53 requests are some ten thousand years away")]
fn whole(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn failures_start_at_zero_for_every_reason_of_an_operation_once_it_was_called() {
        let tally = Arc::new(Tally::default());
        tally.count(&"111122223333".into(), "ListUsers", None);
        let metrics = SelfMetrics::new(tally, &Config::default().policy).unwrap();
        let page = String::from_utf8(metrics.page().to_vec()).unwrap();
        assert!(page.contains("aws_requests_total{account_id=\"111122223333\",operation=\"ListUsers\"} 1\n"));
        for reason in Reason::ALL {
            let series = format!("operation=\"ListUsers\",reason=\"{}\"}} 0\n", reason.as_str());
            assert!(page.contains(&series), "{series} in {page}");
        }
    }

    #[test]
    fn the_limits_are_told_in_seconds() {
        let metrics = SelfMetrics::new(Arc::default(), &Config::default().policy).unwrap();
        let page = String::from_utf8(metrics.page().to_vec()).unwrap();
        assert!(page.contains("iam_key_exporter_policy_seconds{limit=\"max_age\"} 7776000\n"), "{page}");
    }
}
