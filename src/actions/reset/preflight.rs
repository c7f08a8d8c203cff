//! What must be right before a host leaves its cluster, looked at before anything is changed.
//!
//! Reads: who runs this, etcd's members. Writes: nothing.

use crate::base::fault::Result;
use crate::checks::{Finding, Role, Unfit};
use crate::context::Context;
use crate::pipeline::{Action, Target};

/// kubeadm's name for the check that the user is root.
const ROOT: &str = "IsPrivilegedUser";

/// See the module's text.
pub struct ResetPreflight;

impl Action for ResetPreflight {
    fn changes(&self) -> bool {
        false
    }

    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let ignored = &cx.reset()?.ignore_preflight_errors;
        let is_ignored = |id: &str| ignored.iter().any(|one| one == "all" || one.eq_ignore_ascii_case(id));
        if cx.uid != 0 && !is_ignored(ROOT) {
            let place = format!("user {}", cx.uid);
            let finding = Finding::error(ROOT, place, "this user is not root", "run the command with sudo");
            return Err(Unfit { errors: vec![finding], role: Role::Worker }.into());
        }
        super::etcd::guard(cx).map(drop)
    }
}

/// A host that is about to be reset, for tests.
#[cfg(test)]
pub(in crate::actions) fn fixture(root: &std::path::Path) -> Context {
    use crate::config::{Documents, Facts, ResetFlags, print};
    use crate::context::Task;
    use crate::context::leaving::Leaving;
    let mut cx = Context::for_tests(root.to_str().unwrap());
    let facts = Facts::placeholder(cx.random.clone());
    let reset = Documents::none().reset(&ResetFlags::default(), &facts).unwrap().config;
    let minor = crate::versions::facts(crate::versions::newest()).unwrap();
    let version = crate::versions::Version::new(crate::versions::newest(), 0);
    cx.task = Task::Leave(Box::new(Leaving {
        name: "n1".into(),
        reset: Some(reset),
        kubeconfig: None,
        dead: false,
        wait: false,
        force: false,
        accept_quorum_loss: false,
        end_cluster: false,
        keep_backups: false,
        drain_limit: std::time::Duration::from_mins(1),
        cluster: print::default_cluster(version, minor),
        node: print::default_node(minor, "n1"),
        answers: None,
        place: None,
        other_control_planes: None,
        own_data: None,
        kept: Vec::new(),
        exposed: Vec::new(),
        notes: Vec::new(),
    }));
    cx
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(uid: u32, ignore: &[&str]) -> Result<()> {
        let root = tempfile::tempdir().unwrap();
        let mut cx = fixture(root.path());
        cx.uid = uid;
        let ignore = ignore.iter().map(ToString::to_string).collect();
        cx.leaving_mut().unwrap().reset.as_mut().unwrap().ignore_preflight_errors = ignore;
        ResetPreflight.run(&mut cx, &Target { path: "preflight".into(), item: None })
    }

    #[test]
    fn only_root_resets_a_host_unless_told_otherwise() {
        assert!(outcome(1000, &[]).unwrap_err().to_string().contains(ROOT));
        outcome(1000, &["isprivilegeduser"]).unwrap();
        outcome(1000, &["all"]).unwrap();
        outcome(0, &[]).unwrap();
    }
}
