//! A node on which Pods run: what must not change under them, and how a person changes it.
//!
//! Reads: the control groups of processes, the runtime's Pods, the kubelet's own configuration.

use super::finding::{Finding, Repair};
use super::inputs::Scene;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::host::{Host, kubelet_flags, pod_processes};
use crate::journal::{Inverse, Journal};
use serde_json::{Map, Value};
use std::path::Path;

/// The configuration that the kubelet of this host runs with.
const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";
/// Its credentials, which it has once the host is part of a cluster.
const KUBELET_CREDENTIALS: &str = "/etc/kubernetes/kubelet.conf";
/// The kubelet's driver where its configuration has none.
const KUBELET_DEFAULT: &str = "cgroupfs";

/// True when this host was made a node: its kubelet has a configuration and credentials of a cluster.
pub(super) fn is_node(host: &Host) -> bool {
    [KUBELET_CONFIG, KUBELET_CREDENTIALS].iter().all(|path| host.files.exists(Path::new(path)))
}

/// What the kubelet of this node was configured with; None where that is not known.
pub(super) fn kubelet_config(host: &Host) -> Option<Map<String, Value>> {
    let text = host.files.read_text(Path::new(KUBELET_CONFIG)).ok().flatten()?;
    serde_yaml::from_str(&text).ok()
}

/// The cgroup driver that the kubelet of this node uses; None where that is not known.
pub(super) fn cgroup_driver(scene: &Scene<'_>) -> Option<String> {
    let by_flag = kubelet_flags::find_any(scene.host(), "cgroup-driver");
    by_flag.or_else(|| {
        let config = kubelet_config(scene.host())?;
        Some(config.get("cgroupDriver").and_then(Value::as_str).unwrap_or(KUBELET_DEFAULT).to_owned())
    })
}

/// Takes the fixes away that would change something under running Pods, and says what it takes instead.
pub(super) fn protect(scene: &Scene<'_>, findings: &mut [Finding]) {
    for finding in findings {
        let by_hand = finding.repair.as_ref().and_then(|repair| by_hand(repair, &scene.inputs.node.name));
        if let Some(by_hand) = by_hand
            && scene.runs_pods()
        {
            finding.repair = None;
            finding.fix = by_hand;
        }
    }
}

/// How a person makes a change that would disturb Pods; None for what does not.
pub(super) fn by_hand(repair: &Repair, node: &str) -> Option<String> {
    let steps = match repair {
        Repair::CgroupDriver { driver } => format!(
            "set the cgroup driver of the runtime (SystemdCgroup = {} in containerd's configuration) and of the kubelet \
             (cgroupDriver: {driver} in {KUBELET_CONFIG}), restart the runtime",
            driver == "systemd"
        ),
        Repair::DockerCgroupDriver { driver } => format!(
            "set \"exec-opts\": [\"native.cgroupdriver={driver}\"] in /etc/docker/daemon.json and cgroupDriver: {driver} in \
             {KUBELET_CONFIG}, run 'systemctl restart docker'"
        ),
        Repair::SandboxImage { image } => {
            format!("set {image} as sandbox image in the runtime's configuration, restart the runtime")
        }
        Repair::Swap => "run 'swapoff -a', remove swap from /etc/fstab and from systemd".into(),
        // A runtime that does not serve Kubernetes has no Pods to disturb.
        Repair::StartService { .. } | Repair::SwitchCriOn => return None,
        Repair::EnableService { .. } | Repair::HostsEntry { .. } | Repair::Modules { .. } | Repair::Sysctl { .. } => {
            return None;
        }
    };
    let keep = match repair {
        Repair::Swap => "; to keep swap, set failSwapOn: false in the KubeletConfiguration",
        _ => "",
    };
    Some(format!(
        "Pods run on this node, so '--fix' does not change this: run 'kubectl drain {node} --ignore-daemonsets' and \
         'systemctl stop kubelet', {steps}, then run 'systemctl start kubelet' and 'kubectl uncordon {node}'{keep}"
    ))
}

/// Undoing would change something under running Pods.
#[derive(Debug, thiserror::Error)]
#[error("Pods run on this node, and undoing would change this under them: {0}")]
pub struct UndoUnderPods(String);

impl Fault for UndoUnderPods {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Preflight
    }

    fn hint(&self) -> Option<String> {
        Some("drain the node, run 'systemctl stop kubelet', stop its Pods, and run the same command again".into())
    }
}

/// Refuses to undo fixes that must not be undone while Pods run.
///
/// # Errors
/// [`UndoUnderPods`], with what they are; and when the host cannot be looked at.
pub fn refuse_undo(host: &Host, journal: &Journal) -> Result<()> {
    let disturbs = |inverse: &Inverse| match inverse {
        Inverse::RestoreFile { restart, .. } => restart.is_some(),
        Inverse::SwapOn { .. } => true,
        Inverse::DisableService { .. } | Inverse::SetSysctl { .. } | Inverse::StartUnitAtBoot { .. } => false,
    };
    let mut changes: Vec<&str> =
        journal.changes().iter().filter(|one| disturbs(&one.inverse)).map(|one| one.what.as_str()).collect();
    changes.dedup();
    if !changes.is_empty() && host.is_live() && pod_processes::exist(host)? {
        return Err(UndoUnderPods(changes.join("; ")).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
