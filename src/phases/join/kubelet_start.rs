//! The kubelet's files on a joining host, and its start.
//!
//! Reads: the existing files, the service's state. Writes: the kubelet's configuration, the cluster's CA certificate,
//! and `bootstrap-kubelet.conf`, with which the kubelet requests a certificate, until it has one; then restarts it.
//! Removes a certificate that this cluster does not accept, because the kubelet would not request another one.

use crate::base::fault::Result;
use crate::base::files::{Content, Written};
use crate::config::kubeconfig::Kubeconfig;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::context::{Context, Joining, Run};
use crate::domain::paths::BOOTSTRAP_KUBELET_CONF;
use crate::domain::paths::KUBELET_CONF;
use crate::ops::report;
use crate::phases::join::error::JoinError;
use crate::phases::kubelet_start;
use crate::pipeline::{Phase, Target};
use crate::pki::catalog::Server;
use crate::pki::kubeconfigs::server_url;
use crate::state::cluster_ca::require_same_ca;
use crate::state::holding;
use crate::state::kubelet_client;
use crate::state::kubelet_credentials::{self, Credentials};
use crate::versions::Minor;
use std::path::Path;

/// The name of the user in that file; it is kubeadm's.
const BOOTSTRAP_USER: &str = "tls-bootstrap-token-user";
/// The name of the cluster in that file.
const CLUSTER_NAME: &str = "kubernetes";
const CREDENTIALS_MODE: u32 = 0o600;
const CA_MODE: u32 = 0o644;
const PKI_MODE: u32 = 0o755;

pub struct JoinKubeletStart;

impl Phase<Joining> for JoinKubeletStart {
    fn run(&self, cx: &mut Run<Joining>, _: &Target) -> Result<()> {
        write_ca(cx)?;
        let has_news = provide_credentials(cx)?;
        let shared = cx.work.kubelet.clone();
        let is_worker = cx.work.control_plane.is_none();
        let before = cx.host.gate.count();
        kubelet_start::start(cx, &shared, is_worker)?;
        if has_news && cx.host.gate.count() == before {
            // The configuration is unchanged, but the kubelet looks for credentials only when it starts.
            cx.restart_kubelet()?;
        }
        Ok(())
    }
}

/// A worker needs the CA to verify clients of its kubelet.
fn write_ca(cx: &Run<Joining>) -> Result<()> {
    let path = &cx.work.ca_cert_path;
    if let Some(there) = cx.host.files.read(path)? {
        return require_same_ca(cx, path, &there);
    }
    if let Some(directory) = path.parent() {
        cx.host.files.create_dir(directory, PKI_MODE)?;
    }
    let ca = Content::public(String::from_utf8_lossy(&cx.work.found.ca_pem).into_owned());
    let written = cx.host.files.write(path, &ca, CA_MODE)?;
    report::written(cx, path, written);
    Ok(())
}

/// Gives the kubelet credentials for requesting a certificate, unless it has one; true if they are new.
fn provide_credentials(cx: &Run<Joining>) -> Result<bool> {
    let (path, ca_pem) = (Path::new(KUBELET_CONF), &cx.work.found.ca_pem);
    let state = kubelet_credentials::of_kubelet(cx, ca_pem)?;
    let forgotten = match state {
        Credentials::Ours => return Ok(false),
        Credentials::Foreign => {
            return Err(JoinError::OtherCluster { path: path.into(), leave: holding::leave(cx) }.into());
        }
        Credentials::OtherNode(own) => {
            let (asked, leave) = (cx.node()?.name.clone(), holding::leave(cx));
            return Err(JoinError::OtherName { own, asked, leave }.into());
        }
        // It has not expired, so the kubelet would not request another one.
        Credentials::OtherCa => remove_credentials(cx, path, &state)?,
        Credentials::Absent | Credentials::Incomplete | Credentials::Expired => false,
    };
    let pair = kubelet_client::rotated_path(cx)?;
    let forgotten = match kubelet_credentials::of_pair(cx, &pair, ca_pem)? {
        None | Some(Credentials::Ours) => forgotten,
        Some(other) => remove_credentials(cx, &pair, &other)? || forgotten,
    };
    Ok(write_credentials(cx)? || forgotten)
}

/// Removes credentials that the cluster does not accept. The kubelet's certificate is a link to a file with a date in
/// its name, and that file stays.
fn remove_credentials(cx: &Context, path: &Path, why: &Credentials) -> Result<bool> {
    let was_there = cx.host.files.remove(path)?;
    cx.events.message(format!("removed {}: {}", path.display(), why.shown()));
    Ok(was_there)
}

/// Writes the bootstrap credentials; true if they are new.
fn write_credentials(cx: &Run<Joining>) -> Result<bool> {
    let (joining, path) = (&cx.work, Path::new(BOOTSTRAP_KUBELET_CONF));
    let server = match cx.work.control_plane.as_ref() {
        Some(_) => control_plane_server(&joining.found.server, cx.cluster()?, cx.node()?, cx.facts()?),
        None => joining.found.server.clone(),
    };
    let ca = String::from_utf8_lossy(&joining.found.ca_pem).into_owned();
    let is_found = server == joining.found.server;
    let mut kubeconfig = Kubeconfig::new(CLUSTER_NAME, server, ca, BOOTSTRAP_USER, joining.user.clone());
    if is_found && let Some(cluster) = kubeconfig.current_cluster_mut() {
        // The kubelet copies it into its own kubeconfig.
        joining.found.via.put(cluster);
    }
    let written = cx.host.files.write(path, &kubeconfig.content()?, CREDENTIALS_MODE)?;
    report::written(cx, path, written);
    Ok(written != Written::Unchanged)
}

/// The API server for a control plane's kubelet, from the start: that of its own host in minor versions where kubelets
/// of control planes use it, otherwise the discovered one.
fn control_plane_server(found: &str, cluster: &ClusterConfig, node: &NodeConfig, minor: &Minor) -> String {
    if uses_own_api_server(cluster, node, minor) {
        server_url(Server::Kubelet, cluster, node, minor)
    } else {
        found.to_owned()
    }
}

/// True if the kubelet of a control plane uses the API server of its own host.
pub fn uses_own_api_server(cluster: &ClusterConfig, node: &NodeConfig, minor: &Minor) -> bool {
    server_url(Server::Kubelet, cluster, node, minor) != server_url(Server::Shared, cluster, node, minor)
}

#[cfg(test)]
mod tests;
