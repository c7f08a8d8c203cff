//! Checks of the container runtime: alive, recent enough, in step with the kubelet, its images.

use super::catalog::Check;
use super::finding::{Finding, Repair};
use super::ignore::is_ignored;
use super::inputs::{Inputs, Role, Scene};
use super::machine::hint;
use super::running_node;
use crate::base::fault::Fault;
use crate::host::cri::{Cri, CriError, Policy, PullErrors};
use crate::host::kubelet_flags;
use crate::host::service::Services;
use crate::versions::table;
use serde_json::Value;
use std::path::Path;

/// The first minor whose kubelet speaks v1 of the CRI (KEP-2040), and the first that speaks nothing else.
const SPEAKS_V1: u16 = 23;
const SPEAKS_ONLY_V1: u16 = 26;
/// The first minor whose kubelet takes the cgroup driver from the runtime (KEP-4033, on by default).
const DRIVER_FROM_CRI: u16 = 31;
/// The first minor whose kubeadm asks runtimes for the method that tells it.
const ASKS_RUNTIME_CONFIG: u16 = 32;

/// The socket that kubelets before v1.24 made for Docker.
const DOCKERSHIM: &str = "/dockershim.sock";
/// Docker's own.
const DOCKER: &str = "/var/run/docker.sock";

pub(super) fn checks<'a>() -> Vec<Check<'a>> {
    vec![
        Check::live("CRI", check_alive),
        Check::live("ContainerRuntimeVersion", check_version),
        Check::live("CgroupDriver", check_driver),
        Check::live("SandboxImage", check_sandbox),
        Check::live("ImagePull", check_images),
    ]
}

fn check_alive(scene: &Scene<'_>) -> Vec<Finding> {
    const ID: &str = "CRI";
    if let Some(socket) = scene.inputs.node.cri_socket.as_deref().filter(|socket| socket.ends_with(DOCKERSHIM)) {
        let what = "Docker cannot be used by the kubelet's own adapter (dockershim): kubewright speaks to runtimes by \
                    the CRI only";
        let fix = "leave the socket (--cri-socket, criSocket) out to use the containerd that comes with Docker; or \
                   install cri-dockerd and name unix:///var/run/cri-dockerd.sock";
        return vec![Finding::error(ID, socket, what, fix)];
    }
    match scene.cri() {
        Ok(cri) => match scene.status() {
            Some(Ok(status)) if !status.runtime.ok => {
                let what = format!("{} is not ready: {}", cri.version(), status.runtime.why);
                let service = cri.endpoint().service();
                let fix = format!("run 'journalctl -u {service} -n 50'");
                vec![Finding::error(ID, cri.endpoint().to_string(), what, fix)]
            }
            Some(Err(error)) => vec![broken(ID, cri.endpoint().to_string(), error)],
            // A network plugin comes after init.
            _ => Vec::new(),
        },
        // Without root the socket may not be asked; that has its own check.
        Err(_) if scene.inputs.uid != 0 => Vec::new(),
        Err(error) => vec![dead(scene, error)],
    }
}

/// A runtime that is installed and stopped has a better fix than one that is missing.
fn dead(scene: &Scene<'_>, error: &CriError) -> Finding {
    const ID: &str = "CRI";
    let mut finding = broken(ID, place(error), error);
    if scene.files().exists(Path::new(DOCKER)) {
        finding.what += "; Docker, which runs here, cannot be used directly, but the containerd beneath it can";
    }
    if matches!(error, CriError::Disabled { endpoint } if endpoint.is_containerd()) {
        return finding.mended_by(Repair::SwitchCriOn);
    }
    let services: Vec<&str> = match error {
        CriError::Silent { endpoint, .. } => vec![endpoint.service()],
        CriError::NoneFound { .. } => vec!["containerd", "crio", "cri-docker"],
        _ => return finding,
    };
    let stopped = services.into_iter().find_map(|service| {
        let state = Services::of(scene.host()).state(service).ok()?;
        (state.exists && !state.active).then_some((service, state.word))
    });
    let Some((service, word)) = stopped else { return finding };
    let what = format!("the container runtime {service} is installed and does not run (it is {word})");
    let fix = format!("run 'systemctl start {service}'; if it does not stay up, run 'journalctl -u {service} -n 50'");
    Finding::error(ID, service, what, fix).mended_by(Repair::StartService { service: service.into() })
}

fn place(error: &CriError) -> String {
    match error {
        CriError::Silent { endpoint, .. } | CriError::Disabled { endpoint } | CriError::Call { endpoint, .. } => {
            endpoint.to_string()
        }
        _ => "container runtime".into(),
    }
}

fn broken(id: &str, place: String, error: &CriError) -> Finding {
    let cause = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    Finding::error(id, place, format!("{error}{cause}"), hint(error))
}

fn check_version(scene: &Scene<'_>) -> Vec<Finding> {
    const ID: &str = "ContainerRuntimeVersion";
    let Ok(cri) = scene.cri() else { return Vec::new() };
    let shown = cri.endpoint().to_string();
    let mut findings = Vec::new();
    findings.extend(check_api(scene, cri));
    if scene.minor >= ASKS_RUNTIME_CONFIG {
        match cri.runtime_config() {
            Ok(Some(_)) => {}
            Ok(None) => {
                let what = format!(
                    "{} cannot tell its cgroup driver (CRI method RuntimeConfig), which later kubelets demand",
                    cri.version()
                );
                findings.push(Finding::warning(
                    ID,
                    shown,
                    what,
                    "plan to install containerd 2.0 or CRI-O 1.28 or later",
                ));
            }
            Err(error) => findings.push(Finding::unknown(ID, &error)),
        }
    }
    findings
}

/// Whether the kubelet and the runtime have a version of the CRI in common.
fn check_api(scene: &Scene<'_>, cri: &Cri) -> Option<Finding> {
    const ID: &str = "ContainerRuntimeVersion";
    let minor = scene.kubelet_minor();
    let (what, fix) = if cri.version().api != "v1" && minor >= SPEAKS_ONLY_V1 {
        let what = format!("{} speaks only CRI v1alpha2, which the kubelet of v1.{minor} does not", cri.version());
        (what, "install a newer runtime (containerd 1.6 or later)")
    } else if minor < SPEAKS_V1 {
        match cri.speaks_v1alpha2() {
            Ok(true) => return None,
            Ok(false) => {
                let what = format!(
                    "{} no longer speaks CRI v1alpha2, and the kubelet of v1.{minor} speaks nothing else",
                    cri.version()
                );
                (what, "install an older runtime (containerd 1.7 or CRI-O 1.25), or Kubernetes v1.23 or later")
            }
            Err(error) => return Some(Finding::unknown(ID, &error)),
        }
    } else {
        return None;
    };
    let finding = Finding::error(ID, cri.endpoint().to_string(), what, fix);
    Some(finding.vital("the kubelet would end at once"))
}

fn check_driver(scene: &Scene<'_>) -> Vec<Finding> {
    const ID: &str = "CgroupDriver";
    let (Ok(cri), Some(cluster)) = (scene.cri(), scene.inputs.cluster) else { return Vec::new() };
    if scene.kubelet_minor() >= DRIVER_FROM_CRI && cri.runtime_config().is_ok_and(|driver| driver.is_some()) {
        return Vec::new();
    }
    let runtime = match cri.cgroup_driver() {
        Ok(Some(driver)) => driver.name(),
        Ok(None) => return Vec::new(),
        Err(error) => return vec![Finding::unknown(ID, &error)],
    };
    let by_hand = kubelet_flags::find(scene.host(), "cgroup-driver");
    let args = &scene.inputs.node.kubelet_extra_args;
    let asked = by_hand
        .as_ref()
        .map(|(value, _)| value.as_str())
        .or_else(|| args.iter().rev().find(|arg| arg.name == "cgroup-driver").map(|arg| arg.value.as_str()))
        .or_else(|| cluster.kubelet.get("cgroupDriver").and_then(Value::as_str));
    // Where kubeadm writes none, the kubelet's own default holds.
    let default = table::facts(scene.minor).and_then(|facts| facts.default_cgroup_driver).unwrap_or("cgroupfs");
    let kubelet = asked.unwrap_or(default);
    if scene.runs_pods()
        && let Some(own) = running_node::cgroup_driver(scene)
    {
        // Of a cluster that was not asked the configuration is only supposed.
        let is_known = asked.is_some() || scene.inputs.role == Role::FirstControlPlane;
        return running(scene, cri, [own.as_str(), runtime], is_known.then_some(kubelet));
    }
    if kubelet == runtime {
        return Vec::new();
    }
    let what = format!("the kubelet will use the cgroup driver {kubelet}, and {} uses {runtime}", cri.version());
    let other = match by_hand {
        Some((_, file)) => format!("take --cgroup-driver out of {file}"),
        None => format!("set cgroupDriver: {runtime} in the KubeletConfiguration"),
    };
    let by_hand = format!("switch the runtime to {kubelet} in its configuration, or {other}");
    let by_fix = format!("run the same command with '--fix' to switch the runtime to {kubelet}, or {other}");
    let repair = Repair::CgroupDriver { driver: kubelet.into() };
    let finding = Finding::error(ID, cri.endpoint().to_string(), what, by_hand);
    let finding = mended_in_containerd(finding, cri, repair, by_fix);
    // Where nobody chose, ignoring it makes the kubelet follow the runtime.
    vec![if asked.is_some() {
        finding.vital("the kubelet is told to use this driver, and no Pod would start")
    } else {
        finding
    }]
}

/// On a node that runs, its own kubelet's driver counts, and a run that would change that is refused.
fn running(scene: &Scene<'_>, cri: &Cri, [own, runtime]: [&str; 2], wanted: Option<&str>) -> Vec<Finding> {
    const ID: &str = "CgroupDriver";
    let place = || cri.endpoint().to_string();
    let mut findings = Vec::new();
    if own != runtime {
        let version = cri.version();
        let what = format!(
            "the kubelet of this node uses the cgroup driver {own}, and {version} uses {runtime}: no new Pod starts"
        );
        // Without a repair: ignoring this must not make the kubelet follow the runtime either.
        let repair = Repair::CgroupDriver { driver: own.into() };
        let fix = running_node::by_hand(&repair, &scene.inputs.node.name).unwrap_or_default();
        findings.push(Finding::error(ID, place(), what, fix));
    }
    if let Some(wanted) = wanted.filter(|wanted| *wanted != own) {
        let what = format!(
            "the kubelet of this node uses the cgroup driver {own}, and this configuration would change it to {wanted} \
             while Pods run"
        );
        let fix = format!("set cgroupDriver: {own} in the KubeletConfiguration of the --config file");
        findings.push(Finding::error(ID, place(), what, fix).vital("no new Pod would start on this node"));
    }
    findings
}

/// Only containerd's configuration is known well enough to be mended; that of another runtime is the user's, also where
/// a containerd is installed beside it.
fn mended_in_containerd(finding: Finding, cri: &Cri, repair: Repair, fix: String) -> Finding {
    if cri.endpoint().is_containerd() { Finding { fix, ..finding }.mended_by(repair) } else { finding }
}

fn check_sandbox(scene: &Scene<'_>) -> Vec<Finding> {
    const ID: &str = "SandboxImage";
    let (Ok(cri), Some(wanted), Some(Ok(status))) = (scene.cri(), scene.inputs.pause_image, scene.status()) else {
        return Vec::new();
    };
    let Some(configured) = &status.sandbox_image else { return Vec::new() };
    if configured == wanted {
        return Vec::new();
    }
    let is_there = cri.has_image(configured).unwrap_or(false);
    let by_hand = format!("set {wanted} as the image that holds Pods in the runtime's configuration");
    let what =
        format!("the runtime holds Pods with {configured}; Kubernetes v1.{} is tried with {wanted}", scene.minor);
    let finding = if is_there || Policy::find(&scene.inputs.node.image_pull_policy) != Some(Policy::Never) {
        // The runtime pulls the image itself when the first Pod starts.
        Finding::warning(ID, cri.endpoint().to_string(), what, by_hand)
    } else {
        let what = format!("{what}, and {configured} is missing, so that no Pod can start");
        Finding::error(ID, cri.endpoint().to_string(), what, by_hand)
    };
    let by_fix = format!(
        "run the same command with '--fix', or set sandbox_image = \"{wanted}\" in the runtime's configuration"
    );
    vec![mended_in_containerd(finding, cri, Repair::SandboxImage { image: wanted.into() }, by_fix)]
}

/// Images are pulled by a phase of their own; here only that the policy makes sense and, where
/// nothing is to be pulled, that everything is there.
fn check_images(scene: &Scene<'_>) -> Vec<Finding> {
    const ID: &str = "ImagePull";
    let node = scene.inputs.node;
    let Some(policy) = Policy::find(&node.image_pull_policy) else {
        let what = format!("the image pull policy {:?} does not exist", node.image_pull_policy);
        return vec![Finding::error(ID, "nodeRegistration", what, "set it to Always, IfNotPresent or Never")];
    };
    let (Policy::Never, Ok(cri)) = (policy, scene.cri()) else { return Vec::new() };
    scene
        .inputs
        .images
        .iter()
        .filter_map(|image| match cri.has_image(image) {
            Ok(true) => None,
            Ok(false) => {
                let what = format!("the image {image} is missing, and imagePullPolicy is Never");
                let fix =
                    format!("import it: run 'ctr -n k8s.io images import FILE', or pull it: 'crictl pull {image}'");
                Some(Finding::error(ID, image.as_str(), what, fix))
            }
            Err(error) => Some(Finding::unknown(ID, &error)),
        })
        .collect()
}

/// What the pulling of images ran into, as findings of the check `ImagePull`; ignored ones are warnings.
pub fn pull_findings(inputs: &Inputs<'_>, errors: &PullErrors) -> Vec<Finding> {
    const ID: &str = "ImagePull";
    let make = if is_ignored(&inputs.node.ignore_preflight_errors, ID) { Finding::warning } else { Finding::error };
    errors
        .0
        .iter()
        .map(|error| {
            let place = match error {
                CriError::Pull { image, .. } => image.clone(),
                other => place(other),
            };
            make(ID, place, error.to_string(), error.hint().unwrap_or_default())
        })
        .collect()
}
