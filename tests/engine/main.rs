//! The collection engine as a whole: the real poller and SDK against the stub, in one
//! process and with paused time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bench_calls;
mod blind_spots;
mod cost;
mod exemptions;
mod fault_matrix;
mod freshness;
mod in_process;
mod organization;
mod truth;
