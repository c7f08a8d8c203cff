//! Checks of programs: those in the search path, the kubelet and its service, versions.

use super::finding::{Finding, Repair};
use super::inputs::Check;
use super::inputs::Scene;
use super::machine::hint;
use crate::host::HostError;
use crate::host::service::Services;
use crate::versions::table;

/// A program: its name, whether a node works without it, and the minor versions whose kubeadm requires it.
struct Program {
    name: &'static str,
    mandatory: bool,
    minors: std::ops::RangeInclusive<u16>,
    package: &'static str,
}

const fn program(name: &'static str, mandatory: bool, first: u16, last: u16, package: &'static str) -> Program {
    Program { name, mandatory, minors: first..=last, package }
}

/// For future minor versions.
const OPEN: u16 = u16::MAX;

/// From `addCommonChecks` and `addExecChecks` of kubeadm's preflight/checks.go, 1.20 to 1.36. crictl is a warning in
/// all of them: kubewright uses the CRI directly.
const PROGRAMS: [Program; 13] = [
    program("crictl", false, 0, 32, "cri-tools"),
    program("conntrack", true, 0, 31, "conntrack"),
    program("ip", true, 0, 32, "iproute2"),
    program("iptables", true, 0, 32, "iptables"),
    program("losetup", true, 33, OPEN, "mount"),
    program("mount", true, 0, OPEN, "mount"),
    program("cp", true, 33, OPEN, "coreutils"),
    program("nsenter", true, 0, 32, "util-linux"),
    program("ebtables", false, 0, 30, "ebtables"),
    program("ethtool", false, 0, 32, "ethtool"),
    program("socat", false, 0, 30, "socat"),
    program("tc", false, 0, 32, "iproute2"),
    program("touch", false, 0, 32, "coreutils"),
];

/// Programs that the kubelet, kube-proxy or kubeadm of a minor version call.
pub(super) fn executables<'a>(minor: u16) -> Vec<Check<'a>> {
    PROGRAMS
        .iter()
        .filter(|program| program.minors.contains(&minor))
        .map(|program| {
            let id = format!("FileExisting-{}", program.name);
            Check::live(id.clone(), move |scene| {
                if scene.host().find(program.name).is_some() {
                    return Vec::new();
                }
                let what = format!("the program {} is not installed", program.name);
                let fix = format!("install it (package {} on most distributions)", program.package);
                let make = if program.mandatory { Finding::error } else { Finding::warning };
                vec![make(&id, program.name.to_owned(), what, fix)]
            })
        })
        .collect()
}

/// The requested version, compared with the supported ones.
pub(super) fn kubernetes_version<'a>() -> Vec<Check<'a>> {
    const ID: &str = "KubernetesVersion";
    vec![Check::offline(ID, |scene| {
        let Some(version) = scene.inputs.cluster.map(|c| &c.version) else { return Vec::new() };
        if version.minor <= table::newest() {
            return Vec::new();
        }
        let what =
            format!("Kubernetes {version} is newer than the versions that this build supports ({})", table::window());
        vec![Finding::warning(ID, version.to_string(), what, "use a later release of kubewright")]
    })]
}

/// The kubelet: its version and its service.
pub(super) fn kubelet<'a>() -> Vec<Check<'a>> {
    vec![Check::live("KubeletVersion", check_version), Check::live("Service-kubelet", check_service)]
}

fn check_version(scene: &Scene<'_>) -> Vec<Finding> {
    const ID: &str = "KubeletVersion";
    let kubelet = match scene.kubelet() {
        Ok(version) => version,
        Err(HostError::NoProgram { .. }) => {
            let what = "the kubelet is not installed";
            let fix = "install the package kubelet of the cluster's version";
            return vec![Finding::error(ID, "kubelet", what, fix).vital("nothing else starts the control plane")];
        }
        Err(error) => return vec![Finding::error(ID, "kubelet", error.to_string(), hint(error))],
    };
    if kubelet.minor < table::OLDEST {
        let what =
            format!("the kubelet {kubelet} is older than the versions that kubewright supports ({})", table::window());
        return vec![Finding::error(ID, "kubelet", what, "install a newer kubelet")];
    }
    let Some(cluster) = scene.inputs.cluster.map(|c| &c.version) else { return Vec::new() };
    if kubelet.minor > cluster.minor {
        let what = format!("the kubelet {kubelet} is newer than the control plane {cluster}, which is not supported");
        let fix = format!("install the kubelet {cluster}, or set kubernetesVersion to {kubelet}");
        return vec![Finding::error(ID, "kubelet", what, fix)];
    }
    let skew = table::facts(cluster.minor).map_or(2, |facts| facts.kubelet_skew);
    if kubelet.minor + skew < cluster.minor {
        let what = format!(
            "the kubelet {kubelet} is more than {skew} minor versions older than the control plane \
                            {cluster}"
        );
        return vec![Finding::error(ID, "kubelet", what, format!("install the kubelet {cluster}"))];
    }
    Vec::new()
}

fn check_service(scene: &Scene<'_>) -> Vec<Finding> {
    const ID: &str = "Service-kubelet";
    let services = Services::of(scene.host());
    match services.state("kubelet") {
        Ok(state) if !state.exists => {
            let what = "the service kubelet does not exist, so the kubelet cannot be started";
            vec![Finding::warning(ID, "kubelet", what, "install the package kubelet, which contains its service")]
        }
        Ok(state) if !state.enabled => {
            let fix = format!("run the same command with '--fix', or {}", services.enable_command("kubelet"));
            vec![
                Finding::warning(ID, "kubelet", "the kubelet will not start at the next boot", fix)
                    .fixed_by(Repair::EnableService { service: "kubelet".into() }),
            ]
        }
        Ok(_) => Vec::new(),
        Err(error) => vec![Finding::warning(ID, "kubelet", error.to_string(), hint(&error))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_matches_kubeadm_of_each_minor_version() {
        let asked = |minor| -> Vec<&str> {
            PROGRAMS.iter().filter(|p| p.minors.contains(&minor) && p.mandatory).map(|p| p.name).collect()
        };
        assert_eq!(asked(20), ["conntrack", "ip", "iptables", "mount", "nsenter"]);
        assert_eq!(asked(32), ["ip", "iptables", "mount", "nsenter"]);
        assert_eq!(asked(36), ["losetup", "mount", "cp"]);
    }
}
