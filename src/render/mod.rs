//! Layer 2: renders the resolved configuration as text: static Pods, kubelet files, API objects and patches.
//!
//! Everything here is a pure function of its arguments. Callers read the state before and write the files after.

pub mod engine;
#[cfg(test)]
mod fixture;
pub mod kubelet;
pub mod objects;
pub mod patches;
pub mod pods;
pub mod scalar;

use crate::config::model::ClusterConfig;
use crate::versions::fact::Stage;
use crate::versions::table::Minor;
use ipnet::IpNet;
use std::net::IpAddr;

/// The feature gate that dual-stack clusters needed in early minor versions.
const DUAL_STACK_GATE: &str = "IPv6DualStack";

/// The user's value of the dual-stack gate, where components still need it.
fn dual_stack_gate(cluster: &ClusterConfig, facts: &Minor) -> Option<bool> {
    let gate = facts.feature_gate(DUAL_STACK_GATE)?;
    if gate.stage == Stage::Ga { None } else { cluster.feature_gates.get(DUAL_STACK_GATE).copied() }
}

/// One or two networks in the format of flags: `10.244.0.0/16,fd00:10:244::/56`.
fn join_networks(networks: &[IpNet]) -> String {
    networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The address of the cluster's DNS Service: the tenth of the Service network; None if it is too small.
pub fn dns_address(network: &IpNet) -> Option<IpAddr> {
    let address = match network.network() {
        IpAddr::V4(first) => IpAddr::V4(u32::from(first).checked_add(10)?.into()),
        IpAddr::V6(first) => IpAddr::V6(u128::from(first).checked_add(10)?.into()),
    };
    network.contains(&address).then_some(address)
}
