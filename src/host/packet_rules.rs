//! The packet rules that kubelet, kube-proxy and network add-ons made, and nobody else's.
//!
//! Reads: iptables, ip6tables and nftables, by their own programs. Writes: removes chains and tables by name, and
//! the rules that lead into them, through the gate. Everything else in the tables is not even read back: a rule
//! that somebody adds meanwhile stays.

use super::command::{Command, Host};
use super::error::HostError;
use std::collections::BTreeSet;
use std::fmt::Write;

/// What the names of their chains start with: kubelet and kube-proxy, flannel, Calico, Cilium, Weave.
const PREFIXES: [&str; 5] = ["KUBE-", "FLANNEL-", "cali-", "CILIUM_", "WEAVE-"];
/// kube-proxy's tables in its nftables mode.
const NFT_TABLES: [&str; 2] = ["ip kube-proxy", "ip6 kube-proxy"];
/// A host may have rules in both of the kernel's ways, whichever its plain `iptables` uses, because kube-proxy
/// brings its own iptables.
const FLAVOURS: [&str; 4] = ["iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy"];
const PLAIN: [&str; 2] = ["iptables", "ip6tables"];

/// What there is to remove in one of iptables' ways.
struct Found {
    /// `iptables-nft`.
    program: String,
    /// What `PROGRAM-restore --noflush` is to read.
    script: String,
    chains: usize,
    rules: usize,
}

/// How many chains and tables of a cluster there are.
///
/// # Errors
/// When a program that is there cannot list its rules.
pub fn count(host: &Host) -> Result<usize, HostError> {
    let chains: usize = iptables(host)?.iter().map(|found| found.chains).sum();
    Ok(chains + nft_tables(host)?.len())
}

/// Removes them; returns how many there were.
///
/// # Errors
/// When a program that is there refuses.
pub fn remove(host: &Host) -> Result<usize, HostError> {
    let mut removed = 0;
    for Found { program, script, chains, rules } in iptables(host)? {
        let what = format!("remove {chains} chains of the cluster and {rules} rules that lead into them");
        let restore = Command::new([format!("{program}-restore"), "--noflush".into()]).reading(script);
        host.change(&what, &restore)?;
        removed += chains;
    }
    for table in nft_tables(host)? {
        let words = ["nft", "delete", "table"].into_iter().chain(table.split(' '));
        host.change("remove kube-proxy's table", &Command::new(words))?;
        removed += 1;
    }
    Ok(removed)
}

fn iptables(host: &Host) -> Result<Vec<Found>, HostError> {
    let has = |program: &&str| host.find(&format!("{program}-save")).is_some();
    let mut programs: Vec<&str> = FLAVOURS.into_iter().filter(has).collect();
    for plain in PLAIN {
        if !programs.iter().any(|program| program.starts_with(&format!("{plain}-"))) && has(&plain) {
            programs.push(plain);
        }
    }
    let mut all = Vec::new();
    for program in programs {
        let output = host.read(&Command::new([format!("{program}-save")]))?;
        // A kernel without this way of doing it has no rules there.
        if output.is_success()
            && let Some(found) = removal_of(program, &output.stdout)
        {
            all.push(found);
        }
    }
    Ok(all)
}

/// What takes a cluster's chains out of what `iptables-save` printed; None when there are none.
fn removal_of(program: &str, saved: &str) -> Option<Found> {
    let (mut script, mut chains, mut rules) = (String::new(), 0, 0);
    for table in saved.split("\n*").map(|table| table.trim_start_matches('*')) {
        let Some(name) = table.lines().find(|line| !line.starts_with('#')) else { continue };
        let ours: BTreeSet<&str> = table
            .lines()
            .filter_map(|line| line.strip_prefix(':')?.split(' ').next())
            .filter(|chain| PREFIXES.iter().any(|prefix| chain.starts_with(prefix)))
            .collect();
        if ours.is_empty() {
            continue;
        }
        let leading: Vec<&str> =
            table.lines().filter_map(|line| line.strip_prefix("-A ")).filter(|rule| leads_in(rule, &ours)).collect();
        let _ = writeln!(script, "*{name}");
        // A chain that is named here is emptied; rules elsewhere go one by one, as they were printed.
        script.extend(ours.iter().map(|chain| format!(":{chain} - [0:0]\n")));
        script.extend(leading.iter().map(|rule| format!("-D {rule}\n")));
        script.extend(ours.iter().map(|chain| format!("-X {chain}\n")));
        script += "COMMIT\n";
        chains += ours.len();
        rules += leading.len();
    }
    (chains > 0).then(|| Found { program: program.into(), script, chains, rules })
}

/// True for a rule of a foreign chain that jumps or goes to one of ours.
fn leads_in(rule: &str, ours: &BTreeSet<&str>) -> bool {
    let mut words = rule.split(' ');
    if words.next().is_none_or(|chain| ours.contains(chain)) {
        return false;
    }
    let words: Vec<&str> = words.collect();
    words.windows(2).any(|pair| matches!(pair, [flag, chain] if ["-j", "-g"].contains(flag) && ours.contains(chain)))
}

fn nft_tables(host: &Host) -> Result<Vec<&'static str>, HostError> {
    if host.find("nft").is_none() {
        return Ok(Vec::new());
    }
    let output = host.read(&Command::new(["nft", "list", "tables"]))?;
    let is_there = |table: &&str| output.stdout.lines().any(|line| line.strip_prefix("table ") == Some(table));
    Ok(NFT_TABLES.into_iter().filter(is_there).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    /// Shortened from a node; the comments and the rules of others are the point.
    const SAVED: &str = "\
# Generated by iptables-save v1.8.9 (nf_tables)
*mangle
:PREROUTING ACCEPT [0:0]
:KUBE-KUBELET-CANARY - [0:0]
COMMIT
# Completed
*filter
:INPUT ACCEPT [0:0]
:MY-KUBE-RULES - [0:0]
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-SERVICES - [0:0]
-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES
-A PREROUTING -m comment --comment \"not -j KUBE-SERVICES2\" -j DOCKER
-A DOCKER -i docker0 -j RETURN
-A KUBE-SERVICES -d 10.96.0.1/32 -j KUBE-MARK-MASQ
COMMIT
";

    #[test]
    fn only_chains_of_the_cluster_and_the_rules_into_them_go() {
        let host = FakeHost::new().on("iptables-save", SAVED).on("iptables-restore --noflush", "");
        assert_eq!(remove(&host.live()).unwrap(), 3);
        assert_eq!(
            host.ran()[1],
            "iptables-restore --noflush <<<\n\
             *mangle\n:KUBE-KUBELET-CANARY - [0:0]\n-X KUBE-KUBELET-CANARY\nCOMMIT\n\
             *nat\n:KUBE-MARK-MASQ - [0:0]\n:KUBE-SERVICES - [0:0]\n\
             -D PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n\
             -X KUBE-MARK-MASQ\n-X KUBE-SERVICES\nCOMMIT\n"
        );
    }

    #[test]
    fn a_host_without_a_cluster_or_without_iptables_is_left_alone() {
        assert_eq!(remove(&FakeHost::new().live()).unwrap(), 0);
        let host = FakeHost::new().on("iptables-nft-save", "*nat\n:DOCKER - [0:0]\nCOMMIT\n").program("iptables-save");
        assert_eq!(remove(&host.live()).unwrap(), 0);
        assert_eq!(host.ran(), ["iptables-nft-save"], "the plain program is one of its two flavours");
    }

    #[test]
    fn both_flavours_are_cleaned_and_counted() {
        let saved = "*filter\n:KUBE-FIREWALL - [0:0]\nCOMMIT\n";
        let host = FakeHost::new().on("iptables-nft-save", saved).on("iptables-legacy-save", saved).on_result(
            "ip6tables-legacy-save",
            1,
            "",
            "can't initialize ip6tables table",
        );
        assert_eq!(count(&host.live()).unwrap(), 2);
    }

    #[test]
    fn the_tables_of_kube_proxy_go_by_name() {
        let host = FakeHost::new()
            .on("nft list tables", "table ip kube-proxy\ntable inet my-kube-proxy\n")
            .on("nft delete table ip kube-proxy", "");
        assert_eq!(remove(&host.live()).unwrap(), 1);
    }
}
