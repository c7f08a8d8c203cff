//! What the chosen pod network needs of this host: CNI plugins, and that no other network is configured.
//!
//! Reads: containerd's directories of plugins, /etc/cni/net.d. Writes: nothing.

use super::containerd::{Installation, Settings};
use super::finding::Finding;
use super::inputs::{Check, Inputs, Scene};
use crate::config::pod_network::PodNetwork;
use crate::host::Host;
use std::path::{Path, PathBuf};

const PLUGINS: &str = "CNIPlugins";
const CONFIG: &str = "CNIConfig";
/// The default directory of plugins.
const USUAL: &str = "/opt/cni/bin";
/// Where the runtime looks for the configuration of the network: the first file by name is used.
const CONFIGURATIONS: &str = "/etc/cni/net.d";
/// The plugins that flannel calls and does not bring.
const FLANNEL_CALLS: [&str; 4] = ["bridge", "host-local", "loopback", "portmap"];
/// The file that it writes.
const FLANNEL_WRITES: &str = "10-flannel.conflist";

pub(super) fn checks<'a>(inputs: &Inputs<'a>) -> Vec<Check<'a>> {
    match inputs.pod_network {
        None => Vec::new(),
        Some(_) => vec![Check::live(PLUGINS, check_plugins), Check::live(CONFIG, check_configuration)],
    }
}

/// The directory in which the container runtime of this host looks for CNI plugins; the default one if it does not say.
pub fn plugin_directory(host: &Host) -> PathBuf {
    let settings = Installation::find(host).and_then(|one| Settings::now(host, &one).ok());
    settings.map_or_else(|| USUAL.into(), |settings| chosen(host, &settings.plugin_directories))
}

/// Of several, the one that has plugins already.
fn chosen(host: &Host, directories: &[String]) -> PathBuf {
    let has_plugins = |directory: &&String| host.files.exists(&Path::new(directory).join("bridge"));
    let found = directories.iter().find(has_plugins).or_else(|| directories.first());
    found.map_or_else(|| USUAL.into(), PathBuf::from)
}

fn check_plugins(scene: &Scene<'_>) -> Vec<Finding> {
    let directory = match scene.containerd() {
        Some(Ok(settings)) => chosen(scene.host(), &settings.plugin_directories),
        Some(Err(failure)) => return vec![Finding::unknown(PLUGINS, failure.fault())],
        None => USUAL.into(),
    };
    // Other networks bring what they call, except the one for the loopback interface, which runtimes need.
    let needed: &[&str] = match scene.inputs.pod_network {
        Some(PodNetwork::Flannel) => &FLANNEL_CALLS,
        _ => return Vec::new(),
    };
    let missing: Vec<&str> =
        needed.iter().copied().filter(|plugin| !scene.files().exists(&directory.join(plugin))).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let shown = directory.display();
    let what = format!(
        "CNI plugins are missing in {shown}, where the container runtime looks for them: {}",
        missing.join(", ")
    );
    let fix = format!(
        "install the package kubernetes-cni (Kubernetes' own repository, /opt/cni/bin) or containernetworking-plugins \
         (distributions, /usr/lib/cni or /usr/libexec/cni); or unpack a release of \
         https://github.com/containernetworking/plugins into {shown}"
    );
    vec![Finding::error(PLUGINS, shown.to_string(), what, fix)]
}

fn check_configuration(scene: &Scene<'_>) -> Vec<Finding> {
    let names = match scene.files().list(Path::new(CONFIGURATIONS)) {
        Ok(names) => names,
        Err(error) => return vec![Finding::unknown(CONFIG, &error)],
    };
    let is_one = |name: &&String| [".conf", ".conflist", ".json"].iter().any(|end| name.ends_with(end));
    let is_flannel = matches!(scene.inputs.pod_network, Some(PodNetwork::Flannel));
    let foreign: Vec<&String> =
        names.iter().filter(is_one).filter(|name| !is_flannel || *name != FLANNEL_WRITES).collect();
    let Some(first) = foreign.first() else { return Vec::new() };
    let path = Path::new(CONFIGURATIONS).join(first);
    let shown = path.display();
    let what = format!("{shown} configures a network for Pods, and the runtime uses the first of such files by name");
    let fix =
        format!("run 'mv --backup=numbered {shown} /root/' if that network is no longer used, or omit --pod-network");
    vec![if is_flannel {
        Finding::error(CONFIG, shown.to_string(), what, fix)
    } else {
        // It may be the file of this network, of an earlier run.
        Finding::warning(CONFIG, shown.to_string(), what, fix)
    }]
}
