//! The kubelet's files on a host that joins, and its start.
//!
//! Reads: what is there, the service's state. Writes: the kubelet's settings, the cluster's CA certificate, and
//! `bootstrap-kubelet.conf`, with which the kubelet asks for a certificate, until it has one; then restarts it. Removes
//! what would keep the kubelet from asking: a certificate that this cluster does not accept.

use crate::base::fault::Result;
use crate::base::files::{Content, Written};
use crate::config::kubeconfig::Kubeconfig;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::context::Context;
use crate::domain::paths::BOOTSTRAP_KUBELET_CONF;
use crate::domain::paths::KUBELET_CONF;
use crate::ops::report;
use crate::phases::join::error::JoinError;
use crate::phases::kubelet_start;
use crate::pipeline::{Action, Target};
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

/// See the module's text.
pub struct JoinKubeletStart;

impl Action for JoinKubeletStart {
    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        write_ca(cx)?;
        let has_news = offer_credentials(cx)?;
        let shared = cx.joining()?.kubelet.clone();
        let is_worker = cx.control_plane_join().is_none();
        let before = cx.gate.count();
        kubelet_start::start(cx, &shared, is_worker)?;
        if has_news && cx.gate.count() == before {
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
    report::written(cx, path, written);
    Ok(())
}

/// Gives the kubelet what it can ask for a certificate with, unless it has one; true when there is something new for it.
fn offer_credentials(cx: &Context) -> Result<bool> {
    let (path, ca_pem) = (Path::new(KUBELET_CONF), &cx.joining()?.found.ca_pem);
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
        // It has an end in the future, so the kubelet would not look for another.
        Credentials::OtherCa => forget(cx, path, &state)?,
        Credentials::Absent | Credentials::Incomplete | Credentials::Expired => false,
    };
    let pair = kubelet_client::rotated_path(cx)?;
    let forgotten = match kubelet_credentials::of_pair(cx, &pair, ca_pem)? {
        None | Some(Credentials::Ours) => forgotten,
        Some(other) => forget(cx, &pair, &other)? || forgotten,
    };
    Ok(write_credentials(cx)? || forgotten)
}

/// Removes credentials that the cluster does not accept. What the kubelet keeps is a link to a file with a date in its
/// name, and that file stays.
fn forget(cx: &Context, path: &Path, why: &Credentials) -> Result<bool> {
    let was_there = cx.files.remove(path)?;
    cx.events.message(format!("removed {}: {}", path.display(), why.shown()));
    Ok(was_there)
}

/// Writes the credentials to begin with; true when they are new.
fn write_credentials(cx: &Context) -> Result<bool> {
    let (joining, path) = (cx.joining()?, Path::new(BOOTSTRAP_KUBELET_CONF));
    let server = match cx.control_plane_join() {
        Some(_) => control_plane_server(&joining.found.server, cx.cluster()?, cx.node()?, cx.facts()?),
        None => joining.found.server.clone(),
    };
    let ca = String::from_utf8_lossy(&joining.found.ca_pem).into_owned();
    let kubeconfig = Kubeconfig::new(CLUSTER_NAME, server, ca, BOOTSTRAP_USER, joining.user.clone());
    let written = cx.files.write(path, &kubeconfig.content()?, CREDENTIALS_MODE)?;
    report::written(cx, path, written);
    Ok(written != Written::Unchanged)
}

/// The API server of a control plane's kubelet: the same from the start as later, which is the one of its own host
/// in minors where kubelets of control planes use that, and else the one that was found.
fn control_plane_server(found: &str, cluster: &ClusterConfig, node: &NodeConfig, minor: &Minor) -> String {
    if asks_its_own_host(cluster, node, minor) {
        server_url(Server::Kubelet, cluster, node, minor)
    } else {
        found.to_owned()
    }
}

/// True when the kubelet of a control plane uses the API server of its own host.
pub fn asks_its_own_host(cluster: &ClusterConfig, node: &NodeConfig, minor: &Minor) -> bool {
    server_url(Server::Kubelet, cluster, node, minor) != server_url(Server::Shared, cluster, node, minor)
}

#[cfg(test)]
mod tests;
