//! The packet rules that the kubelet, kube-proxy and network addons made, and no others.
//!
//! Reads: iptables, ip6tables and nftables, by their own programs. Writes: removes chains and tables by name, and
//! the rules that lead into them, through the gate. Everything else in the tables is not even read back: a rule
//! that another program adds meanwhile stays.

use super::command::{Command, Host};
use super::error::HostError;
use super::tally::Tally;
use std::collections::BTreeSet;
use std::fmt::Write;

/// What the names of their chains start with: kubelet, kube-proxy and kube-router, flannel, Calico, Cilium, Weave,
/// Antrea, kindnet.
const PREFIXES: [&str; 7] = ["KUBE-", "FLANNEL-", "cali-", "CILIUM_", "WEAVE-", "ANTREA-", "KIND-MASQ-AGENT"];
/// The network plugins' own chains, for ports of the host. Other container engines run the same plugins.
const SHARED_PREFIX: &str = "CNI-";
/// The tables of kube-proxy and flannel in their nftables modes.
const NFT_TABLES: [&str; 4] = ["ip kube-proxy", "ip6 kube-proxy", "ip flannel-ipv4", "ip6 flannel-ipv6"];
/// How many seconds are waited for others who change the rules, such as a firewall's daemon.
const PATIENCE: &str = "10";
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
pub fn count(host: &Host) -> usize {
    let chains: usize =
        saved(host).iter().filter_map(|(program, text)| removal_of(program, text)).map(|found| found.chains).sum();
    chains + nft_tables(host).len()
}

/// The chains of network plugins, which may be another container engine's.
pub fn shared(host: &Host) -> Vec<String> {
    let mut chains: BTreeSet<String> = BTreeSet::new();
    for (_, text) in saved(host) {
        chains.extend(chains_of(&text).filter(|chain| chain.starts_with(SHARED_PREFIX)).map(str::to_owned));
    }
    chains.into_iter().collect()
}

/// Removes those of a cluster. Where one way of keeping rules fails, the others are cleaned all the same.
pub fn remove(host: &Host) -> Tally {
    let mut tally = Tally::default();
    for (program, text) in saved(host) {
        if let Some(found) = removal_of(program, &text) {
            tally.add(found.chains, restore(host, &found));
        }
    }
    for table in nft_tables(host) {
        let words = ["nft", "delete", "table"].into_iter().chain(table.split(' '));
        tally.add(1, host.change("remove a table of the cluster", &Command::new(words)));
    }
    tally
}

fn restore(host: &Host, found: &Found) -> Result<(), HostError> {
    let Found { program, script, chains, rules } = found;
    let what = format!("remove {chains} chains of the cluster and {rules} rules that lead into them");
    let program = format!("{program}-restore");
    let run = |words: &[&str]| host.change(&what, &Command::new(words.iter().copied()).reading(script));
    match run(&[&program, "-w", PATIENCE, "--noflush"]) {
        // Before v1.6.2 it does not wait.
        Err(HostError::Failed { output, .. }) if output.stderr.contains("option") => run(&[&program, "--noflush"])?,
        other => other?,
    };
    Ok(())
}

/// What each of iptables' programs lists.
fn saved(host: &Host) -> Vec<(&'static str, String)> {
    let has = |program: &&str| host.find(&format!("{program}-save")).is_some();
    let mut programs: Vec<&str> = FLAVOURS.into_iter().filter(has).collect();
    for plain in PLAIN {
        if !programs.iter().any(|program| program.starts_with(&format!("{plain}-"))) && has(&plain) {
            programs.push(plain);
        }
    }
    let mut all = Vec::new();
    for program in programs {
        // A kernel without this way of doing it has no rules there.
        if let Ok(output) = host.read(&Command::new([format!("{program}-save")]))
            && output.is_success()
        {
            all.push((program, output.stdout));
        }
    }
    all
}

fn chains_of(table: &str) -> impl Iterator<Item = &str> {
    table.lines().filter_map(|line| line.strip_prefix(':')?.split(' ').next())
}

/// What takes a cluster's chains out of what `iptables-save` printed; None when there are none.
fn removal_of(program: &str, saved: &str) -> Option<Found> {
    let (mut script, mut chains, mut rules) = (String::new(), 0, 0);
    for table in saved.split("\n*").map(|table| table.trim_start_matches('*')) {
        let Some(name) = table.lines().find(|line| !line.starts_with('#')) else { continue };
        let is_ours = |chain: &&str| PREFIXES.iter().any(|prefix| chain.starts_with(prefix));
        let ours: BTreeSet<&str> = chains_of(table).filter(is_ours).collect();
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
    let words = words(rule);
    if words.first().is_none_or(|chain| ours.contains(chain)) {
        return false;
    }
    words.windows(2).any(|pair| matches!(pair, [flag, chain] if ["-j", "-g"].contains(flag) && ours.contains(chain)))
}

/// The words of a rule. What stands in quotation marks, such as a comment, is one word with its marks.
fn words(rule: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    rule.split(move |character| {
        quoted ^= character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        character == ' ' && !quoted
    })
    .collect()
}

fn nft_tables(host: &Host) -> Vec<&'static str> {
    if host.find("nft").is_none() {
        return Vec::new();
    }
    let listed = host.read(&Command::new(["nft", "list", "tables"])).map(|output| output.stdout).unwrap_or_default();
    let is_there = |table: &&str| listed.lines().any(|line| line.strip_prefix("table ") == Some(table));
    NFT_TABLES.into_iter().filter(is_there).collect()
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
-A PREROUTING -m comment --comment \"not \\\"x\\\" -j KUBE-SERVICES \" -j DOCKER
-A DOCKER -i docker0 -j RETURN
-A KUBE-SERVICES -d 10.96.0.1/32 -j KUBE-MARK-MASQ
COMMIT
";

    #[test]
    fn only_chains_of_the_cluster_and_the_rules_into_them_go() {
        let host = FakeHost::new().on("iptables-save", SAVED).on("iptables-restore -w 10 --noflush", "");
        assert_eq!(remove(&host.live()).done, 3);
        assert_eq!(
            host.ran()[1],
            "iptables-restore -w 10 --noflush <<<\n\
             *mangle\n:KUBE-KUBELET-CANARY - [0:0]\n-X KUBE-KUBELET-CANARY\nCOMMIT\n\
             *nat\n:KUBE-MARK-MASQ - [0:0]\n:KUBE-SERVICES - [0:0]\n\
             -D PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n\
             -X KUBE-MARK-MASQ\n-X KUBE-SERVICES\nCOMMIT\n"
        );
    }

    #[test]
    fn a_host_without_a_cluster_or_without_iptables_is_left_alone() {
        assert_eq!(remove(&FakeHost::new().live()).done, 0);
        let host = FakeHost::new().on("iptables-nft-save", "*nat\n:DOCKER - [0:0]\nCOMMIT\n").program("iptables-save");
        assert_eq!(remove(&host.live()).done, 0);
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
        assert_eq!(count(&host.live()), 2);
    }

    #[test]
    fn the_tables_of_kube_proxy_go_by_name() {
        let host = FakeHost::new()
            .on("nft list tables", "table ip kube-proxy\ntable inet my-kube-proxy\n")
            .on("nft delete table ip kube-proxy", "");
        assert_eq!(remove(&host.live()).done, 1);
    }

    #[test]
    fn a_flavour_that_fails_keeps_none_of_the_others_from_being_cleaned() {
        let saved = "*filter\n:KUBE-FIREWALL - [0:0]\nCOMMIT\n";
        let host = FakeHost::new()
            .on("iptables-nft-save", saved)
            .on_result(
                "iptables-nft-restore -w 10 --noflush",
                4,
                "",
                "Another app is currently holding the xtables lock",
            )
            .on("iptables-legacy-save", saved)
            .on("iptables-legacy-restore -w 10 --noflush", "")
            .on("nft list tables", "table ip kube-proxy\n")
            .on("nft delete table ip kube-proxy", "");
        let tally = remove(&host.live());
        assert_eq!((tally.done, tally.failed.len()), (2, 1));
    }

    #[test]
    fn an_iptables_that_cannot_wait_is_not_asked_to() {
        let host = FakeHost::new()
            .on("iptables-save", "*filter\n:KUBE-FIREWALL - [0:0]\nCOMMIT\n")
            .on_result("iptables-restore -w 10 --noflush", 2, "", "iptables-restore: invalid option -- 'w'")
            .on("iptables-restore --noflush", "");
        assert_eq!(remove(&host.live()).done, 1);
    }

    #[test]
    fn chains_that_other_engines_also_use_are_reported_and_kept() {
        let host = FakeHost::new().on("iptables-save", "*nat\n:CNI-HOSTPORT-DNAT - [0:0]\n:CNI-DN-1 - [0:0]\nCOMMIT\n");
        assert_eq!(shared(&host.live()), ["CNI-DN-1", "CNI-HOSTPORT-DNAT"]);
        assert_eq!((count(&host.live()), remove(&host.live()).done), (0, 0));
    }
}
