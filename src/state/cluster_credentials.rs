//! Keys under other names than kubeadm's that give access to the cluster.
//!
//! They are backups of replaced files, the CA keys of a rotation, and the client key of an external etcd. Files that
//! may belong to the user stay and are reported.
//!
//! Reads: the manifests, the journal, the names in these directories. Writes: nothing.

use crate::base::fault::Result;
use crate::base::files::unfinished;
use crate::context::{Context, Reset, Run};
use crate::domain::paths::KUBERNETES_DIR;
use crate::journal::{Journal, Ownership};
use crate::pki::catalog::{CERTS, KUBECONFIGS};
use crate::pki::rotation;
use crate::state::backups;
use crate::state::cluster_certificates as certificates;
use crate::state::local_etcd;
use crate::state::static_pod::StaticPod;
use std::path::{Path, PathBuf};

/// Files of one kind, and its description for the report.
pub struct Group {
    /// The description.
    pub what: &'static str,
    /// The paths.
    pub paths: Vec<PathBuf>,
}

/// All such files on this host that are removed.
pub fn groups(cx: &Run<Reset>) -> Result<Vec<Group>> {
    let keeps = cx.work.keep_backups;
    let copies = if keeps { Vec::new() } else { backups::all(cx)? };
    let etcd = etcd_client(cx)?;
    Ok(vec![
        Group { what: "backups of earlier certificates and keys", paths: copies },
        Group { what: "unfinished renewals", paths: staged(cx)? },
        Group { what: "files of a CA rotation", paths: of_rotation(cx)? },
        Group { what: "client files of the external etcd", paths: etcd.ours },
    ])
}

/// Reports files that stay although they give access to the cluster's etcd.
pub fn report_kept(cx: &mut Run<Reset>) -> Result<()> {
    for path in etcd_client(cx)?.others {
        let why = "the client key of the external etcd, which kubewright did not write; it gives access to all data \
                   of the cluster, so remove it if nothing else uses it";
        let note = format!("{}, {why}", path.display());
        if !cx.work.notes.contains(&note) {
            cx.work.notes.push(note);
        }
    }
    Ok(())
}

/// The directories of a rotation, if they belong to a cluster tool.
pub fn rotation_directories(cx: &Run<Reset>) -> Result<Vec<PathBuf>> {
    let pki = cx.cluster()?.certificates_dir.clone();
    let is_ours = certificates::is_whole(cx)?
        || Journal::load(&cx.host.files)?.files().keys().any(|path| path.starts_with(&pki))
        || certificates::named(&cx.host.files)?.iter().any(|path| path.starts_with(pki.join(rotation::SIGNING)));
    Ok(if is_ours { rotation::DIRECTORIES.map(|name| pki.join(name)).into() } else { Vec::new() })
}

/// Keys and certificates that were about to replace others. Only this tool uses such names, in any directory.
fn staged(cx: &Context) -> Result<Vec<PathBuf>> {
    let pki = cx.cluster()?.certificates_dir.clone();
    let certs = CERTS.iter().map(|spec| pki.join(spec.base));
    let configs = KUBECONFIGS.iter().map(|spec| Path::new(KUBERNETES_DIR).join(spec.file).with_extension(""));
    let mut paths = Vec::new();
    for base in certs.chain(configs) {
        let (Some(directory), Some(stem)) = (base.parent(), base.file_name().and_then(|name| name.to_str())) else {
            continue;
        };
        let start = format!("{stem}.renewing");
        let is_staged = |name: &&String| name.strip_prefix('.').unwrap_or(name.as_str()).starts_with(&start);
        let names = names(cx, directory)?;
        paths.extend(names.iter().filter(is_staged).map(|name| directory.join(name)));
    }
    Ok(paths)
}

/// Identified by their names: the journal does not contain files of a killed run.
fn of_rotation(cx: &Run<Reset>) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for directory in rotation_directories(cx)? {
        for name in names(cx, &directory)? {
            let hidden = name.strip_prefix('.').and_then(|name| name.rsplit_once(".kubewright"));
            if rotation::is_kept_file(hidden.map_or(name.as_str(), |(name, _)| name)) {
                paths.push(directory.join(name));
            }
        }
        if let Some(pki) = directory.parent() {
            paths.push(pki.join(rotation::CROSS_SIGNED));
        }
    }
    paths.dedup();
    Ok(paths)
}

/// Follows a link to the directory.
fn names(cx: &Context, directory: &Path) -> Result<Vec<String>> {
    let is_directory = cx.host.files.real(directory).is_ok_and(|real| real.is_dir());
    Ok(if is_directory { cx.host.files.list(directory)? } else { Vec::new() })
}

#[derive(Default)]
struct EtcdClient {
    ours: Vec<PathBuf>,
    others: Vec<PathBuf>,
}

/// The client files of the API server for an external etcd. In kubeadm's directory they belong to the API server;
/// elsewhere they may belong to the user unless `join` has downloaded them.
fn etcd_client(cx: &Context) -> Result<EtcdClient> {
    let mut found = EtcdClient::default();
    let Some(pod) = StaticPod::read(&cx.host.files, "kube-apiserver")? else { return Ok(found) };
    if !local_etcd::is_external(cx)? {
        return Ok(found);
    }
    let journal = Journal::load(&cx.host.files)?;
    let own = Path::new(KUBERNETES_DIR);
    let etcds = cx.cluster()?.certificates_dir.join("etcd");
    for flag in ["etcd-keyfile", "etcd-certfile", "etcd-cafile"] {
        let Some(value) = pod.flag(flag).filter(|value| !value.is_empty()) else { continue };
        let path = pod.on_host_or_same(Path::new(value));
        let is_client = flag != "etcd-cafile";
        let is_servers = is_client && path.starts_with(own) && !path.starts_with(&etcds);
        if is_servers || journal.ownership(&cx.host.files, &path)? == Ownership::Ours {
            found.ours.extend(unfinished(&path).into_iter().chain([path]));
        } else if flag == "etcd-keyfile" && cx.host.files.exists(&path) {
            found.others.push(path);
        }
    }
    Ok(found)
}
