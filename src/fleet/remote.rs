//! How a host is talked to: commands of kubewright, run there as root.

use crate::base::fault::Result;
use crate::config::cluster::HostEntry;

/// A command that has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code; a signal is -1.
    pub code: i32,
    /// The end of its standard error.
    pub stderr: String,
}

/// A connection to a host.
pub trait Remote: Send {
    /// Runs kubewright on the host as root with these words and this standard input, and calls `line` for each line of
    /// its standard output. An error is one of the connection; `line` returns false to end it.
    fn run(&mut self, words: &[&str], input: &[u8], line: &mut dyn FnMut(&str) -> bool) -> Result<Ran>;
}

/// Connects to hosts.
pub trait Connect: Sync {
    /// Connects to a host and prepares it: afterwards it has the same kubewright as this machine.
    fn connect(&self, host: &HostEntry) -> Result<Box<dyn Remote>>;
}
