//! Packet rules, sets of addresses, virtual servers and links that a cluster made on this host.
//!
//! Reads: iptables, nftables, ipset, IPVS, the links. Writes: removes those of the cluster. Where a program that
//! removes them is missing or refuses, the rest is done all the same, and what is left is told.

use crate::base::fault::Result;
use crate::context::Context;
use crate::host::tally::Tally;
use crate::host::{HostError, ipsets, ipvs, links, packet_rules};

/// Removes them.
///
/// # Errors
/// When what was left cannot be noted.
pub fn remove(cx: &mut Context) -> Result<()> {
    let doubtful = ipvs::found(&cx.host).unwrap_or_default().doubtful;
    if !doubtful.is_empty() {
        let shown: Vec<String> = doubtful.iter().map(ToString::to_string).collect();
        cx.leaving_mut()?
            .notes
            .push(format!("virtual servers that lead nowhere: {}; run 'ipvsadm -Ln'", shown.join(", ")));
    }
    let servers = ipvs::remove(&cx.host);
    // By this link alone the servers are known for kube-proxy's.
    let kept: &[&str] = if servers.failed.is_empty() { &[] } else { &[links::OF_VIRTUAL_SERVERS] };
    let hint = "install ipvsadm and run the command again";
    tell(cx, "virtual servers of kube-proxy", hint, &servers)?;
    let rules = packet_rules::remove(&cx.host);
    tell(cx, "chains and tables of packet rules", "run 'iptables-save' and 'nft list tables' to see them", &rules)?;
    // Rules hold them, so that they can go only then.
    let sets = ipsets::remove(&cx.host);
    tell(cx, "sets of addresses of the cluster", "run 'ipset list -n' to see them", &sets)?;
    let hint = "run 'ip link' to see them and 'ip link delete NAME'";
    match links::remove(&cx.host, kept) {
        Ok((names, tally)) => {
            if !names.is_empty() {
                cx.events.message(format!("removed the network links {}", names.join(", ")));
            }
            left(cx, "network links of the cluster", hint, &tally.failed)
        }
        Err(error) => left(cx, "network links of the cluster", hint, &[error]),
    }
}

fn tell(cx: &mut Context, what: &str, hint: &str, tally: &Tally) -> Result<()> {
    if tally.done > 0 {
        cx.events.message(format!("removed {} {what}", tally.done));
    }
    left(cx, what, hint, &tally.failed)
}

/// One line, however many of a kind are left: the reason is most often the same.
fn left(cx: &mut Context, what: &str, hint: &str, failed: &[HostError]) -> Result<()> {
    if let Some(first) = failed.first() {
        cx.events.warning(format!("{what} stay: {first}"));
        cx.leaving_mut()?.notes.push(format!("{what}, as {first}; {hint}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;
    use crate::ops::containers::tests::context;

    #[test]
    fn virtual_servers_that_stay_keep_the_link_that_tells_whose_they_are() {
        let fake = FakeHost::new()
            .file("/sys/class/net/kube-ipvs0/mtu", "1500")
            .file("/sys/class/net/flannel.1/mtu", "1450")
            .file("/proc/net/ip_vs", "TCP  0A600001:01BB rr\n")
            .on("ip -o address show dev kube-ipvs0", "5: kube-ipvs0    inet 10.96.0.1/32 scope global kube-ipvs0\n")
            .on("ip link delete flannel.1", "");
        let mut cx = context(&fake, fake.live());
        remove(&mut cx).unwrap();
        assert!(!fake.ran().contains(&"ip link delete kube-ipvs0".to_owned()), "{:?}", fake.ran());
        assert!(cx.leaving().unwrap().notes[0].contains("install ipvsadm"));
        let fake = fake.on("ipvsadm -D -t 10.96.0.1:443", "").on("ip link delete kube-ipvs0", "");
        remove(&mut context(&fake, fake.live())).unwrap();
        assert!(fake.ran().contains(&"ip link delete kube-ipvs0".to_owned()));
    }
}
