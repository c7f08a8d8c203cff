//! Whether the etcd that this host is a member of has its majority.
//!
//! Without it the API answers nothing in time, and each command would find that out in its own way after minutes. The
//! members say it within seconds, when they are asked directly.
//!
//! Reads: etcd's manifest and certificates on this host, the members. Writes: nothing.

use super::current_config;
use super::stacked_etcd;
use super::static_pod::StaticPod;
use crate::base::fault::Result;
use crate::config::kubeconfig::Kubeconfig;
use crate::context::Context;
use crate::context::access::ca_certificates;
use crate::domain::paths::{ADMIN_CONF, manifest};
use crate::etcd::{EtcdError, Member, Membership};
use crate::pki::Cert;
use std::path::Path;
use std::time::Duration;

const ETCD: &str = "etcd";
const CLIENTS: [&str; 4] = ["etcd/healthcheck-client", "apiserver-etcd-client", "etcd/server", "etcd/peer"];
/// How long members may look away: an election, or a restart of one, takes less.
const PATIENCE: Duration = Duration::from_secs(3);

/// Fails when the etcd of this control plane has lost its majority. On a host without etcd, and where nothing can be said,
/// it does not.
pub fn require(cx: &Context) -> Result<()> {
    let Some(pod) = StaticPod::read(&cx.files, ETCD)?.filter(|_| cx.files.is_live()) else { return Ok(()) };
    let dir = current_config::from_host(cx)?.0.certificates_dir;
    let members = started_with(&pod);
    let mut endpoints = words(&pod, "listen-client-urls");
    endpoints.extend(members.iter().flat_map(|member| member.client_urls.clone()));
    let lacks = |_: &Path, _: &str| EtcdError::Address { address: String::new() }.into();
    let Ok(client) = stacked_etcd::client_with(cx, &dir, endpoints, &CLIENTS, lacks) else { return Ok(()) };
    let membership = Membership::new(&client, &cx.gate, &cx.clock, &cx.events, PATIENCE);
    if client.knows_members() {
        return membership.require_majority();
    }
    // Nobody answers. An etcd that starts without a majority does not serve, so that only its manifest names the others, as
    // they were when it joined; where the API is well, they are others now.
    if members.len() < 2 || api_is_well(cx) {
        return Ok(());
    }
    membership.require_majority_of(&members)
}

/// [`require`], where the cluster behind a kubeconfig is the one of this host.
pub fn require_for(cx: &Context, kubeconfig: &Path) -> Result<()> {
    if !cx.files.exists(&manifest(ETCD)) || !is_of_this_host(cx, kubeconfig)? {
        return Ok(());
    }
    require(cx)
}

fn is_of_this_host(cx: &Context, kubeconfig: &Path) -> Result<bool> {
    if kubeconfig == Path::new(ADMIN_CONF) {
        return Ok(true);
    }
    let Some(bytes) = cx.files.read(kubeconfig)? else { return Ok(false) };
    let Ok(parsed) = Kubeconfig::parse(kubeconfig, &bytes) else { return Ok(false) };
    let Some(cluster) = parsed.current_cluster() else { return Ok(false) };
    let trusted = ca_certificates(cx, kubeconfig, cluster)?.unwrap_or_default();
    let own = cx.files.read(&current_config::from_host(cx)?.0.certificates_dir.join("ca.crt"))?.unwrap_or_default();
    let (Ok(trusted), Ok(own)) = (Cert::bundle_from_pem(&trusted), Cert::bundle_from_pem(&own)) else {
        return Ok(false);
    };
    Ok(trusted.iter().any(|cert| own.contains(cert)))
}

/// The members that etcd on this host was started with, as its manifest names them: NAME=https://HOST:2380, and clients
/// are one port below.
fn started_with(pod: &StaticPod) -> Vec<Member> {
    let peers = words(pod, "initial-cluster");
    let member = |peer: &String| {
        let (name, url) = peer.split_once('=')?;
        let client_urls = vec![format!("{}:2379", url.strip_suffix(":2380")?)];
        Some(Member { name: name.into(), peer_urls: vec![url.into()], client_urls, ..Member::default() })
    };
    peers.iter().filter_map(member).collect()
}

fn words(pod: &StaticPod, flag: &str) -> Vec<String> {
    let value = pod.flag(flag).unwrap_or_default();
    value.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn api_is_well(cx: &Context) -> bool {
    let ask = || cx.hasty_cluster(Path::new(ADMIN_CONF))?.text("/readyz").map_err(Into::into);
    let answer: Result<(u16, String)> = ask();
    answer.is_ok_and(|(status, _)| status == 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_members_are_those_of_the_manifest_with_the_port_for_clients() {
        let text = "spec: {containers: [{command: [etcd, '--initial-cluster=n1=https://10.0.0.1:2380,n2=https://[fd00::2]:2380']}]}";
        let members = started_with(&StaticPod::parse(text.as_bytes()));
        let shown: Vec<_> = members.iter().map(|member| (member.name.as_str(), member.client_urls.join(","))).collect();
        assert_eq!(shown, [("n1", "https://10.0.0.1:2379".into()), ("n2", "https://[fd00::2]:2379".into())]);
        assert!(started_with(&StaticPod::default()).is_empty());
    }

    #[test]
    fn a_host_without_etcd_is_not_asked() {
        let root = tempfile::tempdir().unwrap();
        let cx = Context::for_tests(root.path().to_str().unwrap());
        require(&cx).unwrap();
        require_for(&cx, Path::new(ADMIN_CONF)).unwrap();
    }
}
