//! Replaces access keys: the second binary, with a policy of its own.
//!
//! A command `look`s (`iam`) at the user, makes a `plan` (pure), shows it, asks, and performs its
//! `steps` one by one. What has been done is known from the user's `tags` alone, written
//! before the step that they announce, so that any command can be repeated after a crash and
//! finds its way. The new secret exists once: `CreateAccessKey` answers it, and the next thing
//! that happens is that a `sink` keeps it.
//!
//! The exporter has nothing of this: a test looks into both binaries.

pub mod app;
pub mod cli;

mod audit;
mod connect;
mod desk;
mod iam;
mod permissions;
mod plan;
mod report;
mod secret;
mod sink;
mod steps;
mod tags;
mod unattended;
mod verify;
