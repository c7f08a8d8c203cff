//! Firewalls of this host that may block the traffic of the cluster.
//!
//! Reads: the state of firewalld and ufw, and the policies of the kernel's chains. Writes: nothing, because only the
//! administrator knows who may connect.

use super::finding::Finding;
use super::inputs::{Check, Inputs, Scene, ports};
use crate::base::fault::Fault;
use crate::host::Command;
use crate::host::service::Services;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// The name of kubeadm's check; others have their own.
const FIREWALLD: &str = "Firewalld";
const OTHERS: &str = "Firewall";
/// These programs only read tables of the kernel.
const LIMIT: Duration = Duration::from_secs(5);

pub(super) fn checks<'a>() -> Vec<Check<'a>> {
    vec![Check::live(FIREWALLD, firewalld), Check::live(OTHERS, others)]
}

/// The ports that other nodes connect to; the others are used on this host only.
fn opened(inputs: &Inputs<'_>) -> Vec<u16> {
    let is_local = |program: &str| ["kube-scheduler", "kube-controller-manager"].contains(&program);
    ports(inputs).into_iter().filter(|(_, program)| !is_local(program)).map(|(port, _)| port).collect()
}

fn list(ports: &[u16]) -> String {
    let texts: Vec<String> = ports.iter().map(ToString::to_string).collect();
    match texts.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("ports {} and {last}", rest.join(", ")),
        _ => format!("port {}", texts.join("")),
    }
}

fn is_active(scene: &Scene<'_>) -> bool {
    Services::of(scene.host()).state("firewalld").is_ok_and(|state| state.exists && state.active)
}

fn firewalld(scene: &Scene<'_>) -> Vec<Finding> {
    if !is_active(scene) {
        return Vec::new();
    }
    let ports = opened(scene.inputs);
    let options: Vec<String> = ports.iter().map(|port| format!("--add-port={port}/tcp")).collect();
    let what = format!("firewalld is active; {} must be open to the other nodes", list(&ports));
    let fix = format!("run 'firewall-cmd --permanent {}' and 'firewall-cmd --reload'", options.join(" "));
    vec![Finding::warning(FIREWALLD, "firewalld", what, fix)]
}

fn others(scene: &Scene<'_>) -> Vec<Finding> {
    // firewalld makes such chains too, and has a finding of its own.
    if is_active(scene) {
        return Vec::new();
    }
    let ports = opened(scene.inputs);
    let shown = list(&ports);
    match ufw(scene) {
        Ok(true) => {
            let commands: Vec<String> = ports.iter().map(|port| format!("'ufw allow {port}/tcp'")).collect();
            let what = format!("ufw is active; {shown} must be open to the other nodes");
            return vec![Finding::warning(OTHERS, "ufw", what, format!("run {}", commands.join(", ")))];
        }
        Ok(false) => {}
        Err(finding) => return vec![*finding],
    }
    let dropping = match dropping_chains(scene) {
        Ok(dropping) => dropping,
        Err(finding) => return vec![*finding],
    };
    let mut findings = Vec::new();
    if let Some(chain) = dropping.input {
        let what =
            format!("packets that no rule accepts are dropped ({chain}); {shown} must be open to the other nodes");
        let fix = "accept connections of the other nodes to these ports, in the file that this host loads its rules from \
                   (/etc/nftables.conf, /etc/iptables/rules.v4, …)";
        findings.push(Finding::warning(OTHERS, "the packet filter", what, fix));
    }
    if let Some(chain) = dropping.forward {
        let what = format!(
            "forwarded packets that no rule accepts are dropped ({chain}), also those of Pods: rules that a pod network adds \
             elsewhere do not help"
        );
        let fix = "accept packets to and from the network of the Pods in this chain, in the file that this host loads its rules \
                   from (/etc/nftables.conf, …)";
        findings.push(Finding::warning(OTHERS, "forwarding", what, fix));
    }
    findings
}

/// The finding that something could not be read.
type Unread = Box<Finding>;

fn unread(error: &dyn Fault) -> Unread {
    Box::new(Finding::unknown(OTHERS, error))
}

/// True if ufw is active. Its service runs even if it is not.
fn ufw(scene: &Scene<'_>) -> Result<bool, Unread> {
    if scene.host().find("ufw").is_none() || scene.inputs.uid != 0 {
        return Ok(false);
    }
    let output = scene.host().read(&Command::new(["ufw", "status"]).within(LIMIT));
    let output = output.map_err(|error| unread(&error))?;
    Ok(output.stdout.lines().any(|line| line.trim() == "Status: active"))
}

/// Chains whose policy is to drop packets.
#[derive(Debug, Default, PartialEq, Eq)]
struct Dropping {
    /// Those that come in.
    input: Option<String>,
    /// Those that are forwarded. iptables' own chain does not count: pod networks and kube-proxy add their rules there, and
    /// Docker sets its policy on every host.
    forward: Option<String>,
}

fn dropping_chains(scene: &Scene<'_>) -> Result<Dropping, Unread> {
    let host = scene.host();
    if scene.inputs.uid != 0 {
        return Ok(Dropping::default());
    }
    // Listing chains would load what is not loaded yet; then there are none.
    let is_nft = host.files.exists(Path::new("/sys/module/nf_tables"));
    if is_nft && host.find("nft").is_some() {
        let output = host.read(&Command::new(["nft", "-j", "list", "chains"]).within(LIMIT));
        let output = output.map_err(|error| unread(&error))?;
        if output.is_success() {
            return Ok(in_nft(&output.stdout));
        }
    }
    let tables = host.files.read_text(Path::new("/proc/net/ip_tables_names"));
    let tables = tables.map_err(|error| unread(&error))?.unwrap_or_default();
    let is_used = is_nft || tables.lines().any(|table| table == "filter");
    if !is_used || host.find("iptables").is_none() {
        return Ok(Dropping::default());
    }
    let output = host.read(&Command::new(["iptables", "-w", "5", "-S", "INPUT"]).within(LIMIT + LIMIT));
    let output = output.map_err(|error| unread(&error))?;
    let drops = output.stdout.lines().any(|line| line.trim() == "-P INPUT DROP");
    Ok(Dropping { input: drops.then(|| "iptables, chain INPUT".to_owned()), forward: None })
}

fn in_nft(text: &str) -> Dropping {
    let listed: Value = serde_json::from_str(text).unwrap_or_default();
    let chains = || listed["nftables"].as_array().into_iter().flatten().map(|one| &one["chain"]);
    let dropping = |hook: &str| {
        chains().find_map(|chain| {
            let word = |key: &str| chain[key].as_str().unwrap_or_default();
            let [family, table, name] = ["family", "table", "name"].map(word);
            let is_of_iptables = ["ip", "ip6"].contains(&family) && table == "filter" && name == "FORWARD";
            let drops = word("hook") == hook && word("policy") == "drop" && !is_of_iptables;
            drops.then(|| format!("nftables, table {family} {table}, chain {name}"))
        })
    };
    Dropping { input: dropping("input"), forward: dropping("forward") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chains(family: &str, name: &str, hook: &str, policy: &str) -> Dropping {
        let chain = serde_json::json!({"family": family, "table": "filter", "name": name, "handle": 2, "type": "filter",
            "hook": hook, "prio": 0, "policy": policy});
        let plain = serde_json::json!({"family": family, "table": "filter", "name": "in", "handle": 1});
        let all =
            serde_json::json!({"nftables": [{"metainfo": {"version": "1.1.3"}}, {"chain": plain}, {"chain": chain}]});
        in_nft(&all.to_string())
    }

    #[test]
    fn only_chains_that_drop_what_comes_in_or_is_forwarded_are_found() {
        let found = |family: &str, hook: &str| chains(family, hook, hook, "drop");
        let input = Some("nftables, table inet filter, chain input".into());
        assert_eq!(found("inet", "input"), Dropping { input, forward: None });
        let forward = Some("nftables, table inet filter, chain forward".into());
        assert_eq!(found("inet", "forward"), Dropping { input: None, forward });
        for nothing in [found("inet", "output"), chains("inet", "input", "input", "accept"), in_nft("not JSON")] {
            assert_eq!(nothing, Dropping::default());
        }
    }

    /// Docker sets this policy, and pod networks add their rules to this chain.
    #[test]
    fn the_forward_policy_of_iptables_is_not_reported() {
        assert_eq!(chains("ip", "FORWARD", "forward", "drop"), Dropping::default());
        assert!(chains("inet", "FORWARD", "forward", "drop").forward.is_some());
        assert!(chains("ip", "INPUT", "input", "drop").input.is_some());
    }

    #[test]
    fn ports_are_listed_as_in_a_sentence() {
        assert_eq!(list(&[10250]), "port 10250");
        assert_eq!(list(&[6443, 10250, 2379]), "ports 6443, 10250 and 2379");
    }
}
