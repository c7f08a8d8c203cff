//! The process of a test that runs a whole command, and what that printed.

use crate::base::env::{Clock, Env, Random};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// A stream that keeps what is written to it.
#[derive(Clone, Default)]
pub struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    /// What was written.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Forgets it.
    pub fn clear(&self) {
        self.0.lock().unwrap().clear();
    }
}

/// When tests run whole commands.
const NOW: u64 = 1_800_000_000;

/// A process of root without a terminal, variables and input, in the root directory.
pub fn env(out: &Written, err: &Written) -> Env {
    Env {
        args: Vec::new(),
        program: PathBuf::new(),
        vars: BTreeMap::new(),
        cwd: "/".into(),
        stdin: Box::new(io::empty()),
        stdout: Box::new(out.clone()),
        stderr: Box::new(err.clone()),
        stdin_is_terminal: false,
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        clock: Clock::fixed(NOW),
        random: Random::seeded(5),
        uid: 0,
    }
}
