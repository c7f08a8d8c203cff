//! The interface between a phase and the pipeline: whether it is done, and how to run it.

use super::vocabulary::{Each, When};
use crate::base::fault::Result;
use crate::context::{Context, Run};

/// What a phase does in the workflow `W`, with the options and results of that workflow. It holds no state: it reads the
/// host, the cluster and the run.
pub trait Phase<W>: Sync {
    /// True when the result exists. Checked when another phase needs it and this run skips it.
    fn done(&self, _run: &mut Run<W>, _target: &Target) -> Result<bool> {
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
    fn keys_wanted(&self, _run: &mut Run<W>, _target: &Target) -> Result<usize> {
        Ok(0)
    }

    /// Checks the current state and makes the missing changes. A second call after a success changes nothing.
    fn run(&self, run: &mut Run<W>, target: &Target) -> Result<()>;
}

/// A phase that needs nothing of its workflow, so that it can be a phase of any. The methods are those of [`Phase`].
pub trait Action: Sync {
    fn done(&self, _cx: &mut Context, _target: &Target) -> Result<bool> {
        Ok(false)
    }
    fn changes(&self) -> bool {
        true
    }
    fn is_guarded(&self) -> bool {
        false
    }
    fn needs_running_host(&self) -> bool {
        false
    }
    fn keys_wanted(&self, _cx: &mut Context, _target: &Target) -> Result<usize> {
        Ok(0)
    }
    fn run(&self, cx: &mut Context, target: &Target) -> Result<()>;
}

impl<W, A: Action> Phase<W> for A {
    fn done(&self, run: &mut Run<W>, target: &Target) -> Result<bool> {
        Action::done(self, run, target)
    }
    fn changes(&self) -> bool {
        Action::changes(self)
    }
    fn is_guarded(&self) -> bool {
        Action::is_guarded(self)
    }
    fn needs_running_host(&self) -> bool {
        Action::needs_running_host(self)
    }
    fn keys_wanted(&self, run: &mut Run<W>, target: &Target) -> Result<usize> {
        Action::keys_wanted(self, run, target)
    }
    fn run(&self, run: &mut Run<W>, target: &Target) -> Result<()> {
        Action::run(self, run, target)
    }
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

/// A name in a phase list, and what it does in the workflow `W`.
pub type Entry<W> = (&'static str, &'static dyn Phase<W>);

/// What the phase list of the workflow `W` may name. A higher layer fills it, so that this layer does not depend on it.
#[derive(Clone, Copy)]
pub struct Registry<W: 'static> {
    /// The actions.
    pub actions: &'static [Entry<W>],
    /// The rows of that table.
    pub items: fn(Each) -> Vec<Item>,
    /// Whether that condition holds for a phase, or for this row of its table.
    pub holds: fn(When, Option<&str>, &Run<W>) -> bool,
}

impl<W> Registry<W> {
    /// The action of that name.
    pub fn action(&self, name: &str) -> Option<&'static dyn Phase<W>> {
        self.actions.iter().find(|(known, _)| *known == name).map(|(_, action)| *action)
    }

    /// True if the action of that name does more than check.
    pub fn makes_changes(&self, name: &str) -> bool {
        let Some(action) = self.action(name) else { return false };
        action.changes()
    }
}

#[cfg(test)]
pub(super) mod fakes {
    //! Actions that only record that they ran.
    use super::super::error::PipelineError;
    use super::super::spec::Workflow;
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

    const ACTIONS: &[Entry<()>] = &[
        ("note", &Note),
        ("look", &Look),
        ("guarded", &Guarded),
        ("live", &Live),
        ("done", &Done),
        ("fail", &Fail),
        ("late", &Late),
    ];

    pub fn load(text: &str) -> Result<Workflow<()>, PipelineError> {
        let items = |_| vec![Item { name: "one", short: "The first" }, Item { name: "two", short: "The second" }];
        Workflow::load(text, Registry { actions: ACTIONS, items, holds: |_, _, _| true })
    }

    /// A run of these actions.
    pub fn run(root: &str) -> Run<()> {
        Run { cx: Context::for_tests(root), work: () }
    }
}
