//! Checks of the container runtime: responsive, recent enough, consistent with the kubelet, its images.

use super::cgroup_driver;
use super::cgroup_driver::fixed_in_containerd;
use super::finding::{Finding, Repair};
use super::ignore::is_ignored;
use super::inputs::Check;
use super::inputs::{Inputs, Scene};
use super::machine::hint;
use crate::base::fault::Fault;
use crate::host::cri::{Cri, CriError, Policy, PullErrors};
use crate::host::service::Services;
use crate::versions::fact::Cri as Runtimes;
use crate::versions::table;
use std::path::Path;

/// The first minor version whose kubelet supports v1 of the CRI (KEP-2040), and the first that supports only v1.
const SPEAKS_V1: u16 = 23;
const SPEAKS_ONLY_V1: u16 = 26;
/// The first minor version whose kubeadm requires the method that reports the cgroup driver.
const ASKS_RUNTIME_CONFIG: u16 = 32;

/// Docker's own socket.
const DOCKER: &str = "/var/run/docker.sock";

pub(super) fn checks<'a>() -> Vec<Check<'a>> {
    vec![
        Check::live("CRI", check_alive),
        Check::live("ContainerRuntimeVersion", check_version),
        Check::live("ContainerRuntimeService", check_service),
        Check::live("CgroupDriver", cgroup_driver::check),
        Check::live("SandboxImage", check_sandbox),
        Check::live("ImagePull", check_images),
    ]
}

fn check_alive(scene: &Scene<'_>) -> Vec<Finding> {
    const ID: &str = "CRI";
    match scene.cri() {
        Ok(cri) => match scene.status() {
            Some(Ok(status)) if !status.runtime.ok => {
                let what = format!("{} is not ready: {}", cri.version(), status.runtime.why);
                let service = cri.endpoint().service();
                let fix = format!("run 'journalctl -u {service} -n 50'");
                vec![Finding::error(ID, cri.endpoint().to_string(), what, fix)]
            }
            Some(Err(error)) => vec![broken(ID, cri.endpoint().to_string(), error)],
            // A network plugin is installed after init.
            _ => Vec::new(),
        },
        // Without root the socket may not be accessible; that has its own check.
        Err(_) if scene.inputs.uid != 0 => Vec::new(),
        Err(error) => vec![dead(scene, error)],
    }
}

/// A runtime that is installed but stopped has a better fix than a missing one.
fn dead(scene: &Scene<'_>, error: &CriError) -> Finding {
    const ID: &str = "CRI";
    let mut finding = broken(ID, place(error), error);
    if matches!(error, CriError::NoDockershim { .. }) {
        return finding;
    }
    if scene.files().exists(Path::new(DOCKER)) {
        finding.what += "; Docker, which runs here, cannot be used directly, but its containerd can";
        if table::facts(scene.minor).is_some_and(|facts| facts.cri == Runtimes::Dockershim) {
            finding.fix +=
                "; or specify --cri-socket=/var/run/dockershim.sock to use Docker with the kubelet's own adapter";
        }
    }
    if matches!(error, CriError::Disabled { endpoint } if endpoint.is_containerd()) {
        return finding.fixed_by(Repair::SwitchCriOn);
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
    let what = format!("the container runtime {service} is installed but not running (it is {word})");
    let fix = format!("run 'systemctl start {service}'; if it does not stay up, run 'journalctl -u {service} -n 50'");
    Finding::error(ID, service, what, fix).fixed_by(Repair::StartService { service: service.into() })
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
                    "{} cannot report its cgroup driver (CRI method RuntimeConfig), which later kubelets require",
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

/// Whether the kubelet and the runtime support a common version of the CRI.
fn check_api(scene: &Scene<'_>, cri: &Cri) -> Option<Finding> {
    const ID: &str = "ContainerRuntimeVersion";
    let minor = scene.kubelet_minor();
    let (what, fix) = if cri.version().api != "v1" && minor >= SPEAKS_ONLY_V1 {
        let what = format!("{} supports only CRI v1alpha2, which the kubelet of v1.{minor} does not", cri.version());
        (what, "install a newer runtime (containerd 1.6 or later)")
    } else if minor < SPEAKS_V1 {
        match cri.speaks_v1alpha2() {
            Ok(true) => return None,
            Ok(false) => {
                let what = format!(
                    "{} no longer supports CRI v1alpha2, and the kubelet of v1.{minor} supports nothing else",
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
    Some(finding.vital("the kubelet would exit immediately"))
}

/// A runtime that runs now but is not enabled is down after the next boot.
fn check_service(scene: &Scene<'_>) -> Vec<Finding> {
    const ID: &str = "ContainerRuntimeService";
    let Ok(cri) = scene.cri() else { return Vec::new() };
    let services = Services::of(scene.host());
    let service = cri.endpoint().service();
    let Ok(state) = services.state(service) else { return Vec::new() };
    // Another process, such as a complete Kubernetes product, may listen there.
    if !state.exists || state.enabled || !state.active {
        return Vec::new();
    }
    // A socket unit starts its service when the kubelet connects.
    if services.state(&format!("{service}.socket")).is_ok_and(|socket| socket.exists && socket.enabled) {
        return Vec::new();
    }
    let what = format!("the container runtime {service} will not start at the next boot");
    let fix = format!("run the same command with '--fix', or {}", services.enable_command(service));
    let repair = Repair::EnableService { service: service.into() };
    vec![Finding::warning(ID, service, what, fix).fixed_by(repair)]
}

fn check_sandbox(scene: &Scene<'_>) -> Vec<Finding> {
    const ID: &str = "SandboxImage";
    let (Ok(cri), Some(wanted), Some(Ok(status))) = (scene.cri(), scene.inputs.pause_image, scene.status()) else {
        return Vec::new();
    };
    // containerd 2.x does not report it.
    let configured = match (&status.sandbox_image, scene.containerd()) {
        (Some(image), _) => image,
        (None, Some(Ok(settings))) => match &settings.sandbox_image {
            Some(image) => image,
            None => return Vec::new(),
        },
        (None, Some(Err(failure))) => return vec![Finding::unknown(ID, failure.fault())],
        (None, None) => return Vec::new(),
    };
    if configured == wanted {
        return Vec::new();
    }
    let is_there = cri.has_image(configured).unwrap_or(false);
    let by_hand = format!("set {wanted} as the sandbox image in the runtime's configuration");
    let what = format!(
        "the runtime uses the sandbox image {configured}; Kubernetes v1.{} is tested with {wanted}",
        scene.minor
    );
    let finding = if is_there || Policy::find(&scene.inputs.node.image_pull_policy) != Some(Policy::Never) {
        // The runtime pulls the image itself when the first Pod starts.
        Finding::warning(ID, cri.endpoint().to_string(), what, by_hand)
    } else {
        let what = format!("{what}, and {configured} is missing, so no Pod can start");
        Finding::error(ID, cri.endpoint().to_string(), what, by_hand)
    };
    let by_fix = format!(
        "run the same command with '--fix', or set sandbox_image = \"{wanted}\" in the runtime's configuration"
    );
    vec![fixed_in_containerd(finding, cri, Repair::SandboxImage { image: wanted.into() }, by_fix)]
}

/// Images are pulled by a phase of their own; this only checks the policy and, if nothing is to be pulled, that all
/// images exist.
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
                let fix = if cri.endpoint().is_dockershim() {
                    format!("pull it: run 'docker pull {image}'; or load its archive with 'docker load'")
                } else {
                    format!(
                        "pull it: run 'crictl pull {image}'; or import its archive with 'ctr -n k8s.io images import'"
                    )
                };
                Some(Finding::error(ID, image.as_str(), what, fix))
            }
            Err(error) => Some(Finding::unknown(ID, &error)),
        })
        .collect()
}

/// Failed image pulls as findings of the check `ImagePull`; ignored ones are warnings.
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
