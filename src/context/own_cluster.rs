//! What the kubeconfigs of a control plane say of its own cluster: its CA, its address, and how admin.conf is written again.
//!
//! Reads: the kubeconfigs in `/etc/kubernetes`. Writes: nothing.

use super::Context;
use super::named_files::ca_certificates;
use crate::base::files::HostFiles;
use crate::config::kubeconfig::{Cluster, Kubeconfig};
use crate::config::model::ApiEndpoint;
use crate::domain::paths::{ADMIN_CONF, KUBELET_CONF, KUBERNETES_DIR, PKI_DIR, manifest};
use crate::pki::cert::Cert;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The kubeconfigs of components, which lead to this host's own cluster.
const COMPONENTS: [&str; 3] = ["controller-manager.conf", "scheduler.conf", "kubelet.conf"];

/// The command that writes a kubeconfig of this host again, by the name of its phase. The kubelet's kubeconfig has the
/// address of the cluster, which is that of this host's API server without one.
pub fn rewrite_command(files: &HostFiles, phase: &str) -> String {
    let endpoint = cluster_of(files, Path::new(KUBELET_CONF)).and_then(|cluster| {
        let address = cluster.server.strip_prefix("https://")?.trim_end_matches('/').to_owned();
        (!address.is_empty() && !address.contains(char::is_whitespace)).then_some(address)
    });
    match endpoint {
        Some(endpoint) => format!("kubewright init phase kubeconfig {phase} --control-plane-endpoint {endpoint}"),
        None => format!("kubewright init phase kubeconfig {phase}"),
    }
}

/// The API server of this host, which answers while the address that a kubeconfig names leads nowhere.
pub fn own_server(cx: &Context) -> Option<String> {
    server_at(cx, &cx.node().ok()?.local_endpoint)
}

/// The same for a node with this endpoint.
pub fn server_at(cx: &Context, own: &ApiEndpoint) -> Option<String> {
    let address = SocketAddr::new(own.advertise_address, own.bind_port);
    cx.host.files.exists(&manifest("kube-apiserver")).then(|| format!("https://{address}"))
}

/// The CA of this host that admin.conf does not trust, if that is of another cluster than the control plane here: it trusts
/// neither this CA nor any that the kubeconfigs of the components trust.
pub(super) fn ca_unlike_admin(cx: &Context, path: &Path, cluster: &Cluster) -> Option<PathBuf> {
    if path != Path::new(ADMIN_CONF) || !cx.host.files.exists(&manifest("kube-apiserver")) {
        return None;
    }
    let trusted = Cert::bundle_from_pem(&ca_certificates(cx, path, cluster).ok()??).ok()?;
    let known = own_cas(cx);
    let is_ours = known.iter().any(|(_, certs)| certs.iter().any(|cert| trusted.contains(cert)));
    known.into_iter().next().filter(|_| !is_ours).map(|(ca, _)| ca)
}

/// The CAs of the cluster on this host, with the file of each. What cannot be read says nothing.
fn own_cas(cx: &Context) -> Vec<(PathBuf, Vec<Cert>)> {
    let dir = cx.cluster().map_or_else(|_| PKI_DIR.into(), |cluster| cluster.certificates_dir.clone());
    let mut all =
        vec![(dir.join("ca.crt"), cx.host.files.read(&dir.join("ca.crt")).ok().flatten().unwrap_or_default())];
    for name in COMPONENTS {
        let path = Path::new(KUBERNETES_DIR).join(name);
        let pem =
            cluster_of(&cx.host.files, &path).and_then(|cluster| ca_certificates(cx, &path, &cluster).ok().flatten());
        all.push((path, pem.unwrap_or_default()));
    }
    let certs = all.into_iter().map(|(path, pem)| (path, Cert::bundle_from_pem(&pem).unwrap_or_default()));
    certs.filter(|(_, certs)| !certs.is_empty()).collect()
}

fn cluster_of(files: &HostFiles, path: &Path) -> Option<Cluster> {
    let bytes = files.read(path).ok().flatten()?;
    Kubeconfig::parse(path, &bytes).ok()?.current_cluster().cloned()
}
