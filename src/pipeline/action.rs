//! The interface between a phase and the pipeline: whether it is done, and how to run it.

use super::vocabulary::{Each, When};
use crate::base::fault::Result;
use crate::context::Context;

/// The implementation of a phase. Actions hold no state: they read the host, the cluster and the context.
pub trait Action: Sync {
    /// True when the result exists. Checked when another phase needs it and this run skips it.
    fn done(&self, _cx: &mut Context, _target: &Target) -> Result<bool> {
        Ok(false)
    }

    /// False for phases that only read or check; the plan runs those first.
    fn changes(&self) -> bool {
        true
    }

    /// True for phases that can damage another cluster, or part this one from its data, also when they run by
    /// themselves: the phases with `always` run before them.
    fn is_guarded(&self) -> bool {
        false
    }

    /// True for phases that need a running host, its services or its API server.
    /// They are skipped, and reported, when the root directory is not `/`.
    fn needs_running_host(&self) -> bool {
        false
    }

    /// The number of private keys it needs, so that they can be generated in advance.
    fn keys_wanted(&self, _cx: &mut Context, _target: &Target) -> Result<usize> {
        Ok(0)
    }

    /// Checks the current state and makes the missing changes. A second call after a success changes nothing.
    fn run(&self, cx: &mut Context, target: &Target) -> Result<()>;
}

/// The phase or sub-phase that an action runs for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The phase's path: `certs/apiserver`.
    pub path: String,
    /// The row's name, for a phase with `each`.
    pub item: Option<&'static str>,
}

impl Target {
    /// The row's name; empty for a phase without `each`.
    pub fn item(&self) -> &'static str {
        self.item.unwrap_or_default()
    }
}

/// One row of a table that gives a phase its sub-phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// One word of the path.
    pub name: &'static str,
    /// One line for help.
    pub short: &'static str,
}

/// The available actions and tables. A higher layer fills it, so that this layer does not depend on them.
pub struct Registry {
    /// The action of that name.
    pub action: fn(&str) -> Option<&'static dyn Action>,
    /// The rows of that table.
    pub items: fn(Each) -> Vec<Item>,
    /// Whether that condition holds.
    pub holds: fn(When, &Context) -> bool,
}

#[cfg(test)]
pub(super) mod fakes {
    //! Actions that only record that they ran.
    use super::super::error::PipelineError;
    use super::*;
    use crate::base::wait::TimedOut;
    use std::time::Duration;

    pub struct Note;
    impl Action for Note {
        fn run(&self, cx: &mut Context, target: &Target) -> Result<()> {
            cx.events.message(format!("ran {}", target.path));
            Ok(())
        }
    }

    pub struct Look;
    impl Action for Look {
        fn changes(&self) -> bool {
            false
        }
        fn run(&self, _: &mut Context, _: &Target) -> Result<()> {
            Ok(())
        }
    }

    pub struct Guarded;
    impl Action for Guarded {
        fn is_guarded(&self) -> bool {
            true
        }
        fn run(&self, _: &mut Context, _: &Target) -> Result<()> {
            Ok(())
        }
    }

    pub struct Live;
    impl Action for Live {
        fn needs_running_host(&self) -> bool {
            true
        }
        fn run(&self, _: &mut Context, _: &Target) -> Result<()> {
            Ok(())
        }
    }

    pub struct Done;
    impl Action for Done {
        fn done(&self, _: &mut Context, _: &Target) -> Result<bool> {
            Ok(true)
        }
        fn run(&self, _: &mut Context, _: &Target) -> Result<()> {
            Ok(())
        }
    }

    pub struct Fail;
    impl Action for Fail {
        fn run(&self, _: &mut Context, target: &Target) -> Result<()> {
            Err(PipelineError::BadSpec { workflow: target.path.clone(), what: "fails on purpose".into() }.into())
        }
    }

    pub struct Late;
    impl Action for Late {
        fn run(&self, _: &mut Context, _: &Target) -> Result<()> {
            Err(TimedOut { what: "the node n1".into(), limit: Duration::from_secs(9), last: "not there".into() }.into())
        }
    }

    pub fn registry() -> Registry {
        Registry {
            action: |name| match name {
                "note" => Some(&Note),
                "look" => Some(&Look),
                "guarded" => Some(&Guarded),
                "live" => Some(&Live),
                "done" => Some(&Done),
                "fail" => Some(&Fail),
                "late" => Some(&Late),
                _ => None,
            },
            items: |_| vec![Item { name: "one", short: "The first" }, Item { name: "two", short: "The second" }],
            holds: |_, _| true,
        }
    }
}
