//! Whether the kubelet and the runtime use the same cgroup driver, and the right one for this host.
//!
//! Reads: what the runtime reports, containerd's configuration, and how the kubelet is configured. Writes: nothing.

use super::containerd::{Runtime, Settings};
use super::docker;
use super::finding::Role;
use super::finding::{Finding, Repair};
use super::inputs::Scene;
use super::running_node;
use crate::host::cri::{CgroupDriver, Cri};
use crate::host::service::{InitSystem, Services};
use crate::host::{kernel, kubelet_flags};
use crate::versions::host_needs::takes_driver_from_runtime;
use crate::versions::table;
use serde_json::Value;

const ID: &str = "CgroupDriver";

/// The check.
pub(super) fn check(scene: &Scene<'_>) -> Vec<Finding> {
    let Ok(cri) = scene.cri() else { return Vec::new() };
    let (mut findings, driver) = match followed(scene, cri) {
        Some(driver) => (unlike_systemd(scene, cri, driver), Some(driver.name().to_owned())),
        None => compared(scene, cri),
    };
    let is_reported = findings.iter().any(|finding| finding.repair.is_some());
    if let (false, Some(driver)) = (is_reported, driver) {
        findings.extend(other_runtimes(scene, cri, &driver));
    }
    findings
}

/// The runtime's driver, where the kubelet takes it from there.
fn followed(scene: &Scene<'_>, cri: &Cri) -> Option<CgroupDriver> {
    if takes_driver_from_runtime(scene.kubelet_minor()) { cri.runtime_config().ok().flatten() } else { None }
}

/// What the user has the kubelet use, and where that is said; None if nothing is chosen.
fn asked(scene: &Scene<'_>) -> (Option<String>, Option<&'static str>) {
    if let Some((value, file)) = kubelet_flags::find(scene.host(), "cgroup-driver") {
        return (Some(value), Some(file));
    }
    let args = &scene.inputs.node.kubelet_extra_args;
    let flag = args.iter().rev().find(|arg| arg.name == "cgroup-driver").map(|arg| arg.value.as_str());
    let config = || scene.inputs.cluster?.kubelet.get("cgroupDriver").and_then(Value::as_str);
    (flag.or_else(config).map(str::to_owned), None)
}

/// systemd manages control groups of version 2 alone; a runtime beside it works, until the host is short of something.
fn unlike_systemd(scene: &Scene<'_>, cri: &Cri, driver: CgroupDriver) -> Vec<Finding> {
    let is_version_2 = kernel::cgroups(scene.host()).is_ok_and(|found| found.is_some_and(|found| found.version == 2));
    let has_systemd = Services::of(scene.host()).init_system() == InitSystem::Systemd;
    let is_chosen = asked(scene).0.as_deref() == Some(CgroupDriver::Cgroupfs.name());
    if driver == CgroupDriver::Systemd || !is_version_2 || !has_systemd || is_chosen {
        return Vec::new();
    }
    let what = format!(
        "{} uses the cgroup driver cgroupfs, and the kubelet takes it over, while systemd manages the control groups of \
         this host: two managers make a node unstable when memory or CPU is short",
        cri.version()
    );
    let by_hand = "switch the runtime to the cgroup driver systemd (SystemdCgroup = true for containerd), or choose \
                   cgroupDriver: cgroupfs in the KubeletConfiguration";
    let by_fix = format!("run the same command with '--fix', or {by_hand}");
    let finding = Finding::warning(ID, cri.endpoint().to_string(), what, by_hand);
    vec![fixed_in_containerd(finding, cri, Repair::CgroupDriver { driver: "systemd".into() }, by_fix)]
}

/// The kubelet's own choice beside the runtime's; and the driver that is right.
fn compared(scene: &Scene<'_>, cri: &Cri) -> (Vec<Finding>, Option<String>) {
    let none = (Vec::new(), None);
    if scene.inputs.cluster.is_none() {
        return none;
    }
    let runtime = match cri.cgroup_driver() {
        Ok(Some(driver)) => driver.name(),
        Ok(None) => return none,
        Err(error) => return (vec![Finding::unknown(ID, &error)], None),
    };
    let (asked, by_hand) = asked(scene);
    let asked = asked.as_deref();
    // Where kubeadm writes none, the kubelet's own default holds.
    let default = table::facts(scene.minor).and_then(|facts| facts.default_cgroup_driver).unwrap_or("cgroupfs");
    let kubelet = asked.unwrap_or(if docker::is_followed(scene) { runtime } else { default });
    // Without Pods an explicit choice may change a node; a default may not.
    if (scene.runs_pods() || (asked.is_none() && running_node::is_node(scene.host())))
        && let Some(own) = running_node::cgroup_driver(scene)
    {
        // Of a cluster that was not asked the configuration is only supposed.
        let is_known = asked.is_some() || scene.inputs.role == Role::FirstControlPlane;
        return (running(scene, cri, [own.as_str(), runtime], is_known.then_some(kubelet)), Some(own));
    }
    if kubelet == runtime {
        return (Vec::new(), Some(runtime.to_owned()));
    }
    let what = format!("the kubelet will use the cgroup driver {kubelet}, and {} uses {runtime}", cri.version());
    let other = match by_hand {
        Some(file) => format!("take --cgroup-driver out of {file}"),
        None => format!("set cgroupDriver: {runtime} in the KubeletConfiguration"),
    };
    let by_hand = format!("switch the runtime to {kubelet} in its configuration, or {other}");
    let by_fix = format!("run the same command with '--fix' to switch the runtime to {kubelet}, or {other}");
    let repair = Repair::CgroupDriver { driver: kubelet.into() };
    let finding = Finding::error(ID, cri.endpoint().to_string(), what, by_hand);
    let finding = fixed_in_containerd(finding, cri, repair, by_fix);
    // If nothing is chosen, ignoring it makes the kubelet follow the runtime.
    let finding = if asked.is_some() {
        finding.vital("the kubelet is configured to use this driver, and no Pod would start")
    } else {
        finding
    };
    (vec![finding], Some(kubelet.to_owned()))
}

/// On a host that is a node, its own kubelet's driver counts, and a run that would change that is refused.
fn running(scene: &Scene<'_>, cri: &Cri, [own, runtime]: [&str; 2], wanted: Option<&str>) -> Vec<Finding> {
    let place = || cri.endpoint().to_string();
    let mut findings = Vec::new();
    if own != runtime {
        let version = cri.version();
        let what = format!(
            "the kubelet of this node uses the cgroup driver {own}, and {version} uses {runtime}: no new Pod starts"
        );
        let repair = Repair::CgroupDriver { driver: own.into() };
        findings.push(if scene.runs_pods() {
            // Without a repair: ignoring this must not make the kubelet follow the runtime either.
            let fix = running_node::by_hand(&repair, &scene.inputs.node.name).unwrap_or_default();
            Finding::error(ID, place(), what, fix)
        } else {
            let by_hand = format!("switch the runtime to {own} in its configuration");
            let by_fix = format!("run the same command with '--fix', or {by_hand}");
            fixed_in_containerd(Finding::error(ID, place(), what, by_hand), cri, repair, by_fix)
        });
    }
    if let Some(wanted) = wanted.filter(|wanted| *wanted != own) {
        let what = format!(
            "the kubelet of this node uses the cgroup driver {own}, and this configuration would change it to {wanted}{}",
            if scene.runs_pods() { " while Pods run" } else { "" }
        );
        let fix = format!("set cgroupDriver: {own} in the KubeletConfiguration of the --config file");
        findings.push(Finding::error(ID, place(), what, fix).vital("no new Pod would start on this node"));
    }
    findings
}

/// The runtimes of containerd for Pods that ask for one by a `RuntimeClass`.
fn other_runtimes(scene: &Scene<'_>, cri: &Cri, driver: &str) -> Vec<Finding> {
    let settings: &Settings = match scene.containerd() {
        None => return Vec::new(),
        Some(Ok(settings)) => settings,
        Some(Err(failure)) => return vec![Finding::unknown(ID, failure.fault())],
    };
    let is_other = |runtime: &&Runtime| runtime.name != settings.default_runtime;
    let names: Vec<&str> = settings
        .without_driver(driver == "systemd")
        .into_iter()
        .filter(is_other)
        .map(|one| one.name.as_str())
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    let list = names.join(", ");
    let what = format!(
        "the kubelet uses the cgroup driver {driver}, and these runtimes of containerd do not: {list}; Pods that ask for \
         them by a RuntimeClass would not start"
    );
    let fix = format!("run the same command with '--fix', or set SystemdCgroup = {} for them", driver == "systemd");
    let repair = Repair::CgroupDriver { driver: driver.into() };
    vec![Finding::warning(ID, cri.endpoint().to_string(), what, fix).fixed_by(repair)]
}

/// Only containerd's and Docker's configuration is known well enough to be fixed; that of another runtime is the user's,
/// also where a containerd is installed beside it.
pub(super) fn fixed_in_containerd(finding: Finding, cri: &Cri, repair: Repair, fix: String) -> Finding {
    if let (true, Repair::CgroupDriver { driver }) = (cri.endpoint().is_dockershim(), &repair) {
        return docker::fixed(Finding { fix, ..finding }, cri, driver);
    }
    if cri.endpoint().is_containerd() { Finding { fix, ..finding }.fixed_by(repair) } else { finding }
}
