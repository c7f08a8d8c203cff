//! kube-controller-manager's manifest.

use super::command::{arg, command, last_value};
use super::host_paths::HostPaths;
use super::probe::{self, Endpoint};
use super::{KUBERNETES_DIR, Pair, PodInput, StaticPod};
use crate::config::images::Released;
use crate::config::model::Arg;
use crate::render::engine::TemplateError;
use crate::render::join_networks;

/// The port for HTTPS.
const PORT: u16 = 10257;
/// The default directory of flexvolume drivers on a host.
const FLEXVOLUME_DIR: &str = "/usr/libexec/kubernetes/kubelet-plugins/volume/exec";

/// The manifest of this host's controller manager.
pub fn kube_controller_manager(input: &PodInput<'_>) -> Result<String, TemplateError> {
    let component = &input.cluster.controller_manager;
    let extra = &component.extra_args;
    let mut paths = HostPaths::with_certificates(input);
    paths.add_kubeconfig("controller-manager.conf");
    if input.facts.flexvolume_mount {
        let dir = last_value(extra, "flex-volume-plugin-dir").unwrap_or(FLEXVOLUME_DIR);
        paths.add_dir("flexvolume-dir", dir, false);
    }
    let host = probe::host(last_value(extra, "bind-address").unwrap_or("127.0.0.1"));
    StaticPod {
        name: "kube-controller-manager",
        annotation: None,
        command: command("kube-controller-manager", defaults(input), extra, !input.facts.sorts_extra_args),
        extra_envs: &component.extra_envs,
        proxied: true,
        image: Released::ControllerManager.image(input.cluster).to_string(),
        probes: input.facts.controller_manager_probes,
        endpoint: Endpoint { host, port: PORT, scheme: "HTTPS" },
        requests: vec![Pair::new("cpu", "200m")],
        mounts: paths.into_mounts(&component.extra_volumes),
    }
    .render(input)
}

fn defaults(input: &PodInput<'_>) -> Vec<Arg> {
    let cluster = input.cluster;
    let kubeconfig = format!("{KUBERNETES_DIR}/controller-manager.conf");
    let ca = input.certificate("ca.crt");
    // Empty paths disable the signing controller, which cannot start without the CA key.
    let (signing_cert, signing_key) =
        if input.external_ca { (String::new(), String::new()) } else { (ca.clone(), input.certificate("ca.key")) };
    let mut args = vec![
        arg("authentication-kubeconfig", &kubeconfig),
        arg("authorization-kubeconfig", &kubeconfig),
        arg("bind-address", "127.0.0.1"),
        arg("client-ca-file", &ca),
        arg("cluster-name", &cluster.cluster_name),
        arg("cluster-signing-cert-file", &signing_cert),
        arg("cluster-signing-key-file", &signing_key),
        arg("controllers", "*,bootstrapsigner,tokencleaner"),
        arg("kubeconfig", &kubeconfig),
        arg("leader-elect", "true"),
        arg("requestheader-client-ca-file", &input.certificate("front-proxy-ca.crt")),
        arg("root-ca-file", &ca),
        arg("service-account-private-key-file", &input.certificate("sa.key")),
        arg("use-service-account-credentials", "true"),
    ];
    if input.facts.component_port_flag {
        args.push(arg("port", "0"));
    }
    if !cluster.networking.pod_subnets.is_empty() {
        args.push(arg("allocate-node-cidrs", "true"));
        args.push(arg("cluster-cidr", &join_networks(&cluster.networking.pod_subnets)));
        args.push(arg("service-cluster-ip-range", &join_networks(&cluster.networking.service_subnets)));
    }
    args.extend(input.dual_stack_gate());
    args
}
