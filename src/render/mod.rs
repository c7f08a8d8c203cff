//! Layer 2: from what is meant to text: static Pods, kubelet files, API objects, and patches on them.
//!
//! Everything here is a pure function of its arguments. Who calls it reads the world before and
//! writes the files after.

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

/// The feature gate that clusters with two address families needed while it was not yet final.
const DUAL_STACK_GATE: &str = "IPv6DualStack";

/// What the user set the dual-stack gate to, where components still have to be told.
fn dual_stack_gate(cluster: &ClusterConfig, facts: &Minor) -> Option<bool> {
    let gate = facts.feature_gate(DUAL_STACK_GATE)?;
    if gate.stage == Stage::Ga { None } else { cluster.feature_gates.get(DUAL_STACK_GATE).copied() }
}

/// One or two networks as flags want them: `10.244.0.0/16,fd00:10:244::/56`.
fn join_networks(networks: &[IpNet]) -> String {
    networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The address of the cluster's DNS Service: the tenth of the Service network; None when it has no tenth.
pub fn dns_address(network: &IpNet) -> Option<IpAddr> {
    let address = match network.network() {
        IpAddr::V4(first) => IpAddr::V4(u32::from(first).checked_add(10)?.into()),
        IpAddr::V6(first) => IpAddr::V6(u128::from(first).checked_add(10)?.into()),
    };
    network.contains(&address).then_some(address)
}
