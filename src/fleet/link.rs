//! One connection to each host, opened when it is first needed and again after it broke.

use super::error::FleetError;
use super::remote::{Connect, Ran, Remote};
use crate::base::fault::Result;
use crate::config::cluster::HostEntry;
use serde::de::DeserializeOwned;
use std::sync::{Mutex, PoisonError};

/// The most that a host may answer at once.
const LONGEST: usize = 16 << 20;

/// A host and the connection to it.
pub struct Link<'a> {
    pub host: &'a HostEntry,
    connect: &'a dyn Connect,
    remote: Mutex<Option<Box<dyn Remote>>>,
}

impl<'a> Link<'a> {
    pub fn new(host: &'a HostEntry, connect: &'a dyn Connect) -> Self {
        Self { host, connect, remote: Mutex::new(None) }
    }

    /// Runs a command of kubewright on the host; `line` gets each line of its output.
    pub fn run(&self, words: &[&str], input: &[u8], line: &mut dyn FnMut(&str) -> bool) -> Result<Ran> {
        let mut remote = self.remote.lock().unwrap_or_else(PoisonError::into_inner);
        if remote.is_none() {
            *remote = Some(self.connect.connect(self.host)?);
        }
        let ran = match remote.as_mut() {
            Some(remote) => remote.run(words, input, line),
            None => Err(FleetError::NoResult.into()),
        };
        if ran.is_err() {
            // The next command connects again.
            *remote = None;
        }
        ran
    }

    /// Runs a command that prints one JSON document, which must not fail.
    pub fn ask<T: DeserializeOwned>(&self, words: &[&str], input: &[u8]) -> Result<T> {
        let (mut text, mut too_long) = (String::new(), false);
        let mut words = words.to_vec();
        words.extend(["-o", "json", "--events", "json"]);
        let ran = self.run(&words, input, &mut |line| {
            too_long = text.len() + line.len() > LONGEST;
            text.push_str(line);
            text.push('\n');
            !too_long
        })?;
        if too_long {
            return Err(FleetError::NotAnAnswer { why: "its answer does not end".into() }.into());
        }
        if ran.code != 0 {
            return Err(FleetError::of_output(ran.code, &ran.stderr).into());
        }
        // The parser's message may repeat a part of the answer, which may be a secret.
        let place = |error: serde_json::Error| format!("line {}, column {}", error.line(), error.column());
        Ok(serde_json::from_str(&text).map_err(|error| FleetError::NotAnAnswer { why: place(error) })?)
    }

    /// Closes the connection.
    pub fn close(&self) {
        *self.remote.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
