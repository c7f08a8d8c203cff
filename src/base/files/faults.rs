//! Where tests stop a run, or have a change of the file system fail.
//!
//! Every step that changes the disk passes here first. Debug builds count the steps: with `KUBEWRIGHT_TEST_STOP_AFTER=N`
//! a run ends as if it were killed after N steps that change what a directory shows, with `KUBEWRIGHT_TEST_FAIL_AT=N`
//! step N of all fails with EIO. Unit tests have rules of their own. A release has none of this.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;

/// A step that is about to change the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A file gets its content, before it has its name.
    Fill,
    /// A file or link gets a name that was free.
    Name,
    /// A file or link takes the place of another.
    Rename,
    /// A file is written where it is.
    InPlace,
    /// A name is removed.
    Remove,
    /// A directory is created.
    MakeDirectory,
    /// A directory is flushed.
    Sync,
}

/// Takes over what the environment variables of a test ask for.
#[cfg(any(test, not(debug_assertions)))]
pub fn arm(_: &BTreeMap<String, String>) {}

/// Lets the step go on.
#[cfg(not(any(test, debug_assertions)))]
pub fn pass(_: Step, _: &OsStr) -> io::Result<()> {
    Ok(())
}

#[cfg(all(debug_assertions, not(test)))]
pub use counted::{arm, pass};
#[cfg(test)]
pub use injected::pass;

/// Faults that the environment of a process asks for.
#[cfg(all(debug_assertions, not(test)))]
mod counted {
    use super::{BTreeMap, OsStr, Step, io};
    use rustix::io::Errno;
    use rustix::process::{Signal, getpid, kill_process};
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    static STOP_AFTER: AtomicU32 = AtomicU32::new(u32::MAX);
    static FAIL_AT: AtomicU32 = AtomicU32::new(u32::MAX);
    static SHOWN: AtomicU32 = AtomicU32::new(0);
    static ALL: AtomicU32 = AtomicU32::new(0);

    pub fn arm(vars: &BTreeMap<String, String>) {
        for (name, place) in [("KUBEWRIGHT_TEST_STOP_AFTER", &STOP_AFTER), ("KUBEWRIGHT_TEST_FAIL_AT", &FAIL_AT)] {
            if let Some(number) = vars.get(name).and_then(|text| text.parse().ok()) {
                place.store(number, SeqCst);
            }
        }
    }

    /// Lets the step go on, unless it is the one where this process stops or fails.
    pub fn pass(step: Step, _: &OsStr) -> io::Result<()> {
        if !matches!(step, Step::Fill | Step::Sync) && SHOWN.fetch_add(1, SeqCst) >= STOP_AFTER.load(SeqCst) {
            kill_process(getpid(), Signal::KILL)?;
        }
        if ALL.fetch_add(1, SeqCst) + 1 == FAIL_AT.load(SeqCst) { Err(Errno::IO.into()) } else { Ok(()) }
    }
}

/// Faults that a unit test has ordered for its own thread.
#[cfg(test)]
pub mod injected {
    use super::{OsStr, Step, io};
    use rustix::io::Errno;
    use std::cell::RefCell;

    type Rule = Box<dyn FnMut(Step, &str) -> Option<Errno>>;

    thread_local! {
        static RULE: RefCell<Option<Rule>> = const { RefCell::new(None) };
    }

    /// Faults occur until this is dropped.
    #[must_use]
    pub struct Armed(());

    impl Drop for Armed {
        fn drop(&mut self) {
            RULE.with_borrow_mut(|rule| *rule = None);
        }
    }

    /// Steps fail as `rule` says by the step and the name of the file.
    pub fn fail(rule: impl FnMut(Step, &str) -> Option<Errno> + 'static) -> Armed {
        RULE.with_borrow_mut(|there| *there = Some(Box::new(rule)));
        Armed(())
    }

    /// Nothing changes any more after so many steps that change what a directory shows, as if the run were killed.
    pub fn stop_after(steps: u32) -> Armed {
        let mut done = 0;
        fail(move |step, _| {
            let is_shown = !matches!(step, Step::Fill | Step::Sync);
            done += u32::from(is_shown && done <= steps);
            (done > steps).then_some(Errno::IO)
        })
    }

    pub fn pass(step: Step, name: &OsStr) -> io::Result<()> {
        let error = RULE.with_borrow_mut(|rule| rule.as_mut().and_then(|rule| rule(step, &name.to_string_lossy())));
        error.map_or(Ok(()), |error| Err(error.into()))
    }
}
