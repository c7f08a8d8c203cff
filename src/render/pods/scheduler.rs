//! kube-scheduler's manifest.

use super::command::{arg, command, last_value};
use super::host_paths::HostPaths;
use super::probe::{self, Endpoint};
use super::{KUBERNETES_DIR, Pair, PodInput, StaticPod};
use crate::config::images::Released;
use crate::config::model::Arg;
use crate::render::engine::TemplateError;

/// The port for HTTPS.
const PORT: u16 = 10259;

/// The manifest of this host's scheduler.
pub fn kube_scheduler(input: &PodInput<'_>) -> Result<String, TemplateError> {
    let component = &input.cluster.scheduler;
    let mut paths = HostPaths::new();
    paths.add_kubeconfig("scheduler.conf");
    let host = probe::host(last_value(&component.extra_args, "bind-address").unwrap_or("127.0.0.1"));
    StaticPod {
        name: "kube-scheduler",
        annotation: None,
        command: command("kube-scheduler", defaults(input), &component.extra_args, !input.facts.sorts_extra_args),
        extra_envs: &component.extra_envs,
        proxied: true,
        image: Released::Scheduler.image(input.cluster).to_string(),
        probes: input.facts.scheduler_probes,
        endpoint: Endpoint { host, port: PORT, scheme: "HTTPS" },
        requests: vec![Pair::new("cpu", "100m")],
        mounts: paths.into_mounts(&component.extra_volumes),
    }
    .render(input)
}

fn defaults(input: &PodInput<'_>) -> Vec<Arg> {
    let kubeconfig = format!("{KUBERNETES_DIR}/scheduler.conf");
    let mut args = vec![
        arg("authentication-kubeconfig", &kubeconfig),
        arg("authorization-kubeconfig", &kubeconfig),
        arg("bind-address", "127.0.0.1"),
        arg("kubeconfig", &kubeconfig),
        arg("leader-elect", "true"),
    ];
    if input.facts.component_port_flag {
        args.push(arg("port", "0"));
    }
    args.extend(input.dual_stack_gate());
    args
}
