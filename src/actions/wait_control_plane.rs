//! Waits until the control plane is healthy, and finds out why when it does not become so.
//!
//! Reads: the health endpoints of the kubelet and of each component, and, when time runs out, the
//! container runtime and the kubelet's journal. Writes: nothing.

use crate::base::fault::Result;
use crate::context::Context;
use crate::kube::ready::{Component, wait_for_components};
use crate::pipeline::{Action, Target};
use std::net::IpAddr;

/// See the module's text.
pub struct WaitControlPlane;

impl Action for WaitControlPlane {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let components = components(cx)?;
        let limit = cx.timeouts().control_plane_component_health_check;
        wait_for_components(&components, limit, &cx.gate, &cx.clock, &cx.events)
            .map_err(|failure| cx.explained(failure))?;
        cx.events.message("the control plane is healthy");
        Ok(())
    }
}

/// The components of this host and where they tell how they are.
fn components(cx: &Context) -> Result<Vec<Component>> {
    let (cluster, node) = (cx.cluster()?, cx.node()?);
    let local = &node.local_endpoint;
    let host = match local.advertise_address {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let facts = cx.facts()?;
    let at = |name: &str, url: String| Component { name: name.into(), url };
    let mut components = vec![
        at("kubelet", "http://127.0.0.1:10248/healthz".into()),
        at("kube-apiserver", format!("https://{host}:{}{}", local.bind_port, facts.api_server_probes.live)),
    ];
    if facts.waits_for_all_components {
        let bind = |args: &[crate::config::model::Arg], name: &str, fallback: &str| {
            args.iter().rev().find(|arg| arg.name == name).map_or_else(|| fallback.to_owned(), |arg| arg.value.clone())
        };
        let manager = &cluster.controller_manager.extra_args;
        let scheduler = &cluster.scheduler.extra_args;
        let url = |args, port: &str, path: &str| {
            let host = reachable(&bind(args, "bind-address", "127.0.0.1"));
            format!("https://{host}:{}{path}", bind(args, "secure-port", port))
        };
        components.push(at("kube-controller-manager", url(manager, "10257", facts.controller_manager_probes.live)));
        components.push(at("kube-scheduler", url(scheduler, "10259", facts.scheduler_probes.live)));
    }
    Ok(components)
}

/// The address at which something that binds to `address` answers on this host.
fn reachable(address: &str) -> String {
    match address {
        "0.0.0.0" => "127.0.0.1".into(),
        "::" => "[::1]".into(),
        ip if ip.contains(':') => format!("[{ip}]"),
        other => other.into(),
    }
}
