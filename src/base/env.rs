//! The process as a value: arguments, environment variables, standard streams, clock and randomness.
//!
//! No other code reads them directly, so a test can run a whole command with its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Everything a command reads from its process.
pub struct Env {
    /// Includes the program name.
    pub args: Vec<OsString>,
    /// The path of this executable; empty if unknown.
    pub program: PathBuf,
    /// Environment variables that are valid UTF-8.
    pub vars: BTreeMap<String, String>,
    pub cwd: PathBuf,
    pub stdin: Box<dyn Read + Send>,
    pub stdout: Box<dyn Write + Send>,
    pub stderr: Box<dyn Write + Send>,
    pub stdin_is_terminal: bool,
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
    pub clock: Clock,
    pub random: Random,
    /// The effective user id.
    pub uid: u32,
}

impl Env {
    /// The real process.
    pub fn of_process() -> Self {
        Self {
            args: std::env::args_os().collect(),
            program: std::env::current_exe().unwrap_or_default(),
            vars: std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            stdin: Box::new(io::stdin()),
            stdout: Box::new(io::stdout()),
            stderr: Box::new(io::stderr()),
            stdin_is_terminal: io::stdin().is_terminal(),
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            clock: Clock::system(),
            random: Random::system(),
            uid: rustix::process::geteuid().as_raw(),
        }
    }
}

/// Wall-clock and monotonic time.
#[derive(Clone)]
pub struct Clock(ClockKind);

#[derive(Clone)]
enum ClockKind {
    System(Instant),
    /// Milliseconds since the epoch; sleeping advances it at once.
    Fixed(Arc<AtomicU64>),
}

impl Clock {
    /// The operating system's clock.
    pub fn system() -> Self {
        Self(ClockKind::System(Instant::now()))
    }

    /// A clock set to `seconds` since the epoch that only advances in [`Clock::sleep`].
    pub fn fixed(seconds: u64) -> Self {
        Self(ClockKind::Fixed(Arc::new(AtomicU64::new(seconds * 1000))))
    }

    /// Seconds since the epoch.
    pub fn now(&self) -> i64 {
        i64::try_from(self.elapsed().as_secs()).unwrap_or(i64::MAX)
    }

    /// Nanoseconds since the epoch, the unit of file timestamps.
    pub fn nanos(&self) -> i64 {
        i64::try_from(self.elapsed().as_nanos()).unwrap_or(i64::MAX)
    }

    fn elapsed(&self) -> Duration {
        match &self.0 {
            ClockKind::System(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            ClockKind::Fixed(millis) => Duration::from_millis(millis.load(Ordering::SeqCst)),
        }
    }

    /// Time since an arbitrary fixed moment; never goes backward.
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            ClockKind::System(start) => start.elapsed(),
            ClockKind::Fixed(millis) => Duration::from_millis(millis.load(Ordering::SeqCst)),
        }
    }

    /// Pauses this thread, or advances a fixed clock.
    pub fn sleep(&self, time: Duration) {
        match &self.0 {
            ClockKind::System(_) => std::thread::sleep(time),
            ClockKind::Fixed(millis) => {
                millis.fetch_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1), Ordering::SeqCst);
            }
        }
    }
}

/// A source of random bytes.
#[derive(Clone)]
pub struct Random(RandomKind);

#[derive(Clone)]
enum RandomKind {
    System,
    Seeded(Arc<Mutex<u64>>),
}

impl Random {
    /// The kernel's random number generator.
    pub fn system() -> Self {
        Self(RandomKind::System)
    }

    /// A reproducible sequence, for tests only.
    pub fn seeded(seed: u64) -> Self {
        Self(RandomKind::Seeded(Arc::new(Mutex::new(seed))))
    }

    /// Fills `buffer` with random bytes.
    pub fn fill(&self, buffer: &mut [u8]) -> io::Result<()> {
        match &self.0 {
            RandomKind::System => aws_lc_rs::rand::fill(buffer).map_err(|_| io::Error::other("no random bytes")),
            RandomKind::Seeded(state) => {
                let mut state = state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                for byte in buffer {
                    // SplitMix64, one byte a step: enough for reproducible tests.
                    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                    *byte = (mixed >> 56) as u8;
                }
                Ok(())
            }
        }
    }

    /// `length` characters, each drawn with equal probability from `alphabet` (1 to 256 characters).
    pub fn text(&self, length: usize, alphabet: &[u8]) -> io::Result<String> {
        // Bytes past the last whole multiple would make the first characters more likely.
        let limit = 256 - 256 % alphabet.len().max(1);
        let mut text = String::with_capacity(length);
        while text.len() < length {
            let mut byte = [0];
            self.fill(&mut byte)?;
            if usize::from(byte[0]) < limit {
                text.push(char::from(alphabet[usize::from(byte[0]) % alphabet.len()]));
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_randomness_repeats_and_uses_the_whole_alphabet() {
        let text = Random::seeded(1).text(2000, b"abc").unwrap();
        assert_eq!(text, Random::seeded(1).text(2000, b"abc").unwrap());
        for letter in ['a', 'b', 'c'] {
            assert!(text.matches(letter).count() > 500);
        }
    }
}
