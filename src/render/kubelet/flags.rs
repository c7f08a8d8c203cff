//! `kubeadm-flags.env`: the flags that the kubelet's systemd unit reads from `KUBELET_KUBEADM_ARGS`.

use crate::config::images;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::render::pods::command::{arg, last_value, words};
use crate::versions::fact::{Cri, PauseImageFlag};
use crate::versions::table::Minor;
use serde_json::Value;

/// The socket of dockershim, the kubelet's built-in adapter to Docker, with and without its scheme.
const DOCKERSHIM_SOCKETS: [&str; 2] = ["/var/run/dockershim.sock", "unix:///var/run/dockershim.sock"];

/// The feature gate that moves the socket from a flag to a file.
const INSTANCE_CONFIG_GATE: &str = "NodeLocalCRISocket";

/// Prepended to the flags: keeps the kubelet from requesting EC2 credentials, which blocks for seconds on other
/// machines.
pub const WITHOUT_AWS: &str = "# For one start only, on a host that is not in EC2.\nAWS_EC2_METADATA_DISABLED=true\n";

/// The input of the flags.
#[derive(Clone, Copy)]
pub struct FlagsInput<'a> {
    pub cluster: &'a ClusterConfig,
    pub node: &'a NodeConfig,
    pub facts: &'static Minor,
    pub cri_socket: &'a str,
    /// This host's name, in lower case as in the kubelet.
    pub host_name: &'a str,
    /// True for a joining worker: it registers with its taints. Control planes get theirs later.
    pub register_taints: bool,
}

/// True if the socket is in `instance-config.yaml`, which is optional in some minor versions.
pub fn uses_instance_config(cluster: &ClusterConfig, facts: &Minor) -> bool {
    match facts.feature_gate(INSTANCE_CONFIG_GATE) {
        None => facts.kubelet_instance_config,
        Some(_) => {
            facts.feature_enabled(INSTANCE_CONFIG_GATE, cluster.feature_gates.get(INSTANCE_CONFIG_GATE).copied())
        }
    }
}

/// The content of `kubeadm-flags.env`.
pub fn flags_env(input: &FlagsInput<'_>) -> String {
    let node = input.node;
    let docker = input.facts.cri == Cri::Dockershim && DOCKERSHIM_SOCKETS.contains(&input.cri_socket);
    let mut args = Vec::new();
    if docker {
        args.push(arg("network-plugin", "cni"));
    } else {
        if input.facts.cri != Cri::EndpointOnly {
            args.push(arg("container-runtime", "remote"));
        }
        // If there is an instance configuration, it has the socket.
        if !uses_instance_config(input.cluster, input.facts) {
            args.push(arg("container-runtime-endpoint", input.cri_socket));
        }
    }
    let pause_image_flag = match input.facts.pause_image_flag {
        PauseImageFlag::Docker => docker,
        PauseImageFlag::Every => true,
        PauseImageFlag::Never => false,
    };
    if pause_image_flag {
        let image = images::pause(input.cluster, input.facts);
        args.push(arg("pod-infra-container-image", &image.to_string()));
    }
    let taints: Vec<_> = node.taints.iter().flatten().map(write_taint).collect();
    if input.register_taints && !taints.is_empty() {
        args.push(arg("register-with-taints", &taints.join(",")));
    }
    let name = last_value(&node.kubelet_extra_args, "hostname-override").unwrap_or(&node.name);
    if name != input.host_name {
        args.push(arg("hostname-override", name));
    }
    let flags = words(args, &node.kubelet_extra_args, !input.facts.sorts_extra_args).join(" ");
    format!("KUBELET_KUBEADM_ARGS={}\n", quote(&flags))
}

/// `key=value:effect`, without the parts that are not set.
fn write_taint(taint: &Value) -> String {
    let part = |name: &str| taint[name].as_str().unwrap_or_default();
    let (key, value, effect) = (part("key"), part("value"), part("effect"));
    match (value.is_empty(), effect.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{key}:{effect}"),
        (false, true) => format!("{key}={value}:"),
        (false, false) => format!("{key}={value}:{effect}"),
    }
}

/// In double quotes as parsed by systemd's `EnvironmentFile=`, with backslashes and quotes escaped.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
