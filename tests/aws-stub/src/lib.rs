//! An AWS on loopback, for tests and the demo.
//!
//! It answers the parts of IAM, STS and Organizations that a watcher of access keys needs, and those of
//! Secrets Manager and Systems Manager where new ones are kept, in the shapes of the live service: paging, throttling, the four hour life of a credential report, the root
//! row. What it says is true of a [`Cloud`], which a test changes directly while the stub is running,
//! and any answer can be replaced by a [`Fault`].
//!
//! Not here: signatures and policies. Every caller is believed and may do everything.

mod account;
mod answer;
mod bucket;
mod call;
mod cloud;
mod control;
mod dispatch;
mod fault;
pub mod fleet;
mod iam;
mod ids;
mod organization;
mod organizations;
mod page;
mod parameters;
mod refusal;
mod report;
mod secrets;
mod server;
mod sts;
mod stub;
mod time;
mod user;
mod xml;

pub use account::Account;
pub use answer::{Answer, Ending};
pub use cloud::{Cloud, DEFAULT_ACCOUNT};
pub use fault::Fault;
pub use organization::{Organization, Unit};
pub use parameters::{Parameter, Version};
pub use report::HEADER as REPORT_HEADER;
pub use secrets::Secret;
pub use stub::{Moment, Stub};
pub use user::{Key, LastUsed, Password, User};
