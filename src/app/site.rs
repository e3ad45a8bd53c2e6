//! What the server hands out.

use std::{
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
    time::{SystemTime, UNIX_EPOCH},
};

use arc_swap::ArcSwap;
use futures_util::future::{BoxFuture, FutureExt as _};

use super::build::Ground;
use crate::{
    config::Config,
    exposition::{Exposition, part::Part},
    inventory::Timestamp,
    reload::Asking,
    server::Site,
    status_page::{self, StatusPage},
    telemetry::SelfMetrics,
};

/// The exposition and the status page as they are configured now, and the metrics about ourselves.
pub(super) struct ExporterSite {
    pub(super) ground: Arc<Ground>,
    pub(super) exposition: ArcSwap<Exposition>,
    pub(super) metrics: SelfMetrics,
    pub(super) status_page: ArcSwap<StatusPage>,
    pub(super) latest: Mutex<Option<Scrape>>,
    pub(super) telemetry_path: String,
    pub(super) reload: Asking,
}

/// A page, and the metrics about ourselves for all who ask for it.
pub(super) struct Scrape {
    page: Arc<[Arc<Part>]>,
    own: Arc<Part>,
}

impl ExporterSite {
    /// Judges and labels keys by this configuration from now on.
    pub(super) fn judge_by(&self, config: &Config) {
        self.exposition.store(Arc::new(self.ground.exposition(config)));
        self.status_page.store(Arc::new(self.ground.status_page(config, &self.telemetry_path)));
        self.metrics.limits(&config.policy);
    }

    /// Notes how a reload went, also for scrapes of this same second.
    pub(super) fn reloaded(&self, is_used: bool) {
        self.metrics.config_reloaded(is_used, self.ground.clock.now());
        *self.latest.lock().expect("writing metrics does not panic") = None;
    }
}

impl Site for ExporterSite {
    fn metrics(&self, now: SystemTime) -> Vec<Arc<Part>> {
        let page = self.exposition.load().page(whole_seconds(now));
        let mut latest = self.latest.lock().expect("writing metrics does not panic");
        let own = match &*latest {
            Some(Scrape { page: of, own }) if Arc::ptr_eq(of, &page) => own.clone(),
            _ => Arc::new(Part::new(self.metrics.page())),
        };
        *latest = Some(Scrape { page: page.clone(), own: own.clone() });
        page.iter().chain([&own]).cloned().collect()
    }

    fn status_page(&self, query: &str, now: SystemTime) -> String {
        self.status_page.load().html(query, whole_seconds(now))
    }

    fn style(&self) -> &'static str {
        status_page::STYLE
    }

    fn is_ready(&self) -> bool {
        let fleet = self.ground.snapshots.fleet();
        self.ground.changes.is_known.load(Relaxed) && fleet.accounts.values().all(|account| account.health.is_some())
    }

    fn reload(&self) -> BoxFuture<'static, Result<(), String>> {
        self.reload.clone().ask().boxed()
    }
}

fn whole_seconds(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
