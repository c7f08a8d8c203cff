//! Gathers the facts of this host.
//!
//! Reads: /proc, /etc, the kubelet's version, the container runtime, manifests, kubeconfigs, and on a control plane its
//! API server and etcd. Writes: nothing.

use super::{CertificateFacts, HostFacts, NodeFacts, RunFacts, cluster};
use crate::base::fault::Result;
use crate::config::kubeconfig::Kubeconfig;
use crate::context::Context;
use crate::context::access::ca_certificates;
use crate::domain::paths::{ADMIN_CONF, BOOTSTRAP_KUBELET_CONF, KUBELET_CONF, PKI_DIR, manifest};
use crate::host::cri;
use crate::host::{facts, listeners, network, runs, space};
use crate::pki::PkiStore;
use crate::pki::cert::Cert;
use crate::pki::pin;
use crate::state::upgrade::files::host_version;
use crate::state::upgrade::progress::progress;
use crate::state::{current_config, due, expiry, own_etcd};
use std::collections::BTreeSet;
use std::path::Path;

/// The ports of a cluster's components.
const PORTS: [u16; 6] = [2379, 2380, 6443, 10250, 10257, 10259];

/// Gathers the facts. What cannot be determined is listed in them.
pub fn gather(cx: &Context) -> HostFacts {
    let mut found = HostFacts { kubewright: env!("CARGO_PKG_VERSION").into(), ..HostFacts::default() };
    let mut unknown = Vec::new();
    let read =
        |path: &str| cx.host.files.read_text(Path::new(path)).ok().flatten().unwrap_or_default().trim().to_owned();
    found.hostname = known(facts::hostname(&cx.host), "the host name", &mut unknown).unwrap_or_default();
    found.machine_id = read("/etc/machine-id");
    found.os = os_name(&read("/etc/os-release"));
    found.kernel = read("/proc/sys/kernel/osrelease");
    found.arch = rustix::system::uname().machine().to_string_lossy().into_owned();
    found.address = known(network::default_address(&cx.host, false), "the address", &mut unknown);
    let addresses = network::addresses(&cx.host).unwrap_or_default();
    found.addresses = addresses.into_iter().filter(|address| address.up && !address.loopback).map(|it| it.ip).collect();
    found.kubelet =
        known(facts::kubelet_version(&cx.host), "the version of the kubelet", &mut unknown).map(|it| it.to_string());
    found.runtime =
        known(cri::find(&cx.host, None), "the container runtime", &mut unknown).map(|cri| cri.version().to_string());
    found.memory_mib = facts::memory(&cx.host).ok().flatten();
    found.free_mib = space::of(&cx.host, Path::new("/var/lib")).ok().map(|space| space.free >> 20);
    let ports: BTreeSet<u16> = PORTS.into();
    let listening = known(listeners::on(&cx.host, &ports), "the ports in use", &mut unknown).unwrap_or_default();
    found.listening = listening.into_iter().map(|listener| listener.port).collect();
    found.node = known(node(cx), "the cluster of this host", &mut unknown).flatten();
    if let Some(node) = found.node.as_mut().filter(|node| node.control_plane) {
        node.certificates = known(own_certificates(cx), "the certificates", &mut unknown).unwrap_or_default();
    }
    found.run = known(runs::last(&cx.host.files), "the last run", &mut unknown).flatten().map(|run| RunFacts {
        id: run.id,
        command: run.command,
        running: run.running,
        exit_code: run.exit_code,
    });
    if cx.host.files.exists(Path::new(ADMIN_CONF)) {
        // A busy API server may miss the short time limit of one request.
        let seen = cluster::of(cx).or_else(|_| cluster::of(cx)).or_else(|_| cluster::of(cx));
        found.cluster = known(seen, "the nodes of the cluster", &mut unknown);
    }
    found.unknown = unknown;
    // Last: everything before it takes time.
    found.clock = cx.host.clock.nanos() / 1_000_000;
    found
}

/// The value; without one, why is noted.
fn known<T, E: Into<crate::base::fault::Failure>>(
    value: std::result::Result<T, E>,
    what: &str,
    unknown: &mut Vec<String>,
) -> Option<T> {
    value.map_err(|error| unknown.push(format!("{what}: {}", error.into()))).ok()
}

/// `PRETTY_NAME` of os-release.
fn os_name(text: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    line.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
}

/// What the host is in its cluster; None without files of one.
fn node(cx: &Context) -> Result<Option<NodeFacts>> {
    let has = |path: &Path| cx.host.files.exists(path);
    let (control_plane, etcd) = (has(&manifest("kube-apiserver")), has(&manifest("etcd")));
    let kubeconfigs = [KUBELET_CONF, BOOTSTRAP_KUBELET_CONF, ADMIN_CONF];
    let Some(path) = kubeconfigs.iter().map(Path::new).find(|path| has(path)) else {
        let half = control_plane || etcd;
        return Ok(half.then(|| NodeFacts { control_plane, etcd, ..NodeFacts::default() }));
    };
    let kubeconfig = Kubeconfig::parse(path, &cx.host.files.read(path)?.unwrap_or_default())?;
    let cluster = kubeconfig.current_cluster();
    let ca = cluster.map(|cluster| ca_certificates(cx, path, cluster)).transpose()?.flatten();
    let certs = ca.map(|pem| Cert::bundle_from_file(path, &pem)).transpose()?.unwrap_or_default();
    let member = if etcd { own_member(cx) } else { None };
    let progress = progress(&cx.host.files)?;
    let change = progress.as_ref().and_then(|progress| progress.change);
    Ok(Some(NodeFacts {
        name: current_config::kubelet_name(cx),
        control_plane,
        etcd,
        member,
        pins: pin::of_all(&certs).iter().map(ToString::to_string).collect(),
        server: cluster.map(|cluster| cluster.server.clone()),
        version: host_version(cx).ok().flatten().map(|version| version.to_string()),
        sans: if control_plane { own_sans(cx) } else { Vec::new() },
        certificates: Vec::new(),
        upgrading: progress.is_some() && change.is_none(),
        change,
    }))
}

/// What this host may have to renew, from files only: a component that serves another certificate is that of `certs restart`.
fn own_certificates(cx: &Context) -> Result<Vec<CertificateFacts>> {
    let now = cx.host.clock.now();
    let directory = current_config::certificates_dir(&cx.host.files).ok().flatten().unwrap_or_else(|| PKI_DIR.into());
    let store = PkiStore::new(cx.host.files.clone(), &directory, &cx.host.clock, &cx.random);
    let report = expiry::list_readable(&cx.host.files, &store, now)?;
    let facts = |(item, obstacle): (&expiry::Item, Option<due::Obstacle>)| CertificateFacts {
        name: item.name.clone(),
        not_before: item.not_before,
        not_after: item.not_after,
        obstacle,
    };
    let mut all: Vec<CertificateFacts> = due::renewable(&cx.host.files, &report, now)?.into_iter().map(facts).collect();
    all.sort_by_key(|certificate| certificate.not_after);
    Ok(all)
}

/// The SANs of the certificate that the API server of this host gets; none if it cannot be read.
fn own_sans(cx: &Context) -> Vec<String> {
    let directory = current_config::certificates_dir(&cx.host.files).ok().flatten();
    let path = directory.unwrap_or_else(|| PKI_DIR.into()).join("apiserver.crt");
    let certs = cx.host.files.read(&path).ok().flatten().and_then(|pem| Cert::bundle_from_file(&path, &pem).ok());
    let sans = certs.and_then(|certs| certs.into_iter().next()).map(|cert| cert.sans).unwrap_or_default();
    sans.dns.into_iter().chain(sans.ips.iter().map(ToString::to_string)).collect()
}

/// The id of the member on this host, if etcd responds.
fn own_member(cx: &Context) -> Option<String> {
    let (client, endpoints) = own_etcd::client(cx).ok()?;
    let status = client.status(endpoints.first()?).ok()?;
    Some(format!("{:x}", status.member))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;

    #[test]
    fn a_control_plane_has_the_certificates_that_it_renews_with_the_first_to_expire_first() {
        let root = crate::state::renewal_fixture::host();
        std::fs::create_dir_all(root.path().join("etc/kubernetes/manifests")).unwrap();
        std::fs::write(root.path().join("etc/kubernetes/manifests/kube-apiserver.yaml"), "{}").unwrap();
        let cx = Context::for_tests(root.path().to_str().unwrap());
        let found = gather(&cx).node.unwrap().certificates;
        assert!(found.is_sorted_by_key(|certificate| certificate.not_after));
        for name in ["apiserver", "etcd-server", "admin.conf"] {
            let own = found.iter().find(|certificate| certificate.name == name).unwrap();
            assert!(own.obstacle.is_none() && own.not_after > own.not_before, "{own:?}");
        }
    }

    #[test]
    fn a_host_without_a_cluster_says_what_it_could_not_determine() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("etc")).unwrap();
        std::fs::write(root.path().join("etc/machine-id"), "0123\n").unwrap();
        std::fs::write(root.path().join("etc/hostname"), "W-1\n").unwrap();
        std::fs::write(root.path().join("etc/os-release"), "ID=x\nPRETTY_NAME=\"Some Linux 1\"\n").unwrap();
        let mut cx = Context::for_tests(root.path().to_str().unwrap());
        cx.host.gate = Gate::recording();
        let found = gather(&cx);
        assert_eq!(
            (found.hostname.as_str(), found.machine_id.as_str(), found.os.as_str()),
            ("w-1", "0123", "Some Linux 1")
        );
        assert!(found.node.is_none() && found.run.is_none() && found.cluster.is_none());
        assert!(found.unknown.iter().any(|text| text.starts_with("the container runtime: ")), "{:?}", found.unknown);
        let text = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<HostFacts>(&text).unwrap(), found);
    }
}
