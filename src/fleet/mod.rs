//! Layer 11: many hosts. Brings a cluster into the state that its file describes, by running commands of kubewright on its
//! hosts; everything that happens on a host can be done there by hand.
//!
//! `remote` is how a host is talked to, `link` keeps one connection to each and `job` runs a command that outlives it.
//! `survey` gathers the facts of all hosts, `review` compares them with one another, `plan` with the file, and `apply` does
//! what the plan says, in the order of `window`. Nothing is kept on this machine.

pub mod apply;
pub mod changing;
pub mod credentials;
pub mod differences;
pub mod error;
pub mod job;
pub mod link;
pub mod outcome;
pub mod plan;
pub mod reach;
pub mod remote;
pub mod removal;
mod renewing;
pub mod review;
pub mod ssh;
pub mod survey;
#[cfg(test)]
pub(crate) mod test_hosts;

mod upgrading;
pub mod watch;
pub mod window;
pub mod work;
