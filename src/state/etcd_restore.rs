//! What `etcd snapshot restore` finds on this host: the snapshot, the present data, the other members, and how far an interrupted
//! run came.
//!
//! Reads: the snapshot, the manifests of etcd and the API server, etcd's data directory, the progress file of an earlier run; asks
//! the other members. Writes: nothing.

use super::etcd_recovery::{ask, owned, read_database};
use super::static_pod::StaticPod;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::context::etcd_task::{Restorable, RestoreProgress};
use crate::context::{Context, Restoring, Run};
use crate::domain::paths::manifest;
use crate::etcd::fresh::RAISE;
use crate::etcd::loss::Asked;
use crate::etcd::snapshot::{self, Snapshot, SnapshotError};
use crate::etcd::{Contents, Health, Member};
use crate::host::mounts;
use crate::pki::moment;
use std::path::{Path, PathBuf};

/// The progress of an interrupted run.
pub const PROGRESS_FILE: &str = "/var/lib/kubewright/etcd-restore.json";

/// The snapshot cannot be restored on this host now.
#[derive(Debug, thiserror::Error)]
pub enum NotRestorable {
    #[error("{PROGRESS_FILE}, the progress of an earlier 'etcd snapshot restore', is damaged")]
    Progress,
    #[error("etcd's manifest on this host is missing")]
    NoManifest,
    #[error("an interrupted restore of another snapshot has to be completed first: {}", file.display())]
    Another { file: PathBuf },
    #[error("{} is not the snapshot that the interrupted run began to restore", file.display())]
    Changed { file: PathBuf },
    #[error("etcd on this host keeps its log in a directory of its own (--wal-dir), which is not supported")]
    LogElsewhere,
    #[error("etcd still answers on {}", names.join(", "))]
    Answering { names: Vec<String> },
    #[error("the data of other members is given up, and not all of them are named: {}", names.join(", "))]
    Unnamed { names: Vec<String> },
    #[error("{name} is not another member; the others are {}", known.join(", "))]
    NoSuchMember { name: String, known: Vec<String> },
    #[error("the snapshot is of etcd {snapshot}, and this host runs etcd {image}")]
    Version { snapshot: String, image: String },
}

impl Fault for NotRestorable {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Answering { .. } | Self::Unnamed { .. } | Self::Another { .. } => ExitCode::Refused,
            _ => ExitCode::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Progress => format!(
                "keep {PROGRESS_FILE}: it has the manifests of etcd and the API server in it; put them back in {}, rename the file, and \
                 run the command again",
                manifest("etcd").parent().unwrap_or(Path::new("/")).display()
            ),
            Self::NoManifest => format!(
                "put it back as {} if it was moved away. On a new host put /etc/kubernetes/pki of the old one in its place, run \
                 'kubewright init', then this command again",
                manifest("etcd").display()
            ),
            Self::Another { file } => format!("run 'kubewright etcd snapshot restore {}'", file.display()),
            Self::Changed { .. } => "put the file back, then run the same command again".into(),
            Self::LogElsewhere => "move the log into the data directory: leave out --wal-dir in etcd's manifest after moving the log to member/wal".into(),
            Self::Answering { .. } => {
                "stop the API server and etcd there first: run 'mv --backup=numbered /etc/kubernetes/manifests/kube-apiserver.yaml \
                 /etc/kubernetes/manifests/etcd.yaml /root/' on each of these hosts"
                    .into()
            }
            Self::Unnamed { names } => format!(
                "when etcd is stopped on each of them, name them with --members-lost {}: what they have stored is not in the cluster any \
                 more",
                names.join(",")
            ),
            Self::NoSuchMember { .. } => "correct --members-lost".into(),
            Self::Version { .. } => "restore it with the minor version of etcd that it is of, or the next one".into(),
        })
    }
}

/// The progress of an interrupted run; None if there is none.
pub fn progress(cx: &Context) -> Result<Option<RestoreProgress>> {
    let Some(bytes) = cx.host.files.read(Path::new(PROGRESS_FILE))? else { return Ok(None) };
    Ok(Some(serde_json::from_slice(&bytes).map_err(|_| NotRestorable::Progress)?))
}

/// Reads the snapshot and the present state, and asks the other members.
pub fn find(cx: &Run<Restoring>) -> Result<Restorable> {
    let (file, named) = (cx.work.file.clone(), cx.work.lost.clone());
    let begun = progress(cx)?;
    if let Some(begun) = begun.as_ref().filter(|begun| begun.file != file) {
        return Err(NotRestorable::Another { file: begun.file.clone() }.into());
    }
    let etcd = match &begun {
        Some(begun) => begun.etcd.clone(),
        None => cx.host.files.read_text(&manifest("etcd"))?.ok_or(NotRestorable::NoManifest)?,
    };
    let pod = StaticPod::parse(etcd.as_bytes());
    if pod.flag("wal-dir").is_some() {
        return Err(NotRestorable::LogElsewhere.into());
    }
    let data_dir = pod.on_host_or_same(Path::new(pod.flag("data-dir").unwrap_or(super::local_etcd::DEFAULT_DATA)));
    if let Some(progress) = begun {
        let snapshot = if progress.is_prepared { None } else { Some(read(cx, &file)?) };
        if snapshot.as_ref().is_some_and(|snapshot| snapshot.sha256 != progress.sha256) {
            return Err(NotRestorable::Changed { file }.into());
        }
        return Ok(Restorable { progress, is_begun: true, data_dir, snapshot, present: None });
    }
    let snapshot = read(cx, &file)?;
    check_version(cx, &pod, &snapshot.contents)?;
    // A database that cannot be read is a reason to restore one.
    let present = read_database(cx, &data_dir).ok();
    let others = others(cx, &pod, present.as_ref().unwrap_or(&snapshot.contents), &named)?;
    let stamp = moment::text(cx.host.clock.now()).replace([':', '-'], "");
    let newest = present.as_ref().map_or(0, |present| present.revision).max(snapshot.contents.revision);
    let progress = RestoreProgress {
        certificates_dir: cx.cluster()?.certificates_dir.clone(),
        sha256: snapshot.sha256.clone(),
        api_server: cx.host.files.read_text(&manifest("kube-apiserver"))?,
        etcd,
        others,
        aside: aside(cx, &data_dir, &stamp)?,
        prepared: data_dir.join(format!("restore-{stamp}")),
        token: format!("restore-{stamp}"),
        revision: newest.saturating_add(RAISE),
        is_prepared: false,
        is_restored: false,
        file,
    };
    Ok(Restorable { progress, is_begun: false, data_dir, snapshot: Some(snapshot), present })
}

fn read(cx: &Context, file: &Path) -> Result<Snapshot> {
    let name = file.display().to_string();
    let unreadable = |source| SnapshotError::Unreadable { file: name.clone(), source };
    let opened = cx.host.files.open(file).map_err(|error| unreadable(error.source))?;
    Ok(snapshot::read(&opened, &name)?)
}

/// A data directory that is a mount of its own is left by no rename.
fn aside(cx: &Context, data_dir: &Path, stamp: &str) -> Result<PathBuf> {
    let is_mount = mounts::all(&cx.host)?.iter().any(|mount| mount == data_dir);
    Ok(match data_dir.file_name() {
        Some(name) if !is_mount => {
            data_dir.with_file_name(format!("{}-before-restore-{stamp}", name.to_string_lossy()))
        }
        _ => data_dir.join(format!("before-restore-{stamp}")),
    })
}

/// The other members' names; each of them must be stopped and named.
fn others(cx: &Context, pod: &StaticPod, known: &Contents, lost: &[String]) -> Result<Vec<String>> {
    let own = pod.list("initial-advertise-peer-urls");
    let is_own = |member: &Member| member.peer_urls.iter().any(|url| own.contains(&url.as_str()));
    let others: Vec<Member> = known.members.iter().filter(|member| !is_own(member)).cloned().collect();
    let shown = |member: &Member| if member.has_started() { member.name.clone() } else { format!("{:x}", member.id) };
    let names: Vec<String> = others.iter().map(shown).collect();
    if let Some(name) = lost.iter().find(|name| !names.contains(name)) {
        return Err(NotRestorable::NoSuchMember { name: name.clone(), known: names }.into());
    }
    let answers = |one: &&Asked| matches!(one.health, Health::Well | Health::Ill(_));
    let asked = ask(cx, pod, &others)?;
    let answering: Vec<String> = asked.iter().filter(answers).map(|one| shown(&one.member)).collect();
    if !answering.is_empty() {
        return Err(NotRestorable::Answering { names: answering }.into());
    }
    if names.iter().any(|name| !lost.contains(name)) {
        return Err(NotRestorable::Unnamed { names }.into());
    }
    Ok(others.into_iter().filter(Member::has_started).map(|member| member.name).collect())
}

/// etcd reads data of its own minor version and of the one before.
fn check_version(cx: &Context, pod: &StaticPod, contents: &Contents) -> Result<()> {
    let minor = |text: &str| {
        let mut parts = text.trim_start_matches('v').split(['.', '-']).map(str::parse::<u32>);
        Some((parts.next()?.ok()?, parts.next()?.ok()?))
    };
    let (snapshot, image) = (contents.cluster_version.as_deref(), pod.tag());
    match (snapshot.and_then(minor), image.and_then(minor)) {
        (Some(of), Some(runs)) if of.0 == runs.0 && (of.1 == runs.1 || of.1 + 1 == runs.1) => Ok(()),
        (Some(of), Some(runs)) => Err(NotRestorable::Version {
            snapshot: format!("{}.{}", of.0, of.1),
            image: format!("{}.{}", runs.0, runs.1),
        }
        .into()),
        _ => {
            cx.events.warning("whether the snapshot is of the version of etcd on this host could not be checked");
            Ok(())
        }
    }
}

/// The peer URLs of this host's member.
pub fn peer_urls(etcd: &str) -> Vec<String> {
    owned(&StaticPod::parse(etcd.as_bytes()).list("initial-advertise-peer-urls"))
}
