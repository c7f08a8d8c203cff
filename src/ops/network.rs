//! iptables and nftables rules, IP sets, IPVS virtual servers and network interfaces of a cluster on this host.
//!
//! Reads: iptables, nftables, ipset, IPVS, the interfaces. Writes: removes those of the cluster. If a program is
//! missing or fails, the rest is removed nevertheless, and the leftovers are reported.

use crate::context::{Reset, Run};
use crate::host::tally::Tally;
use crate::host::{HostError, ipsets, ipvs, links, packet_rules};

/// Removes them.
pub fn remove(cx: &mut Run<Reset>) {
    let doubtful = ipvs::found(&cx.host).unwrap_or_default().doubtful;
    if !doubtful.is_empty() {
        let shown: Vec<String> = doubtful.iter().map(ToString::to_string).collect();
        cx.work.notes.push(format!("IPVS virtual servers without a backend: {}; run 'ipvsadm -Ln'", shown.join(", ")));
    }
    let servers = ipvs::remove(&cx.host);
    // Only this interface identifies the servers as those of kube-proxy.
    let kept: &[&str] = if servers.failed.is_empty() { &[] } else { &[links::OF_VIRTUAL_SERVERS] };
    let hint = "install ipvsadm and run the command again";
    report(cx, "virtual servers of kube-proxy", hint, &servers);
    let rules = packet_rules::remove(&cx.host);
    report(
        cx,
        "iptables and nftables chains and tables",
        "run 'iptables-save' and 'nft list tables' to see them",
        &rules,
    );
    // Rules refer to the sets, so the sets are removed after the rules.
    let sets = ipsets::remove(&cx.host);
    report(cx, "IP sets of the cluster", "run 'ipset list -n' to see them", &sets);
    let hint = "run 'ip link' to see them, and delete each with 'ip link delete'";
    match links::remove(&cx.host, kept) {
        Ok((names, tally)) => {
            if !names.is_empty() {
                cx.events.message(format!("removed the network interfaces {}", names.join(", ")));
            }
            left(cx, "network interfaces of the cluster", hint, &tally.failed);
        }
        Err(error) => left(cx, "network interfaces of the cluster", hint, &[error]),
    }
}

fn report(cx: &mut Run<Reset>, what: &str, hint: &str, tally: &Tally) {
    if tally.done > 0 {
        cx.events.message(format!("removed {} {what}", tally.done));
    }
    left(cx, what, hint, &tally.failed);
}

/// One line for all that are left: the reason is usually the same.
fn left(cx: &mut Run<Reset>, what: &str, hint: &str, failed: &[HostError]) {
    if let Some(first) = failed.first() {
        cx.events.warning(format!("{what} were not removed: {first}"));
        cx.work.notes.push(format!("{what}: {first}; {hint}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;
    use crate::ops::containers::tests::context;

    #[test]
    fn virtual_servers_that_stay_keep_the_interface_that_identifies_them() {
        let fake = FakeHost::new()
            .file("/sys/class/net/kube-ipvs0/mtu", "1500")
            .file("/sys/class/net/flannel.1/mtu", "1450")
            .file("/proc/net/ip_vs", "TCP  0A600001:01BB rr\n")
            .on("ip -o address show dev kube-ipvs0", "5: kube-ipvs0    inet 10.96.0.1/32 scope global kube-ipvs0\n")
            .on("ip link delete flannel.1", "");
        let mut cx = context(&fake, fake.live());
        remove(&mut cx);
        assert!(!fake.ran().contains(&"ip link delete kube-ipvs0".to_owned()), "{:?}", fake.ran());
        assert!(cx.work.notes[0].contains("install ipvsadm"));
        let fake = fake.on("ipvsadm -D -t 10.96.0.1:443", "").on("ip link delete kube-ipvs0", "");
        remove(&mut context(&fake, fake.live()));
        assert!(fake.ran().contains(&"ip link delete kube-ipvs0".to_owned()));
    }
}
