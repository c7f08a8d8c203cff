//! The static Pod manifests of the control plane.
//!
//! Reads: the cluster and node configuration, the patches, the CA directories of the host. Writes:
//! `/etc/kubernetes/manifests/<component>.yaml`.

use crate::base::fault::Result;
use crate::context::Context;
use crate::domain::paths::manifest;
use crate::ops::static_pods::write;
use crate::pipeline::{Action, Item, Target};

/// The manifest of one component of the control plane.
pub struct ComponentManifest;

impl Action for ComponentManifest {
    fn is_guarded(&self) -> bool {
        true
    }

    fn done(&self, cx: &mut Context, target: &Target) -> Result<bool> {
        Ok(cx.host.files.exists(&manifest(&pod_name(target))))
    }

    fn run(&self, cx: &mut Context, target: &Target) -> Result<()> {
        cx.finish_pulls()?;
        write(cx, &pod_name(target), &[])
    }
}

/// The components as sub-phases, under kubeadm's names.
pub fn items() -> Vec<Item> {
    vec![
        Item { name: "apiserver", short: "Write the static Pod manifest of kube-apiserver" },
        Item { name: "controller-manager", short: "Write the static Pod manifest of kube-controller-manager" },
        Item { name: "scheduler", short: "Write the static Pod manifest of kube-scheduler" },
    ]
}

fn pod_name(target: &Target) -> String {
    format!("kube-{}", target.item())
}
