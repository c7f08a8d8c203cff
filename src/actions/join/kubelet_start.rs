//! The kubelet's files on a host that joins, and its start.
//!
//! Reads: what is there, the service's state. Writes: the kubelet's settings, the cluster's CA certificate, and
//! `bootstrap-kubelet.conf`, with which the kubelet asks for a certificate, until it has one; then restarts it.

use super::discover::KUBELET_CONF;
use super::prepare::require_same_ca;
use crate::actions::{kubelet_start, told};
use crate::base::fault::Result;
use crate::base::files::{Content, Written};
use crate::config::kubeconfig::Kubeconfig;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::context::Context;
use crate::pipeline::{Action, Target};
use crate::pki::catalog::Server;
use crate::pki::kubeconfigs::server_url;
use crate::versions::Minor;
use std::path::Path;

/// Where the kubelet's service looks for credentials to begin with.
pub const BOOTSTRAP_CONF: &str = "/etc/kubernetes/bootstrap-kubelet.conf";
/// The name of the user in that file; it is kubeadm's.
const BOOTSTRAP_USER: &str = "tls-bootstrap-token-user";
/// The name of the cluster in that file.
const CLUSTER_NAME: &str = "kubernetes";
const CREDENTIALS_MODE: u32 = 0o600;
const CA_MODE: u32 = 0o644;
const PKI_MODE: u32 = 0o755;

/// See the module's text.
pub struct JoinKubeletStart;

impl Action for JoinKubeletStart {
    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        write_ca(cx)?;
        let waits_for_credentials = !cx.files.exists(Path::new(KUBELET_CONF));
        let credentials = waits_for_credentials.then(|| write_credentials(cx)).transpose()?;
        let shared = cx.joining()?.kubelet.clone();
        let is_worker = cx.control_plane_join().is_none();
        let before = cx.gate.count();
        kubelet_start::start(cx, &shared, is_worker)?;
        if credentials.unwrap_or(false) && cx.gate.count() == before {
            // It runs with the same settings, but looked for credentials when it started.
            cx.restart_kubelet()?;
        }
        Ok(())
    }
}

/// A worker needs the CA to know who may speak to its kubelet.
fn write_ca(cx: &Context) -> Result<()> {
    let path = &cx.join()?.ca_cert_path;
    if let Some(there) = cx.files.read(path)? {
        return require_same_ca(cx, path, &there);
    }
    if let Some(folder) = path.parent() {
        cx.files.create_dir(folder, PKI_MODE)?;
    }
    let ca = Content::public(String::from_utf8_lossy(&cx.joining()?.found.ca_pem).into_owned());
    let written = cx.files.write(path, &ca, CA_MODE)?;
    told::written(cx, path, written);
    Ok(())
}

/// Writes the credentials to begin with; true when they are new.
fn write_credentials(cx: &Context) -> Result<bool> {
    let (joining, path) = (cx.joining()?, Path::new(BOOTSTRAP_CONF));
    let server = match cx.control_plane_join() {
        Some(_) => control_plane_server(&joining.found.server, cx.cluster()?, cx.node()?, cx.facts()?),
        None => joining.found.server.clone(),
    };
    let ca = String::from_utf8_lossy(&joining.found.ca_pem).into_owned();
    let kubeconfig = Kubeconfig::new(CLUSTER_NAME, server, ca, BOOTSTRAP_USER, joining.user.clone());
    let written = cx.files.write(path, &kubeconfig.content()?, CREDENTIALS_MODE)?;
    told::written(cx, path, written);
    Ok(written != Written::Unchanged)
}

/// The API server of a control plane's kubelet: the same from the start as later, which is the one of its own host
/// in minors where kubelets of control planes use that, and else the one that was found.
fn control_plane_server(found: &str, cluster: &ClusterConfig, node: &NodeConfig, minor: &Minor) -> String {
    let own = server_url(Server::Kubelet, cluster, node, minor);
    if own == server_url(Server::Shared, cluster, node, minor) { found.to_owned() } else { own }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::HostPort;
    use crate::pki::fixture;
    use crate::versions::table::facts;

    #[test]
    fn the_kubelet_of_a_control_plane_asks_its_own_api_server_where_the_minor_does_so() {
        let server = |minor, gate: Option<bool>| {
            let mut cluster = fixture::cluster(minor);
            cluster.control_plane_endpoint = Some(HostPort { host: "api.example.com".into(), port: None });
            cluster.feature_gates.extend(gate.map(|on| ("ControlPlaneKubeletLocalMode".to_owned(), on)));
            control_plane_server("https://found:6443", &cluster, &fixture::node(), facts(minor).unwrap())
        };
        let own = "https://192.168.0.36:6443";
        assert_eq!(server(20, None), "https://found:6443");
        assert_eq!((server(31, None).as_str(), server(31, Some(true)).as_str()), ("https://found:6443", own));
        assert_eq!((server(34, None).as_str(), server(34, Some(false)).as_str()), (own, "https://found:6443"));
        assert_eq!(server(36, None), own);
    }
}
