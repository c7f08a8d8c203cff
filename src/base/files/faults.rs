//! Fault injection for changes of the file system.
//!
//! Every step that changes the disk passes through here first. Release builds do not contain this.

use std::ffi::OsStr;
use std::io;

/// A step that changes the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A file gets its content, before it gets its name.
    Fill,
    /// A file or link gets an unused name.
    Name,
    /// A file or link replaces another.
    Rename,
    /// A file is overwritten in place.
    InPlace,
    /// A name is removed.
    Remove,
    /// A directory is created.
    MakeDirectory,
    /// A directory is synced.
    Sync,
}

/// Continues, unless a test injects a fault into the step.
#[cfg(not(test))]
#[allow(clippy::unnecessary_wraps)] // In tests it fails.
pub fn pass(_: Step, _: &OsStr) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub use injected::pass;

/// Faults injected by a unit test for its own thread.
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

    /// Steps fail as `rule` decides by the step and the name of the file.
    pub fn fail(rule: impl FnMut(Step, &str) -> Option<Errno> + 'static) -> Armed {
        RULE.with_borrow_mut(|there| *there = Some(Box::new(rule)));
        Armed(())
    }

    pub fn pass(step: Step, name: &OsStr) -> io::Result<()> {
        let error = RULE.with_borrow_mut(|rule| rule.as_mut().and_then(|rule| rule(step, &name.to_string_lossy())));
        error.map_or(Ok(()), |error| Err(error.into()))
    }
}
