//! Fixes findings automatically.
//!
//! Reads: the report. Writes: swap, kernel modules and parameters, the runtime's configuration, services and
//! /etc/hosts, all through the gate, so that a dry run shows each difference; and the journal, before each change, so
//! that everything can be undone.

mod bench;
mod containerd;
mod docker;
mod hosts;
mod kernel;
mod rounds;
mod steps;

pub use bench::{FailedFix, Fixed};
pub use rounds::{Outcome, in_rounds};
pub use steps::{Fixes, apply};
