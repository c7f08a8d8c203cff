//! A test of the Pod network with Pods: each asks the others and Services, and the pattern of what fails names the cause.
//!
//! `run` is the whole test; `members` chooses nodes, `objects` are what it creates in a namespace of its own, `questions`
//! says who asks what, `pods` reads how the Pods are, `setting` looks at the plugin, kube-proxy and DNS, `causes` concludes
//! with the rows of `table`, `sweep` removes what an interrupted test left.
//!
//! Reads: nodes, Pods, Services, events and logs. Writes: one namespace, which it removes.

mod causes;
mod error;
mod members;
mod objects;
mod place;
mod pods;
mod questions;
mod run;
mod seen;
mod setting;
mod sweep;
mod table;
#[cfg(test)]
pub(crate) mod test_nodes;
#[cfg(test)]
mod tests;

pub use causes::{Cause, listed};
pub use error::NetworkTestError;
pub use members::{Member, Untested, Why};
pub use run::{Options, Tested, run, suffix};
pub use seen::{NameOf, Network, Seen, What};
pub use setting::starting;
pub use table::{ROWS, Row, Severity};
