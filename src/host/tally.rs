//! The results of several independent changes: a failure does not stop the others.
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
