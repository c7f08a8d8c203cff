//! What a run over many hosts shows while it runs. The command line decides how.

use super::outcome::State;
use serde_json::Value;

/// Sees what happens on the hosts. Called from many threads.
pub trait Watch: Sync {
    /// An event of a run on a host, as the host sent it.
    fn event(&self, host: &str, seq: u64, event: &Value);
    /// A host's work begins, with the number of all that work is planned for.
    fn started(&self, host: &str, what: &str);
    /// A host's work ended.
    fn ended(&self, host: &str, state: State, why: &str);
    /// Something that concerns all hosts.
    fn message(&self, text: &str);
}

/// Shows nothing.
pub struct Unwatched;

impl Watch for Unwatched {
    fn event(&self, _: &str, _: u64, _: &Value) {}
    fn started(&self, _: &str, _: &str) {}
    fn ended(&self, _: &str, _: State, _: &str) {}
    fn message(&self, _: &str) {}
}
