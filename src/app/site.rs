//! What the server hands out.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{SystemTime, UNIX_EPOCH},
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};

use super::build::Ground;
use crate::{exposition::Exposition, inventory::Timestamp, reload::Asking, server::Site, telemetry::SelfMetrics};

/// The exposition as it is configured now, and the metrics about ourselves.
pub(super) struct ExporterSite {
    pub(super) ground: Arc<Ground>,
    pub(super) exposition: ArcSwap<Exposition>,
    pub(super) metrics: SelfMetrics,
    pub(super) telemetry_path: String,
    pub(super) reload: Asking,
}

impl Site for ExporterSite {
    fn metrics(&self, now: SystemTime) -> Vec<Bytes> {
        let mut page = self.exposition.load().page(whole_seconds(now));
        page.push(self.metrics.page());
        page
    }

    fn status_page(&self, now: SystemTime) -> String {
        self.exposition.load().status_page(&self.telemetry_path, whole_seconds(now))
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
