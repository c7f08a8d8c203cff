//! The etcd that this control plane uses: its own member, or an external one.
//!
//! Reads: the manifests of etcd and the API server, the certificates directory. Writes: nothing.

use super::local_etcd;
use super::stacked_etcd;
use super::static_pod::StaticPod;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Fault, Result};
use crate::base::https::{Credentials, Trust};
use crate::base::secret::Secret;
use crate::context::Context;
use crate::etcd::{Access, Client};
use std::path::{Path, PathBuf};

/// The client certificates that may exist on a host, the preferred one first.
pub const CLIENTS: [&str; 4] = ["etcd/healthcheck-client", "apiserver-etcd-client", "etcd/server", "etcd/peer"];

/// This host cannot ask etcd.
#[derive(Debug, thiserror::Error)]
pub enum EtcdUnknown {
    #[error("this host has neither an etcd member nor an API server")]
    NoControlPlane,
    #[error("this host cannot authenticate to etcd: {} does not exist", path.display())]
    NoCertificate { path: PathBuf },
}

impl Fault for EtcdUnknown {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoControlPlane => "run it on a control plane".into(),
            Self::NoCertificate { .. } => {
                "run 'kubewright certs check-expiration' to see what is missing, or run it on another control plane"
                    .into()
            }
        })
    }
}

/// A client of members of a stacked etcd.
pub fn client_for(cx: &Context, endpoints: Vec<String>) -> Result<Client> {
    let lacks = |path: &Path, _: &str| -> Failure { EtcdUnknown::NoCertificate { path: path.into() }.into() };
    stacked_etcd::client(cx, endpoints, &CLIENTS, lacks)
}

/// A client, and the addresses to ask, the nearest one first.
pub fn client(cx: &Context) -> Result<(Client, Vec<String>)> {
    if StaticPod::read(&cx.host.files, "etcd")?.is_some()
        && let Some(local) = local_etcd::local(cx)?
    {
        let endpoints = local.own_endpoints;
        return Ok((client_for(cx, endpoints.clone())?, endpoints));
    }
    let Some(pod) = StaticPod::read(&cx.host.files, "kube-apiserver")? else {
        return Err(EtcdUnknown::NoControlPlane.into());
    };
    let endpoints: Vec<String> = pod.list("etcd-servers").into_iter().map(str::to_owned).collect();
    let file = |flag: &str| -> Result<Option<Vec<u8>>> {
        let Some(path) = pod.flag(flag) else { return Ok(None) };
        let path = pod.on_host_or_same(Path::new(path));
        Ok(Some(cx.host.files.read(&path)?.ok_or(EtcdUnknown::NoCertificate { path })?))
    };
    let trust = file("etcd-cafile")?.map_or(Trust::System, Trust::Only);
    let credentials = match (file("etcd-certfile")?, file("etcd-keyfile")?) {
        (Some(certificate), Some(key)) => Credentials::Certificate { certificate, key: Secret::new(key) },
        _ => Credentials::Anonymous,
    };
    Ok((Client::new(Access { endpoints: endpoints.clone(), trust, credentials })?, endpoints))
}
