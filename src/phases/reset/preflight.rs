//! The checks before a host leaves its cluster.
//!
//! Reads: the user, the etcd members. Writes: nothing.

use crate::base::fault::Result;
use crate::checks::{Finding, Role, Unfit};
use crate::context::{Reset, Run};
use crate::ops::etcd_member;
use crate::pipeline::{Phase, Target};

/// kubeadm's name for the check that the user is root.
const ROOT: &str = "IsPrivilegedUser";

pub struct ResetPreflight;

impl Phase<Reset> for ResetPreflight {
    fn changes(&self) -> bool {
        false
    }

    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Reset>, _: &Target) -> Result<()> {
        let ignored = &cx.work.place.ignore_preflight_errors;
        let is_ignored = |id: &str| ignored.iter().any(|one| one == "all" || one.eq_ignore_ascii_case(id));
        if cx.uid != 0 && !is_ignored(ROOT) {
            let place = format!("user {}", cx.uid);
            let finding = Finding::error(ROOT, place, "this user is not root", "run the command with sudo");
            return Err(Unfit { errors: vec![finding], role: Role::Worker }.into());
        }
        etcd_member::guard(cx).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::leaving::fixture;

    fn outcome(uid: u32, ignore: &[&str]) -> Result<()> {
        let root = tempfile::tempdir().unwrap();
        let mut cx = fixture(root.path());
        cx.uid = uid;
        let ignore = ignore.iter().map(ToString::to_string).collect();
        cx.work.place.ignore_preflight_errors = ignore;
        ResetPreflight.run(&mut cx, &Target { path: "preflight".into(), item: None })
    }

    #[test]
    fn only_root_resets_a_host_unless_the_check_is_ignored() {
        assert!(outcome(1000, &[]).unwrap_err().to_string().contains(ROOT));
        outcome(1000, &["isprivilegeduser"]).unwrap();
        outcome(1000, &["all"]).unwrap();
        outcome(0, &[]).unwrap();
    }
}
