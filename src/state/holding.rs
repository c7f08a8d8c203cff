//! The cluster state on this host, and whether it belongs to the cluster whose CA this run uses.
//!
//! This is determined from the data, not from unchanged manifests: etcd's data directory and its log, the CAs of
//! certificates and kubeconfigs, the journal, and the etcd on this host if it responds.
//!
//! Reads: the manifests, etcd's data directory, the certificates directory, the kubeconfigs, the journal; queries etcd
//! on this host. Writes: nothing.

use crate::base::fault::Result;
use crate::base::https::Trouble;
use crate::checks::{EtcdData, Holding, Whose};
use crate::config::kubeconfig::Kubeconfig;
use crate::config::model::{ClusterConfig, Etcd};
use crate::context::Context;
use crate::context::access::ca_certificates;
use crate::domain::paths::{ETCD_DATA_DIR, KUBERNETES_DIR, PKI_DIR, manifest};
use crate::etcd::{EtcdError, wal};
use crate::journal::Journal;
use crate::pki::catalog::{KUBECONFIGS, SERVICE_ACCOUNT};
use crate::pki::cert::Cert;
use crate::pki::verify::leads_to;
use crate::state::manifests;
use crate::state::stacked_etcd;
use crate::state::static_pod::StaticPod;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const ETCD: &str = "etcd";
const API_SERVER: &str = "kube-apiserver";
/// The default client address of etcd on this host.
const OWN_ETCD: &str = "https://127.0.0.1:2379";
/// The client certificates that can be used to query etcd on this host.
const CLIENTS: [&str; 3] = ["etcd/healthcheck-client", "apiserver-etcd-client", "etcd/server"];

/// What to do about an existing cluster on this host that is in the way.
pub fn leave(cx: &Context) -> String {
    of(cx, cx.cluster().ok())
        .map_or_else(|_| "keep this host as it is: its files cannot be read".into(), |it| it.leave())
}

/// Determines the state. Unreadable files count as unknown, never as nothing to lose. Without a configuration the
/// default directories are used.
pub fn of(cx: &Context, cluster: Option<&ClusterConfig>) -> Result<Holding> {
    let etcd = StaticPod::read_or_empty(&cx.host.files, ETCD)?;
    let api_server = StaticPod::read_or_empty(&cx.host.files, API_SERVER)?;
    let data = data_dirs(cluster, etcd.as_ref()).into_iter().flat_map(|dir| data_in(cx, &dir)).collect();
    let servers = api_server.as_ref().and_then(|pod| pod.flag("etcd-servers")).unwrap_or_default();
    let is_external = etcd.is_none() && !cx.host.files.exists(&manifest(ETCD));
    let external_etcd = servers.split(',').filter(|url| is_external && !url.is_empty()).map(str::to_owned).collect();
    let pki = cluster.map_or(Path::new(PKI_DIR), |cluster| cluster.certificates_dir.as_path());
    let keys = ["ca", "etcd/ca", "front-proxy-ca", SERVICE_ACCOUNT].map(|base| pki.join(format!("{base}.key")));
    let mut holding = Holding {
        data,
        external_etcd,
        lost_signing_key: lost_signing_key(cx)?,
        keys: keys.into_iter().filter(|path| cx.host.files.exists(path)).collect(),
        ..Holding::default()
    };
    holding.whose = whose(cx, pki, etcd.as_ref(), &holding)?;
    Ok(holding)
}

/// The key of the controller manager's manifest, if it does not exist.
fn lost_signing_key(cx: &Context) -> Result<Option<PathBuf>> {
    let Some(pod) = StaticPod::read_or_empty(&cx.host.files, "kube-controller-manager")? else { return Ok(None) };
    let key = pod.flag("cluster-signing-key-file").filter(|key| !key.is_empty());
    Ok(key.map(|key| pod.on_host_or_same(Path::new(key))).filter(|key| !cx.host.files.exists(key)))
}

/// The differences between the manifests on this host and those that this run would write, by path. Values of flags
/// are omitted, because some refer to credentials.
pub fn edits(cx: &Context) -> Result<BTreeMap<PathBuf, String>> {
    let mut edits = BTreeMap::new();
    for pod in manifests::pod_names() {
        let path = manifest(pod);
        if let Some(there) = cx.host.files.read(&path)?
            && let Some(wanted) = manifests::text(cx, pod)?
            && there != wanted.as_bytes()
        {
            edits.insert(path, difference(&there, wanted.as_bytes()));
        }
    }
    Ok(edits)
}

fn difference(there: &[u8], wanted: &[u8]) -> String {
    if let Err(error) = serde_yaml::from_slice::<serde_json::Value>(there) {
        return format!("it is not valid YAML: {error}");
    }
    let (there_pod, wanted_pod) = (StaticPod::parse(there), StaticPod::parse(wanted));
    let flags = there_pod.changed_flags(&wanted_pod);
    if !flags.is_empty() {
        return flags.join(", ");
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (there, wanted) = (text(there), text(wanted));
    let same = there.lines().zip(wanted.lines()).take_while(|(a, b)| a == b).count();
    format!("the first difference is in line {}", same + 1)
}

/// Every directory in which the etcd of this host may keep its data.
fn data_dirs(cluster: Option<&ClusterConfig>, etcd: Option<&StaticPod>) -> Vec<PathBuf> {
    let configured_dir = etcd.and_then(|pod| Some(pod.on_host_or_same(Path::new(pod.flag("data-dir")?))));
    let configured = match cluster.map(|cluster| &cluster.etcd) {
        Some(Etcd::Local(local)) => Some(local.data_dir.clone()),
        Some(Etcd::External(_)) | None => None,
    };
    let mut dirs: Vec<PathBuf> = Vec::new();
    for dir in configured_dir.into_iter().chain(configured).chain([ETCD_DATA_DIR.into()]) {
        if dir.is_absolute() && dir.parent().is_some() && !dirs.contains(&dir) {
            dirs.push(dir);
        }
    }
    dirs
}

/// The data in a directory, and in its direct subdirectories: the directory may be the mount point of a disk.
fn data_in(cx: &Context, dir: &Path) -> Vec<EtcdData> {
    let has_data = |dir: &Path| cx.host.files.exists(&dir.join("member"));
    let dirs = if has_data(dir) {
        vec![dir.to_path_buf()]
    } else {
        let below = cx.host.files.list(dir).unwrap_or_default();
        below.iter().map(|name| dir.join(name)).filter(|dir| has_data(dir)).collect()
    };
    dirs.into_iter().map(|dir| EtcdData { identity: identity(cx, &dir), dir }).collect()
}

fn identity(cx: &Context, dir: &Path) -> Option<wal::Identity> {
    let log = dir.join("member/wal");
    let first = cx
        .host
        .files
        .list(&log)
        .ok()?
        .into_iter()
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "wal"))
        .min()?;
    wal::identity(&cx.host.files.head(&log.join(first), wal::HEAD).ok()??)
}

fn whose(cx: &Context, pki: &Path, etcd: Option<&StaticPod>, holding: &Holding) -> Result<Whose> {
    let ca = certs(cx, &pki.join("ca.crt"));
    let trusted = trusted_by_kubeconfigs(cx);
    let shares = |(_, certs): &(PathBuf, Vec<Cert>)| certs.iter().any(|cert| ca.contains(cert));
    let fits = trusted.iter().any(shares);
    if let (false, false, Some((path, _))) = (fits, ca.is_empty(), trusted.first()) {
        return Ok(Whose::Foreign(format!(
            "{} trusts another CA than {}",
            path.display(),
            pki.join("ca.crt").display()
        )));
    }
    let etcd_ca = certs(cx, &pki.join("etcd/ca.crt"));
    let named = etcd.and_then(|pod| Some(pod.on_host_or_same(Path::new(pod.flag("trusted-ca-file")?))));
    if let Some(named) = &named {
        let theirs = certs(cx, named);
        if !theirs.is_empty() && !etcd_ca.is_empty() && !theirs.iter().any(|cert| etcd_ca.contains(cert)) {
            return Ok(Whose::Foreign(format!("etcd on this host uses the CA {}", named.display())));
        }
    }
    match running(cx, etcd, holding) {
        Running::Ours => return Ok(Whose::Ours),
        Running::Foreign => {
            return Ok(Whose::Foreign(
                "the certificate of the running etcd on this host is signed by another CA".into(),
            ));
        }
        Running::Silent => {}
    }
    let server = certs(cx, &pki.join("etcd/server.crt"));
    let etcd_fits = !etcd_ca.is_empty() && leads_to(&server, &etcd_ca);
    // A data directory alone may belong to an earlier cluster: something must show that etcd ran there with this CA.
    let has_manifest = manifests::pod_names().any(|pod| cx.host.files.exists(&manifest(pod)));
    let made_here = Journal::load(&cx.host.files)?.files().contains_key(&manifest(ETCD));
    Ok(if (fits || etcd_fits) && (has_manifest || made_here) { Whose::Ours } else { Whose::Unknown })
}

/// The CAs that the kubeconfigs of this host trust.
fn trusted_by_kubeconfigs(cx: &Context) -> Vec<(PathBuf, Vec<Cert>)> {
    let mut trusted = Vec::new();
    for spec in KUBECONFIGS {
        let path = Path::new(KUBERNETES_DIR).join(spec.file);
        let Ok(Some(bytes)) = cx.host.files.read(&path) else { continue };
        let Ok(kubeconfig) = Kubeconfig::parse(&path, &bytes) else { continue };
        let Some(cluster) = kubeconfig.current_cluster() else { continue };
        let Ok(Some(pem)) = ca_certificates(cx, &path, cluster) else { continue };
        if let Ok(certs) = Cert::bundle_from_pem(&pem) {
            trusted.push((path, certs));
        }
    }
    trusted
}

fn certs(cx: &Context, path: &Path) -> Vec<Cert> {
    let bytes = cx.host.files.read(path).ok().flatten().unwrap_or_default();
    Cert::bundle_from_pem(&bytes).unwrap_or_default()
}

/// The state of the running etcd on this host.
enum Running {
    /// It accepts our client, and has the data of this host.
    Ours,
    /// Its certificate is signed by another CA.
    Foreign,
    /// Not running, or not conclusive.
    Silent,
}

fn running(cx: &Context, etcd: Option<&StaticPod>, holding: &Holding) -> Running {
    if !cx.host.files.is_live() || holding.data.is_empty() {
        return Running::Silent;
    }
    let listens = etcd.and_then(|pod| pod.flag("listen-client-urls")).unwrap_or(OWN_ETCD);
    let Some(own) = listens.split(',').next() else { return Running::Silent };
    let lacks = |_: &Path, _: &str| EtcdError::Address { address: String::new() }.into();
    let Ok(client) = stacked_etcd::client(cx, vec![own.to_owned()], &CLIENTS, lacks) else { return Running::Silent };
    match client.status(own) {
        Ok(status) => {
            let has = |data: &EtcdData| {
                data.identity.is_none_or(|it| (it.cluster, it.member) == (status.cluster, status.member))
            };
            if holding.data.iter().any(has) { Running::Ours } else { Running::Silent }
        }
        Err(EtcdError::Transport(error)) if error.trouble == Trouble::UnknownIssuer => Running::Foreign,
        Err(_) => Running::Silent,
    }
}
