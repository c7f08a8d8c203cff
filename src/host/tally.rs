//! What became of several changes of which none needs another: one that fails does not keep the rest from being done.
//!
//! Reads and writes nothing.

use super::error::HostError;

#[derive(Debug, Default)]
pub struct Tally {
    /// How many things were changed.
    pub done: usize,
    /// Why others were not.
    pub failed: Vec<HostError>,
}

impl Tally {
    /// Counts a change of `number` things.
    pub fn add<T>(&mut self, number: usize, outcome: Result<T, HostError>) {
        match outcome {
            Ok(_) => self.done += number,
            Err(error) => self.failed.push(error),
        }
    }
}
