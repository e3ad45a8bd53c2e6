//! The collection engine as a whole: the real poller and SDK against the stub, in one
//! process and with paused time.

mod fault_matrix;
mod in_process;
mod truth;
