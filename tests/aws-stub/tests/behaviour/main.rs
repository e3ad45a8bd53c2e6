//! The stub as its callers see it.

mod accounts;
mod caller;
mod iam;
mod wire;
