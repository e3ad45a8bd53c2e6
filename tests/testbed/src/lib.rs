//! Real processes on free loopback ports, for the tests and the demo.
//!
//! Each part is started, found by the address it says it listens on, and ended by its
//! process id when its handle goes. Nothing waits by the clock alone: [`wait::until`] asks
//! again until a deadline and then shows what it saw last.

pub mod alertmanager;
pub mod chromium;
pub mod curl;
pub mod exporter;
pub mod http;
pub mod metrics;
pub mod moto;
pub mod process;
pub mod prometheus;
pub mod wait;
pub mod webhook;
pub mod writer;

pub use alertmanager::Alertmanager;
pub use chromium::{Chromium, Screen};
pub use curl::{Reply, curl};
pub use exporter::{Exporter, Settings};
pub use metrics::Page;
pub use moto::Moto;
pub use process::Process;
pub use prometheus::Prometheus;
pub use webhook::{Notification, Webhook};
pub use writer::Writer;
