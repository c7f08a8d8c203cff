//! The one gate through which every change goes: it does the change, or, in a dry run, records it.
//!
//! No other code asks whether this is a dry run. The list of changes is kept in both modes: it is
//! the plan that `--dry-run` prints, and what a real run says it changed.

use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A change to a host, a cluster or another machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "camelCase")]
pub enum Change {
    /// A folder that was not there.
    #[serde(rename_all = "camelCase")]
    CreateDirectory {
        /// As the host sees it, without the root folder.
        path: PathBuf,
        /// Permission bits.
        mode: u32,
    },
    /// A file that is new or gets other content or another mode.
    #[serde(rename_all = "camelCase")]
    WriteFile {
        /// As the host sees it, without the root folder.
        path: PathBuf,
        /// Permission bits.
        mode: u32,
        /// What was there before, as may be shown; None for a new file.
        before: Option<String>,
        /// What is there then, as may be shown (secrets are masked).
        after: String,
    },
    /// A link that is new or points elsewhere now.
    #[serde(rename_all = "camelCase")]
    WriteLink {
        /// As the host sees it.
        path: PathBuf,
        /// What it points to.
        target: PathBuf,
    },
    /// A file, link or tree that goes.
    #[serde(rename_all = "camelCase")]
    Remove {
        /// As the host sees it.
        path: PathBuf,
    },
    /// A command or service action on the host: `systemctl restart kubelet`, `mount`, `swapoff -a`.
    #[serde(rename_all = "camelCase")]
    Run {
        /// What it does, for people.
        what: String,
        /// The command as words; never holds a secret.
        command: Vec<String>,
    },
    /// A request that changes something behind an API: Kubernetes, etcd, the container runtime.
    #[serde(rename_all = "camelCase")]
    Request {
        /// Which API: `kubernetes`, `etcd`, `cri`.
        api: String,
        /// What it does: `create`, `update`, `patch`, `delete`, `pull`, ….
        verb: String,
        /// On what: `ConfigMap kube-system/kubeadm-config`.
        object: String,
        /// What is sent, as may be shown; None where the verb and object say it all.
        body: Option<String>,
    },
}

/// A change and the phase that asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The phase's path, such as `certs/ca`; empty outside of a pipeline.
    pub phase: String,
    /// The change.
    #[serde(flatten)]
    pub change: Change,
}

/// See the module's text. Clones share one list.
#[derive(Clone)]
pub struct Gate {
    dry: bool,
    /// The phase of all that passes here; None: the one that runs.
    phase: Option<Arc<str>>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    phase: String,
    entries: Vec<Entry>,
}

impl Gate {
    /// A gate that does what it is asked.
    pub fn open() -> Self {
        Self { dry: false, phase: None, state: Arc::default() }
    }

    /// A gate that only records.
    pub fn recording() -> Self {
        Self { dry: true, phase: None, state: Arc::default() }
    }

    /// The same gate for work that goes on in the background: what passes belongs to `phase`, whatever runs.
    #[must_use]
    pub fn of_phase(&self, phase: &str) -> Self {
        Self { phase: Some(phase.into()), ..self.clone() }
    }

    /// Names the phase to which the next changes belong.
    pub fn enter(&self, phase: &str) {
        phase.clone_into(&mut self.state().phase);
    }

    /// Does the change with `act` and notes it, or only notes it. `Ok(None)` means: noted only.
    ///
    /// # Errors
    /// What `act` says; a change that failed is not noted.
    pub fn pass<T, E>(&self, change: Change, act: impl FnOnce() -> Result<T, E>) -> Result<Option<T>, E> {
        let done = if self.dry { None } else { Some(act()?) };
        let mut state = self.state();
        let phase = self.phase_of(&state);
        state.entries.push(Entry { phase, change });
        Ok(done)
    }

    /// Does several changes at once with `act`, which returns one result for each in their order, and notes
    /// those that succeeded, or only notes them all. `None` means: noted only. The order of the notes is that
    /// of `changes`, however concurrently `act` works.
    pub fn pass_all<T, E>(
        &self,
        changes: Vec<Change>,
        act: impl FnOnce() -> Vec<Result<T, E>>,
    ) -> Option<Vec<Result<T, E>>> {
        let done = if self.dry { None } else { Some(act()) };
        let succeeded = |index: usize| done.as_ref().is_none_or(|done| done.get(index).is_some_and(Result::is_ok));
        let mut state = self.state();
        for (index, change) in changes.into_iter().enumerate() {
            if succeeded(index) {
                let phase = self.phase_of(&state);
                state.entries.push(Entry { phase, change });
            }
        }
        drop(state);
        done
    }

    /// Looks at what the changes so far brought about, such as a component that starts. In a dry run nothing
    /// was brought about, so there is nothing to look at: `Ok(None)`.
    ///
    /// # Errors
    /// What `look` says.
    pub fn effect<T, E>(&self, look: impl FnOnce() -> Result<T, E>) -> Result<Option<T>, E> {
        if self.dry { Ok(None) } else { look().map(Some) }
    }

    /// True when a dry run has noted such a change, so that what is seen of the world lacks it.
    pub fn plans(&self, such: impl Fn(&Change) -> bool) -> bool {
        self.dry && self.state().entries.iter().any(|entry| such(&entry.change))
    }

    /// True when a dry run has noted that this file, link or tree goes.
    pub fn plans_removal(&self, path: &Path) -> bool {
        self.plans(|change| matches!(change, Change::Remove { path: gone } if gone == path))
    }

    /// Every change so far, in order.
    pub fn entries(&self) -> Vec<Entry> {
        self.state().entries.clone()
    }

    /// How many changes so far.
    pub fn count(&self) -> usize {
        self.state().entries.len()
    }

    fn phase_of(&self, state: &State) -> String {
        self.phase.as_deref().unwrap_or(&state.phase).to_owned()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change() -> Change {
        Change::Remove { path: "/etc/kubernetes/admin.conf".into() }
    }

    #[test]
    fn recording_does_nothing_and_notes_it() {
        let gate = Gate::recording();
        gate.enter("cleanup-node");
        let done = gate.pass(change(), || -> Result<(), ()> { panic!("a dry run acted") }).unwrap();
        assert!(done.is_none());
        assert_eq!(gate.entries(), [Entry { phase: "cleanup-node".into(), change: change() }]);
    }

    #[test]
    fn work_in_the_background_keeps_its_own_phase() {
        let gate = Gate::open();
        let background = gate.of_phase("preflight");
        gate.enter("certs/ca");
        background.pass(change(), || Ok::<_, ()>(())).unwrap();
        gate.pass(change(), || Ok::<_, ()>(())).unwrap();
        let phases: Vec<String> = gate.entries().into_iter().map(|entry| entry.phase).collect();
        assert_eq!(phases, ["preflight", "certs/ca"]);
    }

    #[test]
    fn a_change_that_fails_is_not_noted() {
        let gate = Gate::open();
        assert_eq!(gate.pass(change(), || Err::<(), _>("no")), Err("no"));
        assert_eq!(gate.count(), 0);
        assert_eq!(gate.pass(change(), || Ok::<_, ()>(7)), Ok(Some(7)));
        assert_eq!(gate.count(), 1);
    }

    #[test]
    fn changes_made_at_once_are_noted_in_their_order_without_those_that_failed() {
        let remove = |path: &str| Change::Remove { path: path.into() };
        let gate = Gate::open();
        let done = gate.pass_all(vec![remove("/a"), remove("/b"), remove("/c")], || vec![Ok(1), Err("no"), Ok(3)]);
        assert_eq!(done, Some(vec![Ok(1), Err("no"), Ok(3)]));
        let noted: Vec<Change> = gate.entries().into_iter().map(|entry| entry.change).collect();
        assert_eq!(noted, [remove("/a"), remove("/c")]);
    }

    #[test]
    fn only_a_dry_run_has_plans() {
        let path = Path::new("/etc/kubernetes/admin.conf");
        for (gate, expected) in [(Gate::recording(), true), (Gate::open(), false)] {
            assert!(!gate.plans_removal(path));
            gate.pass(change(), || Ok::<_, ()>(())).unwrap();
            assert_eq!(gate.plans_removal(path), expected);
            assert!(!gate.plans_removal(Path::new("/etc/kubernetes")));
        }
    }

    #[test]
    fn recording_looks_for_no_effects() {
        let gate = Gate::recording();
        assert_eq!(gate.effect(|| -> Result<(), ()> { panic!("a dry run waited") }), Ok(None));
        assert_eq!(gate.pass_all(vec![change()], || -> Vec<Result<(), ()>> { panic!("a dry run acted") }), None);
        assert_eq!(gate.count(), 1);
    }
}
