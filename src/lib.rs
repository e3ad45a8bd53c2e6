//! Watches the age and last use of AWS IAM access keys, for Prometheus.
//!
//! Data flows one way. [`cli`] and [`config`] say what is wanted, [`permissions`] what AWS must
//! permit for it; [`aws`] is the line to AWS; [`collect`] asks over it and turns wire shapes into the
//! nouns of [`inventory`];
//! [`snapshot`] holds the last good answer of each account; [`policy`] judges it;
//! [`exposition`] writes it down, [`status_page`] for people; [`server`] hands it out. [`roster`] says which accounts,
//! [`poller`] when, [`reading`] is one account's turn, [`lanes`] how many at once;
//! [`telemetry`] and [`supervisor`] tell about ourselves, [`app`] wires it all up, [`reload`] says
//! when anew.
//!
//! [`check`] reads all of it once and reports; [`rotate`] is the second binary: it replaces keys, and nothing of it is in the exporter.
//! [`rotation`] is the noun that both know.
//!
//! Begin reading at [`inventory`], then [`poller`].

pub mod cli;
pub mod config;
pub mod permissions;

pub mod aws;
pub mod causes;
pub mod collect;
pub mod console;
pub mod inventory;
pub mod key_ids;

pub mod policy;
pub mod snapshot;
pub mod state;

pub mod exposition;
pub mod server;
pub mod status_page;

pub mod lanes;
pub mod poller;
pub mod reading;
pub mod roster;
pub mod telemetry;

pub mod accounts;
pub mod app;
pub mod check;
pub mod reload;
pub mod rotate;
pub mod rotation;
pub mod shutdown;
pub mod supervisor;

/// What `--version` says: the version, and the revision that it was built from.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (revision ", env!("IAM_KEY_EXPORTER_REVISION"), ")");
