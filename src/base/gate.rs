//! The single gate for changes: it applies a change or, in a dry run, only records it.
//!
//! No other code checks whether this is a dry run. Changes are recorded in both modes: they are the plan that
//! `--dry-run` prints and the changes that a real run reports.

use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A change to a host, a cluster or another machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "camelCase")]
pub enum Change {
    /// A new directory.
    #[serde(rename_all = "camelCase")]
    CreateDirectory {
        /// On the host, without the root directory.
        path: PathBuf,
        mode: u32,
    },
    /// A file that is created, or whose content or mode changes.
    #[serde(rename_all = "camelCase")]
    WriteFile {
        /// On the host, without the root directory.
        path: PathBuf,
        mode: u32,
        /// The old content as displayed; None for a new file.
        before: Option<String>,
        /// The new content as displayed (secrets are masked).
        after: String,
    },
    /// A link that is created or changed.
    #[serde(rename_all = "camelCase")]
    WriteLink { path: PathBuf, target: PathBuf },
    /// A file, link or tree that is removed.
    #[serde(rename_all = "camelCase")]
    Remove { path: PathBuf },
    /// A command or service action on the host: `systemctl restart kubelet`, `mount`, `swapoff -a`.
    #[serde(rename_all = "camelCase")]
    Run {
        /// What the command does, as text.
        what: String,
        /// The command line; never contains a secret.
        command: Vec<String>,
    },
    /// A request that changes something through an API: Kubernetes, etcd, the container runtime.
    #[serde(rename_all = "camelCase")]
    Request {
        /// `kubernetes`, `etcd` or `cri`.
        api: String,
        /// The operation: `create`, `update`, `patch`, `delete`, `pull`, ….
        verb: String,
        /// The object: `ConfigMap kube-system/kubeadm-config`.
        object: String,
        /// The request body as displayed; None if verb and object say it all.
        body: Option<String>,
        /// The object before and after, as displayed, if an existing one changes.
        #[serde(skip_serializing_if = "Option::is_none")]
        exchange: Option<Exchange>,
    },
}

/// An object before and after a change, as displayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exchange {
    pub before: String,
    pub after: String,
}

impl Change {
    /// A request that is described by verb, object and body.
    pub fn request(api: &str, verb: &str, object: &str, body: Option<String>) -> Self {
        Self::Request { api: api.into(), verb: verb.into(), object: object.into(), body, exchange: None }
    }
}

/// A change and the phase that requested it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The phase's path, such as `certs/ca`; empty outside of a workflow.
    pub phase: String,
    #[serde(flatten)]
    pub change: Change,
}

/// Applies or records changes. Clones share one list.
#[derive(Clone)]
pub struct Gate {
    dry: bool,
    /// The phase of all changes; None: the running one.
    phase: Option<Arc<str>>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    phase: String,
    entries: Vec<Entry>,
}

impl Gate {
    /// A gate that applies changes.
    pub fn open() -> Self {
        Self { dry: false, phase: None, state: Arc::default() }
    }

    /// A gate that only records changes.
    pub fn recording() -> Self {
        Self { dry: true, phase: None, state: Arc::default() }
    }

    /// A gate for files that are gone when the change they serve is complete: it applies or not like this one, and lists nothing.
    #[must_use]
    pub fn unlisted(&self) -> Self {
        Self { state: Arc::default(), ..self.clone() }
    }

    /// The same gate for a background task: its changes belong to `phase`, whatever phase is running.
    #[must_use]
    pub fn of_phase(&self, phase: &str) -> Self {
        Self { phase: Some(phase.into()), ..self.clone() }
    }

    /// Sets the phase of the next changes.
    pub fn enter(&self, phase: &str) {
        phase.clone_into(&mut self.state().phase);
    }

    /// Applies the change with `act` and records it, or only records it and returns `Ok(None)`. A change that fails is
    /// not recorded.
    pub fn pass<T, E>(&self, change: Change, act: impl FnOnce() -> Result<T, E>) -> Result<Option<T>, E> {
        let done = if self.dry { None } else { Some(act()?) };
        let mut state = self.state();
        let phase = self.phase_of(&state);
        state.entries.push(Entry { phase, change });
        Ok(done)
    }

    /// Applies several changes at once with `act`, which returns one result for each in the same order, and records
    /// those that succeeded; or only records all of them and returns None.
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

    /// Observes the effect of the changes so far, such as a component starting. In a dry run there is none: `Ok(None)`.
    pub fn effect<T, E>(&self, look: impl FnOnce() -> Result<T, E>) -> Result<Option<T>, E> {
        if self.dry { Ok(None) } else { look().map(Some) }
    }

    /// True if a dry run has recorded such a change, which the state of the host does not reflect.
    pub fn plans(&self, such: impl Fn(&Change) -> bool) -> bool {
        self.dry && self.state().entries.iter().any(|entry| such(&entry.change))
    }

    /// True if a dry run has recorded the removal of this file, link or tree.
    pub fn plans_removal(&self, path: &Path) -> bool {
        self.plans(|change| matches!(change, Change::Remove { path: gone } if gone == path))
    }

    /// All changes so far, in order.
    pub fn entries(&self) -> Vec<Entry> {
        self.state().entries.clone()
    }

    /// The number of changes so far.
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
    fn recording_only_records() {
        let gate = Gate::recording();
        gate.enter("cleanup-node");
        let done = gate.pass(change(), || -> Result<(), ()> { panic!("a dry run acted") }).unwrap();
        assert!(done.is_none());
        assert_eq!(gate.entries(), [Entry { phase: "cleanup-node".into(), change: change() }]);
    }

    #[test]
    fn background_work_keeps_its_own_phase() {
        let gate = Gate::open();
        let background = gate.of_phase("preflight");
        gate.enter("certs/ca");
        background.pass(change(), || Ok::<_, ()>(())).unwrap();
        gate.pass(change(), || Ok::<_, ()>(())).unwrap();
        let phases: Vec<String> = gate.entries().into_iter().map(|entry| entry.phase).collect();
        assert_eq!(phases, ["preflight", "certs/ca"]);
    }

    #[test]
    fn a_change_that_is_not_listed_is_applied_unless_this_is_a_dry_run() {
        for (gate, expected) in [(Gate::open(), Some(7)), (Gate::recording(), None)] {
            assert_eq!(gate.unlisted().pass(change(), || Ok::<_, ()>(7)), Ok(expected));
            assert_eq!(gate.count(), 0);
        }
    }

    #[test]
    fn a_failed_change_is_not_recorded() {
        let gate = Gate::open();
        assert_eq!(gate.pass(change(), || Err::<(), _>("no")), Err("no"));
        assert_eq!(gate.count(), 0);
        assert_eq!(gate.pass(change(), || Ok::<_, ()>(7)), Ok(Some(7)));
        assert_eq!(gate.count(), 1);
    }

    #[test]
    fn concurrent_changes_are_recorded_in_order_without_those_that_failed() {
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
    fn recording_does_not_observe_effects() {
        let gate = Gate::recording();
        assert_eq!(gate.effect(|| -> Result<(), ()> { panic!("a dry run waited") }), Ok(None));
        assert_eq!(gate.pass_all(vec![change()], || -> Vec<Result<(), ()>> { panic!("a dry run acted") }), None);
        assert_eq!(gate.count(), 1);
    }
}
