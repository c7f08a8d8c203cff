//! `SystemVerification`: kernel release, kernel options and control groups.
//!
//! The lists are those of k8s.io/system-validators v1.12, which kubeadm 1.36 uses.

use super::finding::Finding;
use super::inputs::Check;
use super::inputs::Scene;
use crate::host::kernel::{self, Built, Cgroups};

const ID: &str = "SystemVerification";
/// The place of findings about the cgroup version; ignoring them has a consequence.
pub(super) const CGROUP_PLACE: &str = "/sys/fs/cgroup";

/// Options that Kubernetes requires; any name of a row is sufficient.
const REQUIRED: [&[&str]; 15] = [
    &["NAMESPACES"],
    &["NET_NS"],
    &["PID_NS"],
    &["IPC_NS"],
    &["UTS_NS"],
    &["CGROUPS"],
    &["CGROUP_PIDS"],
    &["CGROUP_SCHED"],
    &["CPUSETS"],
    &["MEMCG"],
    &["INET"],
    &["PROC_FS"],
    &["NETFILTER_XT_TARGET_REDIRECT", "IP_NF_TARGET_REDIRECT"],
    &["NETFILTER_XT_MATCH_COMMENT"],
    &["FAIR_GROUP_SCHED"],
];
/// The same for one cgroup version only.
const REQUIRED_V1: [&str; 3] = ["CGROUP_CPUACCT", "CGROUP_DEVICE", "CGROUP_FREEZER"];
const REQUIRED_V2: [&str; 1] = ["CGROUP_BPF"];

const CONTROLLERS_V1: [&str; 7] = ["cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids"];
const CONTROLLERS_V2: [&str; 6] = ["cpu", "cpuset", "devices", "freezer", "memory", "pids"];
/// Some kernels are built without support for huge pages.
const OPTIONAL_CONTROLLERS: [&str; 1] = ["hugetlb"];

/// The first minor version whose kubelet refuses cgroup v1 by default (KEP-5573).
const FAILS_ON_V1: u16 = 35;
/// The first minor version that deprecates it (KEP-4569).
const WARNS_OF_V1: u16 = 31;

pub(super) fn checks<'a>() -> Vec<Check<'a>> {
    vec![Check::live(ID, |scene| {
        let mut findings = release(scene);
        match kernel::cgroups(scene.host()) {
            Ok(Some(cgroups)) => {
                findings.extend(options(scene, cgroups.version));
                findings.extend(controllers(&cgroups));
                findings.extend(version(scene, &cgroups));
            }
            Ok(None) => {
                let fix = "mount them: run 'mount -t cgroup2 none /sys/fs/cgroup', or install systemd";
                let finding = Finding::error(ID, CGROUP_PLACE, "no cgroups are mounted", fix);
                findings.push(finding.vital("no container can be started without them"));
            }
            Err(error) => findings.push(Finding::unknown(ID, &error)),
        }
        findings
    })]
}

fn release(scene: &Scene<'_>) -> Vec<Finding> {
    let release = match kernel::release(scene.host()) {
        Ok(release) => release,
        Err(error) => return vec![Finding::unknown(ID, &error)],
    };
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    // A kernel with an unknown release is not checked.
    let (Some(major), Some(minor)) = (numbers.next(), numbers.next()) else { return Vec::new() };
    if (major, minor) >= (5, 4) {
        return Vec::new();
    }
    let what = format!("the kernel {release} is older than any that Kubernetes is tested with (5.4 and later)");
    vec![Finding::warning(ID, "the kernel", what, "install a newer kernel")]
}

fn options(scene: &Scene<'_>, cgroup_version: u8) -> Vec<Finding> {
    let options = match kernel::options(scene.host()) {
        Ok(Some(options)) => options,
        // Many cloud kernels are shipped without the list, which is not an error.
        Ok(None) => return Vec::new(),
        Err(error) => return vec![Finding::unknown(ID, &error)],
    };
    let versioned: &[&str] = if cgroup_version == 2 { &REQUIRED_V2 } else { &REQUIRED_V1 };
    let is_on = |name: &&str| matches!(options.get(*name), Some(Built::In | Built::Module));
    let missing: Vec<String> = REQUIRED
        .iter()
        .copied()
        .chain(versioned.chunks(1))
        .filter(|names| !names.iter().any(is_on))
        .filter_map(|names| names.first().map(|name| format!("CONFIG_{name}")))
        .collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let what = format!("the kernel was built without {}", missing.join(", "));
    vec![Finding::error(
        ID,
        "the kernel",
        what,
        "install a kernel of the distribution, or build one with these options",
    )]
}

fn controllers(cgroups: &Cgroups) -> Vec<Finding> {
    let wanted: &[&str] = if cgroups.version == 2 { &CONTROLLERS_V2 } else { &CONTROLLERS_V1 };
    let missing = |wanted: &[&'static str]| -> Vec<&str> {
        wanted.iter().copied().filter(|name| !cgroups.controllers.iter().any(|c| c == name)).collect()
    };
    let mut findings = Vec::new();
    let optional = missing(&OPTIONAL_CONTROLLERS);
    if !optional.is_empty() {
        let what = format!("the cgroup controllers lack {}, so Pods cannot request huge pages", optional.join(", "));
        findings.push(Finding::warning(ID, "cgroups", what, "boot a kernel with this controller if Pods need it"));
    }
    let missing = missing(wanted);
    if missing.is_empty() {
        return findings;
    }
    let what = format!("the cgroup controllers lack {}", missing.join(", "));
    // Debian and Raspberry Pi OS boot without the memory controller by default.
    let fix = if missing.contains(&"memory") {
        "boot the kernel with cgroup_enable=memory"
    } else {
        "boot a kernel with these controllers"
    };
    findings.push(Finding::error(ID, "cgroups", what, fix));
    findings
}

fn version(scene: &Scene<'_>, cgroups: &Cgroups) -> Vec<Finding> {
    let minor = scene.kubelet_minor();
    if cgroups.version != 1 || minor < WARNS_OF_V1 {
        return Vec::new();
    }
    let allowed = scene
        .inputs
        .cluster
        .is_some_and(|c| c.kubelet.get("failCgroupV1").and_then(serde_json::Value::as_bool) == Some(false));
    if minor >= FAILS_ON_V1 && !allowed {
        let fix = "boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1), or set failCgroupV1: false in the \
                   KubeletConfiguration";
        let what = "this host uses cgroup v1, which the kubelet refuses";
        return vec![Finding::error(ID, CGROUP_PLACE, what, fix)];
    }
    let what = "this host uses cgroup v1, which later kubelets refuse";
    vec![Finding::warning(ID, CGROUP_PLACE, what, "plan to boot with systemd.unified_cgroup_hierarchy=1")]
}
