//! What this host runs already, and what `init` would put in its place.
//!
//! Reads: the manifests of this host, and through admin.conf the ConfigMap `kube-system/kubeadm-config`. Writes: nothing.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Fault, Result};
use crate::checks::{Data, Database, Standing};
use crate::config::{ClusterConfig, Facts, documents};
use crate::context::Context;
use crate::domain::paths::{ADMIN_CONF, SUPER_ADMIN_CONF};
use crate::kube::KubeError;
use crate::state::manifests;
use crate::state::stacked_etcd;
use crate::state::static_pod::StaticPod;
use crate::state::stored_config;
use crate::versions::Version;
use std::path::Path;

const API_SERVER: &str = "kube-apiserver";
const ETCD: &str = "etcd";

/// What this host runs, and what this run would put in its place.
///
/// # Errors
/// When a manifest cannot be read, or a patch does not apply.
pub fn of(cx: &Context) -> Result<Standing> {
    let mut before = data(|pod| StaticPod::read_or_empty(&cx.files, pod))?;
    let after = match &before.etcd {
        None => Data::default(),
        Some(_) => data(|pod| Ok(manifests::text(cx, pod)?.map(|text| StaticPod::parse(text.as_bytes()))))?,
    };
    if is_where_it_was(cx, &before, &after)? {
        before.etcd.clone_from(&after.etcd);
    }
    let mut stored = stored(cx);
    let mut is_unknown = false;
    if stored.is_none() && cx.files.is_live() && before.exist(|path| cx.files.exists(path)) {
        // The API server does not say it; etcd does, as long as it runs.
        match in_etcd(cx, &before) {
            Ok(found) => stored = found.map(Ok),
            Err(_) => is_unknown = true,
        }
    }
    Ok(Standing { stored, is_unknown, before, after })
}

/// True when etcd's manifest is gone or damaged, so that it says no directory, and the data is where this run would
/// look for it.
fn is_where_it_was(cx: &Context, before: &Data, after: &Data) -> Result<bool> {
    let is_loopback = |url: &String| ["//127.0.0.1:", "//[::1]:", "//localhost:"].iter().any(|host| url.contains(host));
    let (Some(Database::Elsewhere(urls)), Some(Database::Here(dir))) = (&before.etcd, &after.etcd) else {
        return Ok(false);
    };
    // An etcd that others run on this host has no certificate from here.
    let certificate = cx.cluster()?.certificates_dir.join("etcd/server.crt");
    let exists = |path: &Path| cx.files.exists(path);
    Ok(urls.iter().all(is_loopback) && exists(&dir.join("member")) && exists(&certificate))
}

/// The version of the cluster that this host runs, so that a newer kubelet does not stand for another one; None on a
/// host without a cluster.
pub fn version(cx: &Context) -> Option<Version> {
    if let Some(Ok(cluster)) = stored(cx) {
        return Some(cluster.version);
    }
    // Of a cluster that does not answer its manifests tell, if it ever came as far as to have data.
    let pod = |pod: &str| StaticPod::read_or_empty(&cx.files, pod);
    let has_data = data(pod).ok()?.exist(|path| cx.files.exists(path));
    pod(API_SERVER).ok()??.tag().filter(|_| has_data)?.parse().ok()
}

/// The configuration that the running cluster has; None where there is no cluster that could say it: none is here, it
/// does not answer, or an earlier run did not come as far.
fn stored(cx: &Context) -> Option<Result<ClusterConfig, Failure>> {
    let path = [ADMIN_CONF, SUPER_ADMIN_CONF].map(Path::new).into_iter().find(|path| cx.files.exists(path))?;
    if !cx.files.is_live() {
        return None;
    }
    match cx.hasty_cluster(path).and_then(|cluster| stored_config::read(cx, &cluster)) {
        Ok(config) => config.map(Ok),
        // Until its first run is complete, the administrator may have no rights yet.
        Err(failure) if failure.retryable() || failure.downcast_ref().is_some_and(KubeError::is_forbidden) => None,
        Err(failure) => Some(Err(failure)),
    }
}

/// The configuration that the cluster has, as etcd holds it; None where the cluster never came as far as to store one.
fn in_etcd(cx: &Context, data: &Data) -> Result<Option<ClusterConfig>> {
    const KEY: &str = "/registry/configmaps/kube-system/kubeadm-config";
    const CLIENTS: [&str; 2] = ["etcd/healthcheck-client", "apiserver-etcd-client"];
    let Some(Database::Here(_)) = &data.etcd else { return Err(NotStored.into()) };
    let lacks = |_: &Path, _: &str| NotStored.into();
    let client = stacked_etcd::client(cx, vec!["https://127.0.0.1:2379".into()], &CLIENTS, lacks)?;
    let Some(object) = client.get(KEY)? else { return Ok(None) };
    let text = entry(&object, "ClusterConfiguration").ok_or(NotStored)?;
    let documents = documents::parse("etcd's ConfigMap kube-system/kubeadm-config", text.as_bytes())?;
    Ok(Some(documents.cluster(&Facts::placeholder(cx.random.clone()))?.config))
}

/// The text of an entry of a `ConfigMap` as the API server stores it: a map's key, its length before it, and then the value
/// in the same way.
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

/// Etcd does not say what the cluster's configuration is.
#[derive(Debug, thiserror::Error)]
#[error("etcd on this host does not say what the configuration of its cluster is")]
struct NotStored;

impl Fault for NotStored {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unreachable
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
            StaticPod::parse(format!("spec: {{containers: [{{command: [{}]}}]}}", words.join(", ")).as_bytes())
        };
        data(|name| Ok(if name == ETCD { etcd.map(pod) } else { Some(pod(api_server)) })).unwrap()
    }

    #[test]
    fn the_configuration_is_read_from_an_object_as_etcd_holds_it() {
        let text = "kind: ClusterConfiguration\n".repeat(10);
        let length = [0x80 | u8::try_from(text.len() & 0x7f).unwrap(), u8::try_from(text.len() >> 7).unwrap()];
        let object =
            [b"k8s\0\x12\x9c\x0a\x14ClusterConfiguration\x12".as_slice(), &length, text.as_bytes(), b"\x1a\0"].concat();
        assert_eq!(entry(&object, "ClusterConfiguration").as_deref(), Some(text.as_str()));
        assert_eq!(entry(&object[..60], "ClusterConfiguration"), None);
        assert_eq!(entry(b"k8s:enc:aescbc:v1:key1:xyz", "ClusterConfiguration"), None);
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
