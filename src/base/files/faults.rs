//! Where tests let a change of the file system fail.
//!
//! Every step that changes the disk passes here first. A release has none of this.

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
    /// A name goes.
    Remove,
    /// A directory is made.
    MakeDirectory,
    /// A directory is flushed.
    Sync,
}

/// Lets the step go on, unless a test has it fail.
#[cfg(not(test))]
#[allow(clippy::unnecessary_wraps)] // In tests it fails.
pub fn pass(_: Step, _: &OsStr) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub use injected::pass;

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

    /// See the module's text.
    pub fn pass(step: Step, name: &OsStr) -> io::Result<()> {
        let error = RULE.with_borrow_mut(|rule| rule.as_mut().and_then(|rule| rule(step, &name.to_string_lossy())));
        error.map_or(Ok(()), |error| Err(error.into()))
    }
}
