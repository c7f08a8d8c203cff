//! The changed configuration of the kubelet on this host: it is written, the kubelet is restarted, and the node must be Ready
//! with it. If it is not, this host goes back to what it ran before.
//!
//! A file that says the same in another form is not written, and the Pods of the node go on running.
//!
//! Reads: the configuration, on a worker the ConfigMap of the kubelets; the patches, the files, the Node. Writes:
//! `/var/lib/kubelet/config.yaml`, with a copy of the former one; restarts the kubelet.

use crate::base::fault::Result;
use crate::config::untrusted;
use crate::context::upgrading::Scope;
use crate::context::{Run, Upgrading};
use crate::host::service::Services;
use crate::ops::running::ThisHost;
use crate::ops::upgrade_progress;
use crate::phases::upgrade::going_back::go_back;
use crate::phases::upgrade::host::proof::prove;
use crate::phases::upgrade::kubelet::replace;
use crate::pipeline::{Phase, Target};
use crate::state::upgrade::cluster::kubelet_config;
use crate::state::upgrade::files::kubelet_files;
use std::path::PathBuf;

const KUBELET: &str = "kubelet";

pub struct ChangeKubelet;

impl Phase<Upgrading> for ChangeKubelet {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<()> {
        let shared = if cx.work.purpose.scope == Scope::Worker {
            let (cluster, stored) = (cx.new_cluster()?, cx.cluster()?.clone());
            let Some((_, shared)) = kubelet_config(&cluster, &stored)? else {
                cx.events.warning("the cluster has no ConfigMap with the kubelet's configuration: its files stay");
                return Ok(());
            };
            shared
        } else {
            cx.cluster()?.kubelet.clone()
        };
        let files = kubelet_files(cx, &shared)?;
        let paths: Vec<PathBuf> = files.iter().map(|(path, _)| path.clone()).collect();
        replace(cx, files, is_same)?;
        // A killed run may have written them, and the kubelet not have read them.
        if !upgrade_progress::has_changed(cx, &paths)? {
            return Ok(());
        }
        if let Err(failure) = restart(cx) {
            let host = ThisHost::find(cx)?;
            return Err(go_back(cx, "the kubelet", &failure, &host));
        }
        cx.events.message("the node is Ready with the kubelet's new configuration");
        Ok(())
    }
}

fn restart(cx: &mut Run<Upgrading>) -> Result<()> {
    Services::of(&cx.host).restart(KUBELET)?;
    prove(cx, None)
}

/// True if both are the same document, in any order of keys.
fn is_same(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    match (untrusted::value(one.as_bytes()), untrusted::value(other.as_bytes())) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_does_not_restart_the_kubelet() {
        assert!(is_same("a: 1\nb: {c: 2}\n", "b:\n  c: 2\na: 1\n"));
        assert!(!is_same("a: 1\n", "a: 2\n"));
        assert!(!is_same("a: [\n", "a: 1\n"), "what cannot be read is something else");
    }
}
