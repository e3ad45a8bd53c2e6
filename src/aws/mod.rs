//! The line to AWS: clients, credentials, and one way to make a call.
//!
//! Every call of this program goes through [`Session::call`], where it is paced, timed,
//! counted, retried and classified. What the answers mean is the matter of `collect`.

mod connect;
mod error;
mod login;
mod organization;
mod pace;
mod session;
mod tally;
mod whole;

pub use connect::{Caller, ConnectError, Hub, Without};
pub(crate) use connect::{caller, check, load, query_clients};
pub(crate) use error::SdkError;
pub use error::{CallError, Reason, retryable};
pub use organization::Member;
pub use pace::Pace;
pub use session::{Attempt, CallLimits, Session};
pub use tally::{Count, Tally};
