//! What this host runs already, and what `init` would put in its place.
//!
//! Reads: the manifests of this host, and through admin.conf the ConfigMap `kube-system/kubeadm-config`. Writes: nothing.

use super::cluster::stored_config;
use super::manifest;
use super::static_pod::StaticPod;
use crate::base::fault::{Failure, Result};
use crate::checks::{Data, Database, Standing};
use crate::config::ClusterConfig;
use crate::context::Context;
use crate::context::access::{ADMIN_CONF, access};
use crate::kube::KubeError;
use crate::kube::client::Client;
use crate::kube::cluster::Cluster;
use crate::versions::Version;
use std::path::Path;

const API_SERVER: &str = "kube-apiserver";
const ETCD: &str = "etcd";

/// What this host runs, and what this run would put in its place.
///
/// # Errors
/// When a manifest cannot be read, or a patch does not apply.
pub fn of(cx: &Context) -> Result<Standing> {
    let before = data(|pod| StaticPod::read(&cx.files, pod))?;
    let after = match &before.etcd {
        None => Data::default(),
        Some(_) => {
            data(|pod| Ok(manifest::text(cx, pod)?.map(|text| StaticPod::parse(text.as_bytes(), pod)).transpose()?))?
        }
    };
    Ok(Standing { stored: stored(cx), before, after })
}

/// The version of the cluster that this host runs, so that a newer kubelet does not stand for another one; None on a
/// host without a cluster.
pub fn version(cx: &Context) -> Option<Version> {
    if let Some(Ok(cluster)) = stored(cx) {
        return Some(cluster.version);
    }
    // Of a cluster that does not answer its manifests tell, if it ever came as far as to have data.
    let pod = |pod: &str| StaticPod::read(&cx.files, pod);
    let has_data = data(pod).ok()?.exist(|path| cx.files.exists(path));
    pod(API_SERVER).ok()??.tag().filter(|_| has_data)?.parse().ok()
}

/// The configuration that the running cluster has; None where there is no cluster that could say it: none is here, it
/// does not answer, or an earlier run did not come as far.
fn stored(cx: &Context) -> Option<Result<ClusterConfig, Failure>> {
    let path = Path::new(ADMIN_CONF);
    if !cx.files.is_live() || !cx.files.exists(path) {
        return None;
    }
    let read = || {
        let client = Client::new(access(cx, path)?)?;
        let patience = cx.timeouts().kubernetes_api_call;
        stored_config::read(cx, &Cluster::running(client, cx.gate.clone(), cx.clock.clone(), patience))
    };
    match read() {
        Ok(config) => config.map(Ok),
        // Until its first run is complete, the administrator may have no rights yet.
        Err(failure) if failure.retryable() || failure.downcast_ref().is_some_and(KubeError::is_forbidden) => None,
        Err(failure) => Some(Err(failure)),
    }
}

/// Where a control plane's data are, as the manifests of its Pods say.
fn data(pod: impl Fn(&str) -> Result<Option<StaticPod>>) -> Result<Data> {
    let (etcd, api_server) = (pod(ETCD)?, pod(API_SERVER)?);
    let flag = |name| api_server.as_ref().and_then(|pod| pod.flag(name));
    let etcd = match etcd.as_ref().and_then(|pod| pod.flag("data-dir")) {
        Some(folder) => Some(Database::Here(folder.into())),
        None => flag("etcd-servers").map(|list| Database::Elsewhere(list.split(',').map(str::to_owned).collect())),
    };
    Ok(Data { etcd, encryption: flag("encryption-provider-config").map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods(etcd: Option<&str>, api_server: &str) -> Data {
        let pod = |flags: &str| {
            let words: Vec<String> = flags.split(' ').map(|flag| format!("\"{flag}\"")).collect();
            StaticPod::parse(format!("spec: {{containers: [{{command: [{}]}}]}}", words.join(", ")).as_bytes(), ETCD)
                .unwrap()
        };
        data(|name| Ok(if name == ETCD { etcd.map(pod) } else { Some(pod(api_server)) })).unwrap()
    }

    #[test]
    fn manifests_tell_where_the_data_are() {
        let here = pods(Some("etcd --data-dir=/data"), "kube-apiserver --etcd-servers=https://127.0.0.1:2379");
        assert_eq!(here, Data { etcd: Some(Database::Here("/data".into())), encryption: None });
        let flags = "kube-apiserver --etcd-servers=https://a:2379,https://b:2379 --encryption-provider-config=/e.yaml";
        let theirs = pods(None, flags);
        assert_eq!(theirs.etcd, Some(Database::Elsewhere(vec!["https://a:2379".into(), "https://b:2379".into()])));
        assert_eq!(theirs.encryption.as_deref(), Some("/e.yaml"));
        assert_eq!(data(|_| Ok(None)).unwrap(), Data::default());
    }
}
