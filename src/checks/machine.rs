//! Checks of the machine: user, size, swap, name, clock, modules.

use super::finding::Role;
use super::finding::{Finding, Repair};
use super::inputs::Check;
use super::inputs::Scene;
use super::network::NO_BRIDGE_CHECK;
use super::running_node;
use crate::base::fault::Fault;
use crate::config::pod_network::PodNetwork;
use crate::host::service::{InitSystem, Services};
use crate::host::{Command, HostError, facts, fstab, kubelet_flags, modules, network, swap, swap_units};
use std::path::Path;
use std::time::Duration;

/// The CPUs a control plane needs (kubeadm's `ControlPlaneNumCPU`).
const CPUS: usize = 2;
/// The MiB a control plane needs (kubeadm's `ControlPlaneMem`).
const MEMORY: u64 = 1700;
/// An unreachable name server must not delay the checks for long.
const LOOKUP: Duration = Duration::from_secs(5);
/// Created by systemd if it runs in a container.
const IN_CONTAINER: &str = "/run/systemd/container";
/// Created by systemd-timesyncd when the clock is synchronized (systemd-timesyncd.service(8)).
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";
/// The modules of kube-proxy's ipvs mode, as in its own check.
const IPVS: [&str; 5] = ["ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh", "nf_conntrack"];

/// Whether the user is root.
pub(super) fn user<'a>() -> Vec<Check<'a>> {
    vec![Check::live("IsPrivilegedUser", |scene| {
        if scene.inputs.uid == 0 {
            return Vec::new();
        }
        vec![Finding::error(
            "IsPrivilegedUser",
            format!("user {}", scene.inputs.uid),
            "this user is not root",
            "run the command with sudo",
        )]
    })]
}

/// Whether the host is large enough for a control plane.
pub(super) fn size<'a>() -> Vec<Check<'a>> {
    vec![
        Check::live("NumCPU", |_| {
            let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
            if cpus >= CPUS {
                return Vec::new();
            }
            let what = format!("a control plane needs {CPUS} CPUs; this host has {cpus}");
            vec![Finding::error("NumCPU", "the machine", what, "add CPUs to the machine")]
        }),
        Check::live("Mem", |scene| match facts::memory(scene.host()) {
            Ok(Some(memory)) if memory < MEMORY => {
                let what = format!("a control plane needs {MEMORY} MiB of memory; this host has {memory}");
                vec![Finding::error("Mem", "the machine", what, "add memory to the machine")]
            }
            Ok(_) => Vec::new(),
            Err(error) => vec![Finding::unknown("Mem", &error)],
        }),
    ]
}

/// The checks for every node.
pub(super) fn checks<'a>() -> Vec<Check<'a>> {
    vec![
        Check::live("Swap", check_swap),
        Check::live("Hostname", check_hostname),
        Check::live("ClockSync", check_clock),
        Check::live("Modules", check_modules),
    ]
}

fn check_swap(scene: &Scene<'_>) -> Vec<Finding> {
    let areas = match swap::active(scene.host()) {
        Ok(areas) => areas,
        Err(error) => return vec![Finding::unknown("Swap", &error)],
    };
    // A flag has priority over the configuration.
    let args = &scene.inputs.node.kubelet_extra_args;
    let given = kubelet_flags::find(scene.host(), "fail-swap-on")
        .map(|(value, _)| value)
        .or_else(|| args.iter().rev().find(|arg| arg.name == "fail-swap-on").map(|arg| arg.value.clone()))
        .map(|value| value != "false")
        .or_else(|| scene.inputs.cluster?.kubelet.get("failSwapOn")?.as_bool())
        .or_else(|| own_setting(scene));
    if areas.is_empty() || given == Some(false) {
        return at_boot(scene, given == Some(false));
    }
    let names: Vec<String> = areas.iter().map(|area| area.path.display().to_string()).collect();
    let sources = match sources(scene) {
        Ok(sources) if sources.is_empty() => String::new(),
        Ok(sources) => format!(", and keep it off at boot: {}", sources.join("; ")),
        Err(error) => return vec![Finding::unknown("Swap", &error)],
    };
    let fix = format!(
        "run the same command with '--fix', or run 'swapoff -a'{sources}; to keep swap, set failSwapOn: false in the \
         KubeletConfiguration"
    );
    let finding = Finding::error("Swap", names.join(", "), "swap is on, and the kubelet refuses to start with it", fix)
        .fixed_by(Repair::Swap);
    vec![if given == Some(true) {
        finding.vital("the kubelet is configured with failSwapOn to refuse it")
    } else {
        finding
    }]
}

/// The swap setting of a running node's kubelet. An 'init' would reconfigure it.
fn own_setting(scene: &Scene<'_>) -> Option<bool> {
    let stays = scene.inputs.role != Role::FirstControlPlane && scene.runs_pods();
    let config = stays.then(|| running_node::kubelet_config(scene.host())).flatten()?;
    config.get("failSwapOn")?.as_bool()
}

/// Swap that is turned on at the next boot breaks a node that works today.
fn at_boot(scene: &Scene<'_>, kubelet_accepts: bool) -> Vec<Finding> {
    if kubelet_accepts {
        return Vec::new();
    }
    match sources(scene) {
        Ok(sources) if sources.is_empty() => Vec::new(),
        Ok(sources) => {
            let what = "swap is off now, but will be on again after the next boot";
            let fix = format!("run the same command with '--fix', or: {}", sources.join("; "));
            vec![Finding::warning("Swap", "the next boot", what, fix).fixed_by(Repair::Swap)]
        }
        Err(error) => vec![Finding::unknown("Swap", &error)],
    }
}

/// The sources of swap at the next boot, each with the command that disables it.
fn sources(scene: &Scene<'_>) -> Result<Vec<String>, HostError> {
    let table = scene.files().read_text(Path::new("/etc/fstab"))?.unwrap_or_default();
    let mut sources = Vec::new();
    if !fstab::swap_lines(&table).is_empty() {
        sources.push("remove swap from /etc/fstab".to_owned());
    }
    for unit in swap_units::at_boot(scene.host())? {
        sources.push(format!("run '{}' ({})", unit.command(), unit.origin));
    }
    Ok(sources)
}

fn check_hostname(scene: &Scene<'_>) -> Vec<Finding> {
    const ID: &str = "Hostname";
    let name = scene.inputs.node.name.as_str();
    let mut findings = Vec::new();
    let fits = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > 253 || !name.split('.').all(fits) {
        let what = format!("{name:?} is not a valid node name: it must be a DNS name in lower case");
        findings.push(Finding::warning(ID, name, what, "specify another name with --node-name"));
    }
    let command = Command::new(["getent", "ahosts", name]).within(LOOKUP);
    match scene.host().read(&command) {
        Ok(output) if output.is_success() => {}
        Ok(_) => {
            let what = format!("the name {name} has no address on this host");
            findings.push(if let Ok(ip) = network::default_address(scene.host(), false) {
                let fix = format!("run the same command with '--fix', or add a line '{ip} {name}' to /etc/hosts");
                let repair = Repair::HostsEntry { name: name.into(), ip };
                Finding::warning(ID, "/etc/hosts", what, fix).fixed_by(repair)
            } else {
                let fix = format!("add a line with this host's address and {name} to /etc/hosts");
                Finding::warning(ID, "/etc/hosts", what, fix)
            });
        }
        Err(error) => findings.push(Finding::unknown(ID, &error)),
    }
    findings
}

fn check_clock(scene: &Scene<'_>) -> Vec<Finding> {
    const ID: &str = "ClockSync";
    let host = scene.host();
    // A container uses its host's clock; and timesyncd records its success in a file.
    if [IN_CONTAINER, SYNCHRONISED].iter().any(|path| host.files.exists(Path::new(path))) {
        return Vec::new();
    }
    if Services::of(host).init_system() != InitSystem::Systemd || host.find("timedatectl").is_none() {
        return Vec::new();
    }
    let command = Command::new(["timedatectl", "show", "-p", "NTPSynchronized", "--value"]).within(LOOKUP);
    match host.read(&command) {
        Ok(output) if output.stdout.trim() == "no" => vec![Finding::warning(
            ID,
            "the clock",
            "the clock is not synchronized; certificates and tokens are rejected if clocks differ",
            "run 'timedatectl set-ntp true', or install chrony",
        )],
        _ => Vec::new(),
    }
}

fn check_modules(scene: &Scene<'_>) -> Vec<Finding> {
    const ID: &str = "Modules";
    let ipvs = scene.inputs.cluster.is_some_and(|cluster| {
        !cluster.proxy.disabled && cluster.kube_proxy.get("mode").and_then(serde_json::Value::as_str) == Some("ipvs")
    });
    let flannel = matches!(scene.inputs.pod_network, Some(PodNetwork::Flannel));
    // Later minor versions do not check the parameters of this module, and bridged networks need it all the same.
    let bridged = flannel || scene.minor >= NO_BRIDGE_CHECK;
    let wanted = [("overlay", true), (modules::BRIDGE, bridged), ("vxlan", flannel)]
        .into_iter()
        .filter_map(|(module, is_wanted)| is_wanted.then_some(module))
        .chain(IPVS.into_iter().filter(|_| ipvs));
    let mut missing = Vec::new();
    for module in wanted {
        match modules::is_loaded(scene.host(), module) {
            Ok(true) => {}
            Ok(false) => missing.push(module.to_owned()),
            Err(error) => return vec![Finding::unknown(ID, &error)],
        }
    }
    if missing.is_empty() {
        return if scene.minor >= NO_BRIDGE_CHECK { bridge_at_boot(scene) } else { Vec::new() };
    }
    let list = missing.join(" ");
    let fix =
        format!("run the same command with '--fix', or run 'modprobe -a {list}' and list them in /etc/modules-load.d");
    let what = format!("kernel modules are not loaded: {list}");
    vec![Finding::warning(ID, "the kernel", what, fix).fixed_by(Repair::Modules { modules: missing })]
}

/// Where the parameters of the module are not checked, the module is: Docker or a person may have loaded it by hand. The others
/// are loaded at need by what uses them.
fn bridge_at_boot(scene: &Scene<'_>) -> Vec<Finding> {
    const ID: &str = "Modules";
    match modules::comes_at_boot(scene.host(), modules::BRIDGE) {
        Ok(true) => Vec::new(),
        Ok(false) => {
            let what = format!("the kernel module {} is loaded, and will not be after the next boot", modules::BRIDGE);
            let fix = format!("run the same command with '--fix', or list {} in /etc/modules-load.d", modules::BRIDGE);
            let repair = Repair::Modules { modules: vec![modules::BRIDGE.to_owned()] };
            vec![Finding::warning(ID, "the next boot", what, fix).fixed_by(repair)]
        }
        Err(error) => vec![Finding::unknown(ID, &error)],
    }
}

/// The hint of a fault, for findings that pass it on.
pub(super) fn hint(fault: &dyn Fault) -> String {
    fault.hint().unwrap_or_default()
}
