//! Which checks a host gets, and running them all at once.
//!
//! The order is kubeadm's; what a finding says comes from the checks themselves.

use super::finding::Role;
use super::finding::{Finding, Report};
use super::inputs::Check;
use super::inputs::{Inputs, Scene};
use super::{
    address, authorities, docker, endpoint, external_data, external_etcd, files, firewall, ignore, kubelet_environment,
    lost, machine, network, pod_network, programs, running_node, runtime, signers, standing, system,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Most checks wait for a program or a socket, not for a CPU.
const AT_ONCE: usize = 8;

/// Makes every check that applies, all at once, and applies the ignore list to the findings.
pub fn run(inputs: &Inputs<'_>) -> Report {
    let scene = Scene::new(inputs);
    let checks = applicable(&scene);
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<(usize, Finding)>> = Mutex::new(Vec::new());
    let work = || {
        loop {
            let place = next.fetch_add(1, Ordering::SeqCst);
            let Some(check) = checks.get(place) else { break };
            let findings = (check.run)(&scene);
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.extend(findings.into_iter().map(|finding| (place, finding)));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|(place, _)| *place);
    let mut findings: Vec<Finding> = found.into_iter().map(|(_, finding)| finding.masked()).collect();
    let mut consequences = ignore::apply(inputs, &mut findings);
    consequences.extend(docker::consequence(&scene));
    running_node::protect(&scene, &mut findings);
    findings.sort_by_key(|finding| finding.severity);
    let mut names: Vec<String> = checks.into_iter().map(|check| check.id).collect();
    names.dedup();
    Report { checks: names, findings, consequences }
}

fn applicable<'a>(scene: &Scene<'a>) -> Vec<Check<'a>> {
    let inputs = scene.inputs;
    let mut checks = machine::user();
    if inputs.is_control_plane() {
        checks.extend(machine::size());
        checks.extend(programs::kubernetes_version());
        checks.extend(address::checks(inputs));
    }
    checks.extend(firewall::checks());
    checks.extend(network::port_checks(inputs));
    checks.extend(files::available(inputs, scene.minor));
    checks.extend(lost::checks(inputs));
    checks.extend(standing::checks(inputs));
    checks.extend(network::proxies(inputs));
    checks.extend(runtime::checks());
    checks.extend(docker::checks(inputs));
    checks.extend(network::parameters(inputs, scene.minor));
    checks.extend(machine::checks());
    checks.extend(programs::executables(scene.minor));
    checks.extend(system::checks());
    checks.extend(pod_network::checks(inputs));
    checks.extend(programs::kubelet());
    checks.extend(kubelet_environment::checks());
    if inputs.role == Role::FirstControlPlane {
        checks.extend(endpoint::checks(inputs));
        checks.extend(external_etcd::checks(inputs));
        checks.extend(external_data::checks(inputs, false));
    }
    if inputs.is_control_plane() {
        checks.extend(authorities::checks());
        checks.extend(signers::checks());
    }
    checks.extend(files::existing(inputs));
    checks.extend(files::room());
    checks.retain(|check| check.offline || inputs.host.is_live());
    checks
}

#[cfg(test)]
mod tests;
