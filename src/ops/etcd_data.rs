//! The data of a joining etcd member on this host: their path, and their removal if the member does not start.
//!
//! Reads: etcd's static Pod manifest, the directories of its data. Writes: removes both.

use crate::base::fault::{Failure, Result};
use crate::config::model::LocalEtcd;
use crate::context::Context;
use crate::domain::paths::manifest;
use crate::etcd::{EtcdError, LocalData};
use crate::render::pods::last_value;
use crate::state::static_pod::StaticPod;
use std::path::{Path, PathBuf};

/// The directories of etcd's data that contain files.
pub struct Dirs {
    log: PathBuf,
    snapshots: PathBuf,
}

impl Dirs {
    /// From the existing manifest, which patches may have changed, otherwise from the configuration.
    pub fn of(cx: &Context, local: &LocalEtcd) -> Result<Self> {
        let pod = StaticPod::read(&cx.host.files, "etcd")?;
        let flag_value = |flag: &str| match &pod {
            Some(pod) => pod.flag(flag).map(|path| pod.on_host_or_same(Path::new(path))),
            None => last_value(&local.component.extra_args, flag).map(PathBuf::from),
        };
        let data = flag_value("data-dir").unwrap_or_else(|| local.data_dir.clone());
        Ok(Self {
            log: flag_value("wal-dir").unwrap_or_else(|| data.join("member/wal")),
            snapshots: data.join("member/snap"),
        })
    }

    /// A member has data once it has begun its log. Before that, empty directories and an empty database have no
    /// meaning.
    pub fn local_data(&self, cx: &Context) -> Result<LocalData> {
        Ok(if !cx.host.files.list(&self.log)?.is_empty() {
            LocalData::Present
        } else if cx.host.files.exists(&manifest("etcd")) {
            LocalData::Manifest
        } else {
            LocalData::Absent
        })
    }
}

/// The error to report for a member that did not start. If its membership was rolled back, its manifest and its data,
/// which no cluster accepts, are removed too, so that the next run starts from the beginning. Data that existed before
/// this run (not `is_ours`) are kept.
pub fn clean_up(cx: &Context, failure: Failure, dirs: &Dirs, is_ours: bool) -> Failure {
    let Some(EtcdError::NeverStarted { limit, rolled_back }) = failure.downcast_ref() else { return failure };
    cx.events.warning(failure.to_string());
    // Read the logs first: removing the manifest also removes the containers.
    let why = cx.diagnosed(Some("etcd"), "etcd on this host to start", *limit, None);
    if *rolled_back
        && is_ours
        && let Err(error) = remove_member(cx, dirs)
    {
        cx.events.warning(format!("leftovers of the etcd member on this host could not be removed: {error}"));
    }
    why.unwrap_or(failure)
}

fn remove_member(cx: &Context, dirs: &Dirs) -> Result<()> {
    cx.host.files.remove(&manifest("etcd"))?;
    for directory in [&dirs.log, &dirs.snapshots] {
        for name in cx.host.files.list(directory)? {
            cx.host.files.remove(&directory.join(name))?;
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

    /// A run that could not start etcd left its manifest and data, and the next one refused to use them.
    #[test]
    fn the_data_of_a_member_that_never_joined_are_removed_unless_they_existed_before() {
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
            assert!(clean_up(&cx, failure.into(), &dirs, is_ours).hint().is_some());
            for file in files {
                assert_eq!(root.path().join(file).exists(), !goes, "{file}");
            }
            assert_eq!(dirs.local_data(&cx).unwrap() == LocalData::Present, !goes);
        }
    }

    /// Only the configured directory was searched, so a healthy member seemed to have lost its data.
    #[test]
    fn data_are_found_where_the_manifest_or_the_extra_arguments_put_them() {
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
        let Etcd::Local(mut local) = cluster.etcd else { panic!("the default is a local etcd") };
        let arg = |(name, value): &(&str, &str)| Arg { name: (*name).into(), value: (*value).into() };
        local.component.extra_args = args.iter().map(arg).collect();
        local
    }
}
