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
    match dropping_chain(scene) {
        Ok(Some(chain)) => {
            let what =
                format!("packets that no rule accepts are dropped ({chain}); {shown} must be open to the other nodes");
            let fix = "accept connections of the other nodes to these ports, in the file that this host loads its rules \
                       from (/etc/nftables.conf, /etc/iptables/rules.v4, …)";
            vec![Finding::warning(OTHERS, "the packet filter", what, fix)]
        }
        Ok(None) => Vec::new(),
        Err(finding) => vec![*finding],
    }
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

/// The chain of incoming packets whose policy is to drop them.
fn dropping_chain(scene: &Scene<'_>) -> Result<Option<String>, Unread> {
    let host = scene.host();
    if scene.inputs.uid != 0 {
        return Ok(None);
    }
    // Listing chains would load what is not loaded yet; then there are none.
    let is_nft = host.files().exists(Path::new("/sys/module/nf_tables"));
    if is_nft && host.find("nft").is_some() {
        let output = host.read(&Command::new(["nft", "-j", "list", "chains"]).within(LIMIT));
        let output = output.map_err(|error| unread(&error))?;
        if output.is_success() {
            return Ok(in_nft(&output.stdout));
        }
    }
    let tables = host.files().read_text(Path::new("/proc/net/ip_tables_names"));
    let tables = tables.map_err(|error| unread(&error))?.unwrap_or_default();
    let is_used = is_nft || tables.lines().any(|table| table == "filter");
    if !is_used || host.find("iptables").is_none() {
        return Ok(None);
    }
    let output = host.read(&Command::new(["iptables", "-w", "5", "-S", "INPUT"]).within(LIMIT + LIMIT));
    let output = output.map_err(|error| unread(&error))?;
    Ok(output.stdout.lines().any(|line| line.trim() == "-P INPUT DROP").then(|| "iptables, chain INPUT".to_owned()))
}

fn in_nft(text: &str) -> Option<String> {
    let listed: Value = serde_json::from_str(text).ok()?;
    listed.get("nftables")?.as_array()?.iter().filter_map(|one| one.get("chain")).find_map(|chain| {
        let word = |key: &str| chain.get(key).and_then(Value::as_str).unwrap_or_default();
        let drops = word("hook") == "input" && word("policy") == "drop";
        drops.then(|| format!("nftables, table {} {}, chain {}", word("family"), word("table"), word("name")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_chains_for_incoming_packets_that_drop_are_found() {
        let chains = |hook: &str, policy: &str| {
            format!(
                "{{\"nftables\": [{{\"metainfo\": {{\"version\": \"1.1.3\"}}}}, {{\"chain\": {{\"family\": \"inet\", \
                 \"table\": \"filter\", \"name\": \"in\", \"handle\": 1}}}}, {{\"chain\": {{\"family\": \"inet\", \
                 \"table\": \"filter\", \"name\": \"input\", \"handle\": 2, \"type\": \"filter\", \"hook\": \"{hook}\", \
                 \"prio\": 0, \"policy\": \"{policy}\"}}}}]}}"
            )
        };
        assert_eq!(in_nft(&chains("input", "drop")).unwrap(), "nftables, table inet filter, chain input");
        assert_eq!(in_nft(&chains("input", "accept")), None);
        assert_eq!(in_nft(&chains("forward", "drop")), None);
        assert_eq!(in_nft("not JSON"), None);
    }

    #[test]
    fn ports_are_listed_as_in_a_sentence() {
        assert_eq!(list(&[10250]), "port 10250");
        assert_eq!(list(&[6443, 10250, 2379]), "ports 6443, 10250 and 2379");
    }
}
