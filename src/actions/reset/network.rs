//! Packet rules, virtual servers and links that a cluster made on this host.
//!
//! Reads: iptables, nftables, IPVS, the links. Writes: removes those of the cluster. Where a program that removes
//! them is missing or refuses, the rest is done all the same, and what is left is told.

use crate::base::fault::Result;
use crate::context::Context;
use crate::host::{HostError, ipvs, links, packet_rules};

/// Removes them.
///
/// # Errors
/// When what was left cannot be noted.
pub fn remove(cx: &mut Context) -> Result<()> {
    let servers = ipvs::remove(&cx.host).map(|number| told(number, "virtual servers of kube-proxy"));
    tell(cx, "virtual servers of kube-proxy", "install ipvsadm and run 'ipvsadm -Ln' to see them", servers)?;
    let rules = packet_rules::remove(&cx.host).map(|number| told(number, "chains and tables of packet rules"));
    tell(cx, "packet rules of the cluster", "run 'iptables-save | grep KUBE-' to see them", rules)?;
    let links = links::remove(&cx.host)
        .map(|names| (!names.is_empty()).then(|| format!("removed the network links {}", names.join(", "))));
    tell(cx, "network links of the cluster", "run 'ip link' to see them and 'ip link delete NAME'", links)
}

fn told(number: usize, what: &str) -> Option<String> {
    (number > 0).then(|| format!("removed {number} {what}"))
}

fn tell(cx: &mut Context, what: &str, hint: &str, outcome: Result<Option<String>, HostError>) -> Result<()> {
    match outcome {
        Ok(Some(text)) => cx.events.message(text),
        Ok(None) => {}
        Err(error) => {
            cx.events.warning(format!("{what} stay: {error}"));
            cx.leaving_mut()?.notes.push(format!("{what}, as {error}; {hint}"));
        }
    }
    Ok(())
}
