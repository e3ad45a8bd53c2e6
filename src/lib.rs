//! Watches the age and last use of AWS IAM access keys, for Prometheus.
//!
//! Data flows one way. [`cli`] and [`config`] say what is wanted; [`aws`] is the line to
//! AWS; [`collect`] asks over it and turns wire shapes into the nouns of [`inventory`];
//! [`snapshot`] holds the last good answer of each account; [`policy`] judges it;
//! [`exposition`] writes it down; [`server`] hands it out. [`poller`] says when,
//! [`telemetry`] tells about ourselves, [`app`] wires it all up.
//!
//! Begin reading at [`inventory`], then [`poller`].

pub mod cli;
pub mod config;

pub mod aws;
pub mod collect;
pub mod inventory;

pub mod policy;
pub mod snapshot;
pub mod state;

pub mod exposition;
pub mod server;

pub mod poller;
pub mod telemetry;

pub mod app;
pub mod shutdown;
