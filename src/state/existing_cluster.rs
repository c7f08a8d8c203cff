//! What this host already runs, and what `init` would replace.
//!
//! Reads: the manifests of this host, and through admin.conf the ConfigMap `kube-system/kubeadm-config`. Writes:
//! nothing.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Fault, Result};
use crate::checks::{Data, Database, ExistingCluster};
use crate::config::{ClusterConfig, Facts, documents};
use crate::context::Context;
use crate::domain::paths::{ADMIN_CONF, SUPER_ADMIN_CONF};
use crate::kube::KubeError;
use crate::state::manifests;
use crate::state::not_yaml::NotYaml;
use crate::state::stacked_etcd;
use crate::state::static_pod::StaticPod;
use crate::state::stored_config;
use crate::versions::Version;
use std::path::Path;

const API_SERVER: &str = "kube-apiserver";
const ETCD: &str = "etcd";

/// What this host runs, and what this run would replace.
pub fn of(cx: &Context) -> Result<ExistingCluster> {
    let mut before = data(|pod| StaticPod::read_or_empty(&cx.host.files, pod))?;
    let after = match &before.etcd {
        None => Data::default(),
        Some(_) => data(|pod| Ok(manifests::text(cx, pod)?.map(|text| StaticPod::parse(text.as_bytes()))))?,
    };
    if is_same_location(cx, &before, &after)? {
        before.etcd.clone_from(&after.etcd);
    }
    let mut stored = stored(cx);
    let mut is_unknown = false;
    let is_damaged = is_damaged(cx)?;
    let has_data = is_damaged || before.exist(|path| cx.host.files.exists(path));
    if !matches!(stored, Some(Ok(_))) && cx.host.files.is_live() && has_data {
        // The API server does not report it, but etcd does while it runs.
        match in_etcd(cx, &before) {
            Ok(Some(found)) => stored = Some(Ok(found)),
            // Where a damaged manifest has it stored is not known.
            Ok(None) => is_unknown = is_damaged,
            Err(_) => is_unknown = true,
        }
    }
    Ok(ExistingCluster { stored, is_unknown, not_compared: false, before, after })
}

/// True if a manifest that says where the data are cannot be parsed.
fn is_damaged(cx: &Context) -> Result<bool> {
    for pod in [ETCD, API_SERVER] {
        match StaticPod::read(&cx.host.files, pod) {
            Err(failure) if failure.downcast_ref::<NotYaml>().is_some() => return Ok(true),
            read => drop(read?),
        }
    }
    Ok(false)
}

/// True if etcd's manifest is missing or damaged, so that it contains no data directory, and the data are in the
/// directory that this run would use.
fn is_same_location(cx: &Context, before: &Data, after: &Data) -> Result<bool> {
    let is_loopback = |url: &String| ["//127.0.0.1:", "//[::1]:", "//localhost:"].iter().any(|host| url.contains(host));
    let (Some(Database::Elsewhere(urls)), Some(Database::Here(dir))) = (&before.etcd, &after.etcd) else {
        return Ok(false);
    };
    // A foreign etcd on this host has no certificate in this directory.
    let certificate = cx.cluster()?.certificates_dir.join("etcd/server.crt");
    let exists = |path: &Path| cx.host.files.exists(path);
    Ok(urls.iter().all(is_loopback) && exists(&dir.join("member")) && exists(&certificate))
}

/// The version of the cluster on this host, so that a newer kubelet does not select another one; None on a host
/// without a cluster.
pub fn version(cx: &Context) -> Option<Version> {
    if let Some(Ok(cluster)) = stored(cx) {
        return Some(cluster.version);
    }
    // For an unreachable cluster the manifests contain the version, if the cluster ever had data.
    let pod = |pod: &str| StaticPod::read_or_empty(&cx.host.files, pod);
    let has_data = data(pod).ok()?.exist(|path| cx.host.files.exists(path));
    pod(API_SERVER).ok()??.tag().filter(|_| has_data)?.parse().ok()
}

/// The configuration of the running cluster; None if there is none, it does not respond, or an earlier run stopped
/// before it was stored.
fn stored(cx: &Context) -> Option<Result<ClusterConfig, Failure>> {
    let path = [ADMIN_CONF, SUPER_ADMIN_CONF].map(Path::new).into_iter().find(|path| cx.host.files.exists(path))?;
    if !cx.host.files.is_live() {
        return None;
    }
    match cx.hasty_cluster(path).and_then(|cluster| stored_config::read(cx, &cluster)) {
        Ok(config) => config.map(Ok),
        // Until the first run is complete, the administrator may lack permissions.
        Err(failure) if failure.retryable() || failure.downcast_ref().is_some_and(KubeError::is_forbidden) => None,
        Err(failure) => Some(Err(failure)),
    }
}

/// The configuration of the cluster from etcd; None if it was never stored.
fn in_etcd(cx: &Context, data: &Data) -> Result<Option<ClusterConfig>> {
    const KEY: &str = "configmaps/kube-system/kubeadm-config";
    const PREFIX: &str = "/registry";
    const CLIENTS: [&str; 2] = ["etcd/healthcheck-client", "apiserver-etcd-client"];
    let Some(Database::Here(_)) = &data.etcd else { return Err(NotStored.into()) };
    let lacks = |_: &Path, _: &str| NotStored.into();
    let client = stacked_etcd::client(cx, vec!["https://127.0.0.1:2379".into()], &CLIENTS, lacks)?;
    let api_server = StaticPod::read_or_empty(&cx.host.files, API_SERVER)?;
    let prefix = api_server.as_ref().and_then(|pod| pod.flag("etcd-prefix")).unwrap_or(PREFIX).trim_matches('/');
    let Some(object) = client.get(&format!("/{prefix}/{KEY}"))? else { return Ok(None) };
    let text = entry(&object, "ClusterConfiguration").ok_or(NotStored)?;
    let documents = documents::parse("etcd's ConfigMap kube-system/kubeadm-config", text.as_bytes())?;
    Ok(Some(documents.cluster(&Facts::placeholder(cx.random.clone()))?.config))
}

/// The text of an entry of a `ConfigMap` as the API server stores it: the length-prefixed key, followed by the
/// length-prefixed value.
fn entry(object: &[u8], name: &str) -> Option<String> {
    const VALUE: u8 = 0x12;
    let key = [name.as_bytes(), &[VALUE]].concat();
    let at = object.windows(key.len()).position(|window| window == key)?;
    let mut rest = object.get(at + key.len()..)?;
    let mut length = 0usize;
    for shift in (0..28).step_by(7) {
        let (byte, after) = rest.split_first()?;
        rest = after;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return String::from_utf8(rest.get(..length)?.to_vec()).ok();
        }
    }
    None
}

/// etcd does not contain a readable configuration of the cluster.
#[derive(Debug, thiserror::Error)]
#[error("the configuration of the cluster cannot be read from etcd on this host")]
struct NotStored;

impl Fault for NotStored {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unreachable
    }
}

/// The data location of a control plane, from the manifests of its Pods.
fn data(pod: impl Fn(&str) -> Result<Option<StaticPod>>) -> Result<Data> {
    let (etcd, api_server) = (pod(ETCD)?, pod(API_SERVER)?);
    let flag = |name| api_server.as_ref().and_then(|pod| pod.flag(name));
    let etcd = match etcd.as_ref().and_then(|pod| pod.flag("data-dir")) {
        Some(directory) => Some(Database::Here(directory.into())),
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
            StaticPod::parse(format!("spec: {{containers: [{{command: [{}]}}]}}", words.join(", ")).as_bytes())
        };
        data(|name| Ok(if name == ETCD { etcd.map(pod) } else { Some(pod(api_server)) })).unwrap()
    }

    #[test]
    fn the_configuration_is_read_from_an_object_in_etcds_format() {
        let text = "kind: ClusterConfiguration\n".repeat(10);
        let length = [0x80 | u8::try_from(text.len() & 0x7f).unwrap(), u8::try_from(text.len() >> 7).unwrap()];
        let object =
            [b"k8s\0\x12\x9c\x0a\x14ClusterConfiguration\x12".as_slice(), &length, text.as_bytes(), b"\x1a\0"].concat();
        assert_eq!(entry(&object, "ClusterConfiguration").as_deref(), Some(text.as_str()));
        assert_eq!(entry(&object[..60], "ClusterConfiguration"), None);
        assert_eq!(entry(b"k8s:enc:aescbc:v1:key1:xyz", "ClusterConfiguration"), None);
    }

    #[test]
    fn the_data_location_is_read_from_manifests() {
        let here = pods(Some("etcd --data-dir=/data"), "kube-apiserver --etcd-servers=https://127.0.0.1:2379");
        assert_eq!(here, Data { etcd: Some(Database::Here("/data".into())), encryption: None });
        let flags = "kube-apiserver --etcd-servers=https://a:2379,https://b:2379 --encryption-provider-config=/e.yaml";
        let theirs = pods(None, flags);
        assert_eq!(theirs.etcd, Some(Database::Elsewhere(vec!["https://a:2379".into(), "https://b:2379".into()])));
        assert_eq!(theirs.encryption.as_deref(), Some("/e.yaml"));
        assert_eq!(data(|_| Ok(None)).unwrap(), Data::default());
    }
}
