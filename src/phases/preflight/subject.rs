//! What preflight needs to know of the workflows that make this host a node.
//!
//! Reads: the configuration, and in `join` the files of an earlier run. Writes: fields of the kubelet's configuration that are not
//! set, in memory.

use crate::base::fault::Result;
use crate::checks::Role;
use crate::config::model::ClusterConfig;
use crate::config::pod_network::PodNetwork;
use crate::config::{images, untrusted};
use crate::context::{Context, Init, Joining, Run};
use crate::phases::join::error::JoinError;
use crate::state::previous_run;
use serde_json::Value;
use std::path::PathBuf;

/// What the checks need to know about the host.
pub struct Subject {
    /// The role.
    pub role: Role,
    /// The cluster's configuration, including the kubelet configuration.
    pub cluster: ClusterConfig,
    /// The API server that a joining host contacts first, if known.
    pub api_host: Option<String>,
    /// Where a joining worker writes the CA certificate.
    pub ca_cert_path: Option<PathBuf>,
    /// The certificates are downloaded from the cluster, so they need not exist yet.
    pub certs_downloaded: bool,
    /// The images that it will run and that can be pulled in advance.
    pub images: Vec<String>,
    /// Files of an earlier run that this one continues.
    pub adopted: Vec<PathBuf>,
    /// Reuse the data of another cluster in an external etcd.
    pub adopt_etcd_data: bool,
    /// The pod network to install.
    pub pod_network: Option<PodNetwork>,
    /// No configuration was asked for, and that of the cluster on this host is unknown.
    pub not_compared: bool,
}

/// A workflow that makes this host a node.
pub trait NewNode: Sized {
    fn subject(run: &Run<Self>) -> Result<Subject>;
    /// True when preflight fixes what it can.
    fn fixes(&self) -> bool;
    /// Sets a field of the kubelet configuration unless it is set; true when it was unset.
    fn set_kubelet_default(run: &mut Run<Self>, field: &str, value: &Value) -> bool;
}

impl NewNode for Init {
    fn subject(run: &Run<Self>) -> Result<Subject> {
        let (cluster, network) = (run.cluster()?, run.work.pod_network.as_ref());
        let mut images = control_plane_images(run)?;
        images.extend(network.iter().flat_map(|network| images::of_network(network, cluster)));
        Ok(Subject {
            role: Role::FirstControlPlane,
            cluster: cluster.clone(),
            api_host: None,
            ca_cert_path: None,
            certs_downloaded: false,
            images,
            adopted: Vec::new(),
            adopt_etcd_data: run.work.options.adopt_etcd_data,
            pod_network: network.cloned(),
            not_compared: false,
        })
    }

    fn fixes(&self) -> bool {
        self.options.fix
    }

    fn set_kubelet_default(run: &mut Run<Self>, field: &str, value: &Value) -> bool {
        let Some(kubelet) = run.config.cluster.as_mut().map(|cluster| &mut cluster.kubelet) else { return false };
        let is_new = !kubelet.contains_key(field);
        if is_new {
            kubelet.insert(field.to_owned(), value.clone());
        }
        is_new
    }
}

impl NewNode for Joining {
    fn subject(run: &Run<Self>) -> Result<Subject> {
        let joining = &run.work;
        // The kubelet configuration of a discovered cluster is a ConfigMap of its own.
        let kubelet = untrusted::read(joining.kubelet.as_bytes()).map_err(JoinError::BadKubeletConfig)?;
        let key = joining.control_plane.as_ref().and_then(|join| join.certificate_key.as_ref());
        let is_worker = joining.control_plane.is_none();
        Ok(Subject {
            role: if is_worker { Role::Worker } else { Role::ControlPlane },
            cluster: ClusterConfig { kubelet, ..run.cluster()?.clone() },
            api_host: Some(joining.api_host().to_owned()),
            ca_cert_path: Some(joining.ca_cert_path.clone()),
            certs_downloaded: key.is_some(),
            // A worker's kubelet pulls images when Pods need them.
            images: if is_worker { Vec::new() } else { control_plane_images(run)? },
            adopted: previous_run::files_of_this_cluster(run)?,
            adopt_etcd_data: false,
            pod_network: None,
            not_compared: false,
        })
    }

    fn fixes(&self) -> bool {
        self.fix
    }

    fn set_kubelet_default(run: &mut Run<Self>, field: &str, value: &Value) -> bool {
        run.work.set_kubelet_default(field, value)
    }
}

/// The names of the images that this control plane will run.
fn control_plane_images(cx: &Context) -> Result<Vec<String>> {
    Ok(images::all(cx.cluster()?, cx.facts()?).iter().map(ToString::to_string).collect())
}
