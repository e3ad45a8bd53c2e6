//! The exporter's own metrics, in a registry that accumulates; what is known of AWS is
//! replaced whole elsewhere (`exposition`).

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use bytes::Bytes;
use prometheus::{
    Counter, CounterVec, Encoder, Gauge, GaugeVec, IntGauge, Opts, Registry, TextEncoder,
    core::{Collector, Desc},
    process_collector::ProcessCollector,
    proto::MetricFamily,
};

use crate::{
    aws::{Reason, Tally},
    config::PolicyLimits,
    inventory::Timestamp,
    roster::{Changes, Shard},
};

/// A metric could not be registered.
pub type MetricsError = prometheus::Error;

/// The registry and the gauges that are set from outside.
#[derive(Debug)]
pub struct SelfMetrics {
    registry: Registry,
    policy: GaugeVec,
    reload_successful: IntGauge,
    reload_success_time: IntGauge,
}

impl SelfMetrics {
    /// Registers everything.
    ///
    /// # Errors
    /// When a name is taken or malformed, which a test would have shown.
    pub fn new(
        tally: Arc<Tally>,
        changes: Arc<Changes>,
        shard: Shard,
        limits: &PolicyLimits,
    ) -> prometheus::Result<Self> {
        let metrics = Self::without_process(tally, changes, shard, limits)?;
        metrics.registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(metrics)
    }

    /// Registers everything but what describes the process, which is gone when a file is read, and
    /// whose names belong to whoever reads the file.
    ///
    /// # Errors
    /// When a name is taken or malformed, which a test would have shown.
    pub fn without_process(
        tally: Arc<Tally>,
        changes: Arc<Changes>,
        shard: Shard,
        limits: &PolicyLimits,
    ) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let help = "The configured limits, for rules and dashboards to use.";
        let policy = GaugeVec::new(Opts::new("iam_key_exporter_policy_seconds", help), &["limit"])?;
        let reload_successful = IntGauge::new(
            "iam_key_exporter_config_last_reload_successful",
            "1 if the last load of the configuration succeeded, 0 if it was refused and the old one stayed.",
        )?;
        let reload_success_time = IntGauge::new(
            "iam_key_exporter_config_last_reload_success_timestamp_seconds",
            "When a configuration was last loaded successfully, Unix time.",
        )?;
        registry.register(Box::new(build_info()?))?;
        registry.register(Box::new(policy.clone()))?;
        registry.register(Box::new(Counts { tally, changes }))?;
        registry.register(Box::new(shard_info(shard)?))?;
        registry.register(Box::new(total_shards(shard)?))?;
        registry.register(Box::new(reload_successful.clone()))?;
        registry.register(Box::new(reload_success_time.clone()))?;
        let metrics = Self { registry, policy, reload_successful, reload_success_time };
        metrics.limits(limits);
        Ok(metrics)
    }

    /// A configuration came into use at this time, or was refused.
    pub fn config_reloaded(&self, is_in_use: bool, at: Timestamp) {
        self.reload_successful.set(is_in_use.into());
        if is_in_use {
            self.reload_success_time.set(at);
        }
    }

    /// These limits hold from now on.
    pub fn limits(&self, limits: &PolicyLimits) {
        let all = [("max_age", limits.max_age), ("warn_before", limits.warn_before), ("max_idle", limits.max_idle)];
        for (limit, duration) in all {
            self.policy.with_label_values(&[limit]).set(duration.as_secs_f64());
        }
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
    let info = GaugeVec::new(opts, &["version", "revision"])?;
    info.with_label_values(&[env!("CARGO_PKG_VERSION"), env!("IAM_KEY_EXPORTER_REVISION")]).set(1.0);
    Ok(info)
}

fn shard_info(shard: Shard) -> prometheus::Result<GaugeVec> {
    let help = "Which part of all accounts this exporter reads, from zero. Always 1.";
    let info = GaugeVec::new(Opts::new("iam_key_exporter_shard_info", help), &["shard"])?;
    info.with_label_values(&[&shard.number.to_string()]).set(1.0);
    Ok(info)
}

fn total_shards(shard: Shard) -> prometheus::Result<Gauge> {
    let help = "Among how many exporters the accounts are shared out. The same in all of them, or accounts are missed.";
    let total = Gauge::new("iam_key_exporter_total_shards", help)?;
    total.set(f64::from(shard.total));
    Ok(total)
}

/// Beyond so many accounts only failures that happened are shown: zeros for every account,
/// operation and reason would be more series than there are keys.
const ZEROS_UP_TO: u64 = 100;

/// Reads at every scrape what is counted elsewhere.
struct Counts {
    tally: Arc<Tally>,
    changes: Arc<Changes>,
}

impl Counts {
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

impl Counts {
    fn roster(&self) -> prometheus::Result<Vec<MetricFamily>> {
        let Changes { accounts, added, removed, has_organization, listed_at, .. } = &*self.changes;
        let read = Gauge::new("iam_key_exporter_accounts", "Accounts that this exporter reads.")?;
        read.set(whole(accounts.load(Relaxed)));
        let mut families = read.collect();
        let changes: [(&str, &str, &AtomicU64); 2] = [
            ("iam_key_exporter_accounts_added_total", "Accounts that this exporter began to read.", added),
            (
                "iam_key_exporter_accounts_removed_total",
                "Accounts that are not read any more, because they left the organization or the configuration, are not active or are excluded.",
                removed,
            ),
        ];
        for (name, help, count) in changes {
            let counter = Counter::new(name, help)?;
            counter.inc_by(whole(count.load(Relaxed)));
            families.extend(counter.collect());
        }
        // Never listed is a value: what is absent raises no alert.
        if has_organization.load(Relaxed) {
            let help = "When the organization's accounts were last listed whole, Unix time; 0 if not since the start. Absent without an organization.";
            let listed = IntGauge::new("iam_key_exporter_organization_listed_timestamp_seconds", help)?;
            listed.set(listed_at.load(Relaxed));
            families.extend(listed.collect());
        }
        Ok(families)
    }
}

impl Collector for Counts {
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let (requests, failures) = Self::counters().expect("constant names, tested");
        let counts = self.tally.counts();
        let has_zeros = self.changes.accounts.load(Relaxed) <= ZEROS_UP_TO;
        for ((account, operation), count) in counts {
            requests.with_label_values(&[&*account, operation]).inc_by(whole(count.requests));
            for reason in Reason::ALL.into_iter().filter(|reason| has_zeros || count.failures(*reason) > 0) {
                let labels = [&*account, operation, reason.as_str()];
                failures.with_label_values(&labels).inc_by(whole(count.failures(reason)));
            }
        }
        let mut families = requests.collect();
        families.extend(failures.collect());
        families.extend(self.roster().expect("constant names, tested"));
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
        let metrics = SelfMetrics::new(tally, Arc::default(), Shard::default(), &Config::default().policy).unwrap();
        let page = String::from_utf8(metrics.page().to_vec()).unwrap();
        assert!(page.contains("aws_requests_total{account_id=\"111122223333\",operation=\"ListUsers\"} 1\n"));
        for reason in Reason::ALL {
            let series = format!("operation=\"ListUsers\",reason=\"{}\"}} 0\n", reason.as_str());
            assert!(page.contains(&series), "{series} in {page}");
        }
    }

    #[test]
    fn of_many_accounts_only_failures_that_happened_are_shown() {
        let (tally, changes) = (Arc::new(Tally::default()), Arc::new(Changes::default()));
        changes.accounts.store(ZEROS_UP_TO + 1, Relaxed);
        tally.count(&"111122223333".into(), "ListUsers", Some(Reason::Timeout));
        let metrics = SelfMetrics::new(tally, changes, Shard::default(), &Config::default().policy).unwrap();
        let page = String::from_utf8(metrics.page().to_vec()).unwrap();
        assert_eq!(page.matches("iam_key_exporter_aws_request_failures_total{").count(), 1, "{page}");
    }

    #[test]
    fn an_organization_that_was_never_listed_is_a_value_and_no_organization_is_none() {
        let changes = Arc::new(Changes::default());
        let metrics = SelfMetrics::new(Arc::default(), changes.clone(), Shard::default(), &Config::default().policy);
        let metrics = metrics.unwrap();
        let listed = || {
            let page = String::from_utf8(metrics.page().to_vec()).unwrap();
            let line =
                page.lines().find_map(|l| l.strip_prefix("iam_key_exporter_organization_listed_timestamp_seconds "));
            line.map(str::to_owned)
        };
        assert_eq!(listed(), None);
        changes.has_organization.store(true, Relaxed);
        assert_eq!(listed().as_deref(), Some("0"));
    }

    #[test]
    fn the_limits_are_told_in_seconds() {
        let metrics =
            SelfMetrics::new(Arc::default(), Arc::default(), Shard::default(), &Config::default().policy).unwrap();
        let page = String::from_utf8(metrics.page().to_vec()).unwrap();
        assert!(page.contains("iam_key_exporter_policy_seconds{limit=\"max_age\"} 7776000\n"), "{page}");
    }
}
