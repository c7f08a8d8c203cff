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
use crate::context::Context;
use crate::pipeline::{Action, Target};
use crate::pki::catalog::Server;
use crate::pki::kubeconfigs::server_url;
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
    let server = if cx.control_plane_join().is_some() {
        // The same server as later: the one of this host, in minors where kubelets of control planes use it.
        let local = server_url(Server::Kubelet, cx.cluster()?, cx.node()?, cx.facts()?);
        let shared = server_url(Server::Shared, cx.cluster()?, cx.node()?, cx.facts()?);
        if local == shared { joining.found.server.clone() } else { local }
    } else {
        joining.found.server.clone()
    };
    let ca = String::from_utf8_lossy(&joining.found.ca_pem).into_owned();
    let kubeconfig = Kubeconfig::new(CLUSTER_NAME, server, ca, BOOTSTRAP_USER, joining.user.clone());
    let written = cx.files.write(path, &kubeconfig.content()?, CREDENTIALS_MODE)?;
    told::written(cx, path, written);
    Ok(written != Written::Unchanged)
}
