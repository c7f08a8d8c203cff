//! What a phase is to the pipeline: something that can say whether it is done, and be run.

use super::vocabulary::{Each, When};
use crate::base::fault::Result;
use crate::context::Context;

/// What a phase does. Actions hold no state: they read the world and the context.
pub trait Action: Sync {
    /// True when the product is there. Asked when another phase needs it and this run leaves it out.
    ///
    /// # Errors
    /// When the product cannot be looked at.
    fn done(&self, _cx: &mut Context, _target: &Target) -> Result<bool> {
        Ok(false)
    }

    /// False for what only gathers or checks; the plan keeps those first.
    fn changes(&self) -> bool {
        true
    }

    /// True for what a folder of files cannot give: a running host, its services, its API server.
    /// Such phases are left out, and named, when the root folder is not `/`.
    fn needs_running_host(&self) -> bool {
        false
    }

    /// How many private keys it will want, so that they can be generated before they are asked for.
    ///
    /// # Errors
    /// When what is there cannot be looked at.
    fn keys_wanted(&self, _cx: &mut Context, _target: &Target) -> Result<usize> {
        Ok(0)
    }

    /// Looks at the world and does what is missing. Called again after a success it changes nothing.
    ///
    /// # Errors
    /// Whatever went wrong; the pipeline adds the phase's path.
    fn run(&self, cx: &mut Context, target: &Target) -> Result<()>;
}

/// What an action is run for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The phase's path: `certs/apiserver`.
    pub path: String,
    /// The row's name, for a phase with `each`.
    pub item: Option<&'static str>,
}

impl Target {
    /// The row's name; empty for a phase without `each`, which is no name of any row.
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

/// The actions and tables there are; `actions` fills it, so that this layer need not know them.
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
    //! Actions that only note that they ran.
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
            Err(PipelineError::BadSpec { workflow: target.path.clone(), what: "told to fail".into() }.into())
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
