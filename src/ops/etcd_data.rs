//! What a joining member of etcd has on this host: where it is, and how it goes when the member does not come up.
//!
//! Reads: etcd's static Pod manifest, the folders of its data. Writes: removes both.

use crate::base::fault::{Failure, Result};
use crate::config::model::LocalEtcd;
use crate::context::Context;
use crate::domain::paths::manifest;
use crate::etcd::{EtcdError, LocalData};
use crate::render::pods::last_value;
use crate::state::static_pod::StaticPod;
use std::path::{Path, PathBuf};

/// The folders of etcd's data in which there are files.
pub struct Dirs {
    log: PathBuf,
    snapshots: PathBuf,
}

impl Dirs {
    /// Those of the manifest that is here, which patches may have changed; else those of the configuration.
    pub fn of(cx: &Context, local: &LocalEtcd) -> Result<Self> {
        let pod = StaticPod::read(&cx.files, "etcd")?;
        let told = |flag: &str| match &pod {
            Some(pod) => pod.flag(flag).map(|path| pod.on_host_or_same(Path::new(path))),
            None => last_value(&local.component.extra_args, flag).map(PathBuf::from),
        };
        let data = told("data-dir").unwrap_or_else(|| local.data_dir.clone());
        Ok(Self {
            log: told("wal-dir").unwrap_or_else(|| data.join("member/wal")),
            snapshots: data.join("member/snap"),
        })
    }

    /// A member has data once it has begun its log. Before that it leaves folders and an empty database, which mean
    /// nothing.
    pub fn local_data(&self, cx: &Context) -> Result<LocalData> {
        Ok(if !cx.files.list(&self.log)?.is_empty() {
            LocalData::Present
        } else if cx.files.exists(&manifest("etcd")) {
            LocalData::Manifest
        } else {
            LocalData::Absent
        })
    }
}

/// What is to be told of a member that did not come up. When its place was given up, its manifest and its data, which
/// no cluster will ever take, go too, so that the next run begins anew. Data that were there before us (not `is_ours`)
/// stay.
pub fn clear_away(cx: &Context, failure: Failure, dirs: &Dirs, is_ours: bool) -> Failure {
    let Some(EtcdError::NeverStarted { limit, rolled_back }) = failure.downcast_ref() else { return failure };
    cx.events.warning(failure.to_string());
    // The logs are read before the manifest goes, and the containers with it.
    let why = cx.diagnosed("the start of etcd on this host", *limit, None);
    if *rolled_back
        && is_ours
        && let Err(error) = remove_member(cx, dirs)
    {
        cx.events.warning(format!("what the member left on this host could not be removed: {error}"));
    }
    why.unwrap_or(failure)
}

fn remove_member(cx: &Context, dirs: &Dirs) -> Result<()> {
    cx.files.remove(&manifest("etcd"))?;
    for folder in [&dirs.log, &dirs.snapshots] {
        for name in cx.files.list(folder)? {
            cx.files.remove(&folder.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::{Arg, Etcd};
    use crate::config::print;
    use crate::versions::{Version, table};
    use std::time::Duration;

    /// A run that could not bring etcd up left its manifest and data behind, and the next one refused to use them.
    #[test]
    fn what_a_member_that_never_joined_left_behind_goes_unless_it_was_there_before() {
        for (is_ours, rolled_back, goes) in [(true, true, true), (false, true, false), (true, false, false)] {
            let root = tempfile::tempdir().unwrap();
            let files =
                ["etc/kubernetes/manifests/etcd.yaml", "var/lib/etcd/member/wal/0.wal", "var/lib/etcd/member/snap/db"];
            for file in files {
                std::fs::create_dir_all(root.path().join(file).parent().unwrap()).unwrap();
                std::fs::write(root.path().join(file), "x").unwrap();
            }
            let cx = Context::for_tests(root.path().to_str().unwrap());
            let dirs = Dirs::of(&cx, &local_etcd(&[])).unwrap();
            assert_eq!(dirs.local_data(&cx).unwrap(), LocalData::Present);
            let failure = EtcdError::NeverStarted { limit: Duration::from_secs(9), rolled_back };
            assert!(clear_away(&cx, failure.into(), &dirs, is_ours).hint().is_some());
            for file in files {
                assert_eq!(root.path().join(file).exists(), !goes, "{file}");
            }
            assert_eq!(dirs.local_data(&cx).unwrap() == LocalData::Present, !goes);
        }
    }

    /// They were looked for below the configured folder only, so that a healthy member seemed to have lost them.
    #[test]
    fn data_is_looked_for_where_the_manifest_or_the_extra_arguments_put_it() {
        let root = tempfile::tempdir().unwrap();
        let file = |path: &str, text: &str| {
            std::fs::create_dir_all(root.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(root.path().join(path), text).unwrap();
        };
        let cx = Context::for_tests(root.path().to_str().unwrap());
        let data = |args: &[(&str, &str)]| Dirs::of(&cx, &local_etcd(args)).unwrap().local_data(&cx).unwrap();
        file("log/0.wal", "x");
        assert_eq!(data(&[]), LocalData::Absent);
        assert_eq!(data(&[("wal-dir", "/log")]), LocalData::Present);
        file("data/member/wal/0.wal", "x");
        assert_eq!(data(&[("data-dir", "/data")]), LocalData::Present);
        let manifest = |flags: &str| {
            let text = format!("spec: {{containers: [{{command: [etcd, {flags}]}}]}}");
            file("etc/kubernetes/manifests/etcd.yaml", &text);
        };
        manifest("--data-dir=/var/lib/etcd");
        assert_eq!(data(&[("wal-dir", "/log")]), LocalData::Manifest);
        manifest("--data-dir=/data");
        assert_eq!(data(&[]), LocalData::Present);
        manifest("--data-dir=/var/lib/etcd, --wal-dir=/log");
        assert_eq!(data(&[]), LocalData::Present);
    }

    fn local_etcd(args: &[(&str, &str)]) -> LocalEtcd {
        let cluster = print::default_cluster(Version::new(20, 2), table::facts(20).unwrap());
        let Etcd::Local(mut local) = cluster.etcd else { panic!("the default is an etcd of our own") };
        let arg = |(name, value): &(&str, &str)| Arg { name: (*name).into(), value: (*value).into() };
        local.component.extra_args = args.iter().map(arg).collect();
        local
    }
}
