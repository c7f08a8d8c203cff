//! What `etcd recover` finds on this host: the data of its etcd member, the other members, and how far an interrupted run came.
//!
//! Reads: etcd's manifest and data directory, the progress file of an earlier run; asks the other members. Writes: nothing.

use super::own_etcd::{self, EtcdUnknown};
use super::static_pod::StaticPod;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::wait::{Poll, Wait};
use crate::context::etcd_task::Found;
use crate::context::{Context, Recovery, Run};
use crate::domain::paths::manifest;
use crate::etcd::loss::{Asked, Loss, Own, assess, require_vote};
use crate::etcd::{Contents, Member, snapshot, wal};
use crate::pki::moment;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The progress of an interrupted run.
pub const PROGRESS_FILE: &str = "/var/lib/kubewright/etcd-recover.json";
/// How long members may look as if they were gone: an election, or the restart of a member, takes less.
const PATIENCE: Duration = Duration::from_secs(5);
/// A database that is written to meanwhile may look damaged.
const ATTEMPTS: usize = 3;

/// How far a run came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Progress {
    /// etcd's manifest, as it was.
    pub manifest: String,
    /// The members that were named as lost.
    pub lost: Vec<String>,
    /// The names of all other members that have started.
    pub others: Vec<String>,
    /// The copy of the data.
    pub copy: PathBuf,
    /// From here on etcd may have started as a new cluster.
    pub is_forced: bool,
}

/// The data cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("{PROGRESS_FILE}, the progress of an earlier 'etcd recover', is damaged")]
    Progress,
    #[error("etcd's manifest on this host is missing")]
    NoManifest,
    #[error("{} has no data of an etcd member", path.display())]
    NoData { path: PathBuf },
    #[error("etcd's data in {} cannot be used: {why}", path.display())]
    Damaged { path: PathBuf, why: String },
}

impl Fault for Unusable {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Progress => format!(
                "keep {PROGRESS_FILE}: it has etcd's manifest in it; put that back as {}, rename the file, and run the command again",
                manifest("etcd").display()
            ),
            Self::NoManifest => format!(
                "put it back as {} if it was moved away, or run the command on another control plane that has etcd's data",
                manifest("etcd").display()
            ),
            Self::NoData { .. } | Self::Damaged { .. } => {
                "run the command on another control plane that has etcd's data; keep this data until the cluster works again".into()
            }
        })
    }
}

/// The progress of an interrupted run; None if there is none.
pub fn progress(cx: &Context) -> Result<Option<Progress>> {
    let Some(bytes) = cx.host.files.read(Path::new(PROGRESS_FILE))? else { return Ok(None) };
    Ok(Some(serde_json::from_slice(&bytes).map_err(|_| Unusable::Progress)?))
}

/// Finds the member of this host and asks the others whether the majority is lost for good.
pub fn find(cx: &Run<Recovery>) -> Result<Found> {
    let progress = progress(cx)?;
    let text = match &progress {
        Some(progress) => progress.manifest.clone(),
        None => match cx.host.files.read_text(&manifest("etcd"))? {
            Some(text) => text,
            None if cx.host.files.exists(&manifest("kube-apiserver")) => return Err(Unusable::NoManifest.into()),
            None => return Err(EtcdUnknown::NoControlPlane.into()),
        },
    };
    let pod = StaticPod::parse(text.as_bytes());
    let data_dir = pod.on_host_or_same(Path::new(pod.flag("data-dir").unwrap_or(super::local_etcd::DEFAULT_DATA)));
    let log_dir = pod.flag("wal-dir").map(|dir| pod.on_host_or_same(Path::new(dir)));
    let (id, contents) = read_data(cx, log_dir.as_deref(), &data_dir)?;
    let is_forced = progress.as_ref().is_some_and(|progress| progress.is_forced);
    let mut named = cx.work.lost.clone();
    named.extend(progress.iter().flat_map(|progress| progress.lost.clone()));
    let loss = if is_forced {
        Loss::default()
    } else {
        require_vote(id, &contents.members)?;
        let own = Own { id, revision: contents.revision };
        let others: Vec<Member> = contents.members.iter().filter(|member| member.id != id).cloned().collect();
        assess(&own, &contents.members, &ask(cx, &pod, &others)?, &named)?
    };
    let stamp = moment::text(cx.host.clock.now()).replace([':', '-'], "");
    let copy = PathBuf::from(format!("{}-before-recover-{stamp}", data_dir.display()));
    // A member that never started has no name, and no node.
    let others = contents.members.iter().filter(|member| member.id != id && member.has_started());
    let others = others.map(|member| member.name.clone()).collect();
    Ok(Found {
        others: progress.as_ref().map_or(others, |progress| progress.others.clone()),
        id,
        name: pod.flag("name").unwrap_or_default().to_owned(),
        peer_urls: owned(&pod.list("initial-advertise-peer-urls")),
        manifest: text,
        copy: progress.map_or(copy, |progress| progress.copy),
        data_dir,
        log_dir,
        contents,
        loss,
        is_forced,
    })
}

/// The id of the member and the content of its database.
fn read_data(cx: &Context, log: Option<&Path>, data_dir: &Path) -> Result<(u64, Contents)> {
    let log = log.map_or_else(|| data_dir.join("member/wal"), Path::to_path_buf);
    let names = cx.host.files.list(&log)?;
    let mut logs = names.iter().filter(|name| Path::new(name).extension().is_some_and(|end| end == "wal"));
    let Some(first) = logs.next() else { return Err(Unusable::NoData { path: data_dir.into() }.into()) };
    let damaged = |why: String| Unusable::Damaged { path: data_dir.into(), why };
    let head = cx.host.files.head(&log.join(first), wal::HEAD)?.unwrap_or_default();
    let identity = wal::identity(&head).ok_or_else(|| damaged("its log does not name its member".into()))?;
    read_database(cx, data_dir).map(|contents| (identity.member, contents))
}

/// The content of the database in a data directory.
pub(super) fn read_database(cx: &Context, data_dir: &Path) -> Result<Contents> {
    let path = data_dir.join("member/snap/db");
    let mut why = String::new();
    for _ in 0..ATTEMPTS {
        match snapshot::read(&cx.host.files.open(&path)?, &path.display().to_string()) {
            Ok(database) => return Ok(database.contents),
            Err(error) => why = error.to_string(),
        }
    }
    Err(Unusable::Damaged { path: data_dir.into(), why }.into())
}

/// Asks the other members until one answers that a majority is there, or for some seconds.
pub(super) fn ask(cx: &Context, pod: &StaticPod, others: &[Member]) -> Result<Vec<Asked>> {
    if others.is_empty() {
        return Ok(Vec::new());
    }
    let endpoints =
        others.iter().flat_map(|member| member.client_urls.clone()).chain(owned(&pod.list("listen-client-urls")));
    let client = own_etcd::client_for(cx, endpoints.collect())?;
    let mut asked = Vec::new();
    let wait = Wait::new("answers of the other etcd members", PATIENCE);
    let waited = wait.until(&cx.host.clock, &cx.events, || {
        asked = client.ask_each(others);
        let silent: Vec<String> =
            asked.iter().filter(|one| one.revision.is_none()).map(|one| one.member.shown()).collect();
        let is_over = silent.is_empty() || asked.iter().any(|one| one.has_leader);
        Ok(if is_over { Poll::Ready(()) } else { Poll::Pending(format!("no answer from {}", silent.join(", "))) })
    });
    // Those that are silent until the end are assessed by the caller.
    drop(waited);
    Ok(asked)
}

pub(super) fn owned(urls: &[&str]) -> Vec<String> {
    urls.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::loss::LossError;
    use crate::etcd::sample_database;
    use crate::etcd::wal::Identity;

    /// A host whose data is of the member with this id, with this manifest.
    fn host(id: u64, members: &[&str]) -> (tempfile::TempDir, Run<Recovery>) {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, bytes: &[u8]| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        };
        let text = "spec: {containers: [{command: [etcd, --name=n1, --data-dir=/var/lib/etcd, \
                    '--initial-advertise-peer-urls=https://n1:2380']}]}";
        put("etc/kubernetes/manifests/etcd.yaml", text.as_bytes());
        put("var/lib/etcd/member/wal/0.wal", &wal::sample(Identity { cluster: 9, member: id }));
        put("var/lib/etcd/member/snap/db", &sample_database(&[("/registry/a", Some(vec![1]))], members));
        let cx = crate::context::leaving::fixture(root.path()).cx;
        (root, Run { cx, work: Recovery::default() })
    }

    #[test]
    fn the_only_member_has_its_majority() {
        let (_root, cx) = host(1, &["n1"]);
        let failure = find(&cx).err().unwrap();
        assert!(matches!(failure.downcast_ref(), Some(LossError::Majority { available: 1, .. })), "{failure}");
    }

    #[test]
    fn data_of_a_member_that_the_cluster_does_not_have_is_refused() {
        let (_root, cx) = host(7, &["n1"]);
        let failure = find(&cx).err().unwrap();
        assert!(matches!(failure.downcast_ref(), Some(LossError::NotAMember)), "{failure}");
    }

    #[test]
    fn damaged_or_missing_data_is_not_used() {
        let (root, cx) = host(1, &["n1"]);
        std::fs::write(root.path().join("var/lib/etcd/member/snap/db"), vec![0; 8192]).unwrap();
        assert!(find(&cx).err().unwrap().to_string().contains("cannot be used"));
        std::fs::remove_dir_all(root.path().join("var/lib/etcd/member/wal")).unwrap();
        assert!(find(&cx).err().unwrap().to_string().contains("has no data of an etcd member"));
    }

    #[test]
    fn an_interrupted_run_is_continued_with_what_it_recorded() {
        let (root, cx) = host(1, &["n1", "n2", "n3"]);
        let path = manifest("etcd");
        let progress = Progress {
            manifest: cx.host.files.read_text(&path).unwrap().unwrap(),
            lost: vec!["n2".into(), "n3".into()],
            others: vec!["n2".into(), "n3".into()],
            copy: "/var/lib/etcd-before-recover-1".into(),
            is_forced: true,
        };
        std::fs::create_dir_all(root.path().join("var/lib/kubewright")).unwrap();
        let file = root.path().join(&PROGRESS_FILE[1..]);
        std::fs::write(&file, serde_json::to_string(&progress).unwrap()).unwrap();
        cx.host.files.remove(&path).unwrap();
        let found = find(&cx).unwrap();
        assert!(found.is_forced && found.name == "n1" && found.copy == progress.copy);
        assert_eq!(found.contents.members.len(), 3);
        std::fs::write(&file, "{").unwrap();
        assert!(find(&cx).err().unwrap().to_string().contains("is damaged"));
    }
}
