//! The real `iam-key-rotate` on the stub of AWS, which tells the truth, and on moto, which judges.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bench;
mod binaries;
mod crash;
mod earlier;
mod faults;
mod moto;
mod path;
mod permissions;
mod reach;
mod refusals;
mod secrecy;
mod two_operators;
mod unattended;

const ACCOUNT: &str = aws_stub::DEFAULT_ACCOUNT;
const DAY: i64 = 86_400;
