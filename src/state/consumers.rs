//! The components of a control plane, what each has read when it started, and whether that has changed since.
//!
//! Reads: the times of files. Writes: nothing.

use crate::base::fault::Result;
use crate::context::Context;
use crate::host::cri::Container;
use crate::state::renewable::Row;
use std::path::PathBuf;

/// The kernel's clock for files ticks up to ten milliseconds behind the one that containers are dated with.
const TICK: i64 = 20_000_000;
/// The time of what a dry run would have written.
const PLANNED: i64 = i64::MAX;

/// A component and the files that it has open or in memory.
pub struct Reader {
    /// The name of its manifest and container.
    pub component: &'static str,
    /// What it reads, by the names of `certs renew`.
    pub files: &'static [&'static str],
    /// What else it reads, below the certificates folder.
    pub trusts: &'static [&'static str],
    /// It reads its own certificates again for each connection; what it trusts it reads once.
    pub reloads: bool,
    /// Where it says that it is well, without asking who asks.
    pub health: &'static str,
}

/// In the order in which they depend on each other.
pub const READERS: &[Reader] = &[
    Reader {
        component: "etcd",
        files: &["etcd-server", "etcd-peer"],
        trusts: &["etcd/ca.crt"],
        reloads: true,
        health: "/health",
    },
    Reader {
        component: "kube-apiserver",
        files: &["apiserver", "apiserver-kubelet-client", "front-proxy-client", "apiserver-etcd-client"],
        trusts: &["ca.crt", "front-proxy-ca.crt", "etcd/ca.crt", "sa.pub", "sa.key"],
        reloads: false,
        health: "/livez",
    },
    Reader {
        component: "kube-controller-manager",
        files: &["controller-manager.conf"],
        trusts: &["ca.crt", "front-proxy-ca.crt", "sa.key"],
        reloads: false,
        health: "/healthz",
    },
    Reader { component: "kube-scheduler", files: &["scheduler.conf"], trusts: &[], reloads: false, health: "/healthz" },
];

impl Reader {
    /// True when it reads what `certs renew` calls `name`.
    pub fn reads(&self, name: &str) -> bool {
        self.files.contains(&name)
    }

    /// The moment from which on a container of this component has read all its files, in nanoseconds since the epoch.
    /// It is never ahead of the present: a file from the future has been read by whoever starts from now on.
    ///
    /// # Errors
    /// When the command has no configuration that says where the files are.
    pub fn read_since(&self, cx: &mut Context) -> Result<i64> {
        let newest = self.times(cx, true)?.into_iter().max().unwrap_or_default();
        Ok(newest.min(cx.clock.nanos()).saturating_add(TICK))
    }

    /// True when a container that runs has not read what is on the disk now. What it reads again by itself is left to
    /// the look at its port. A time that is yet to come tells nothing: a clock was wrong when the file was written.
    ///
    /// # Errors
    /// As [`Reader::read_since`].
    pub fn is_stale(&self, cx: &mut Context, running: &[Container]) -> Result<bool> {
        let now = cx.clock.nanos();
        let times = self.times(cx, !self.reloads)?;
        let past = times.into_iter().filter(|time| *time <= now || *time == PLANNED).max().unwrap_or_default();
        Ok(running.iter().any(|container| container.created <= past.saturating_add(TICK)))
    }

    /// Every file that it reads, and the keys of the CAs that it trusts, which change together with them.
    ///
    /// # Errors
    /// As [`Reader::read_since`].
    pub fn paths(&self, cx: &mut Context) -> Result<Vec<PathBuf>> {
        let mut files = self.files_read(cx, true)?;
        let keys: Vec<PathBuf> = files.iter().map(|file| file.with_extension("key")).collect();
        files.extend(keys);
        Ok(files)
    }

    fn files_read(&self, cx: &mut Context, with_own: bool) -> Result<Vec<PathBuf>> {
        let mut files: Vec<PathBuf> = Vec::new();
        if with_own {
            for name in self.files {
                files.extend(Row::named(name)?.files(cx)?);
            }
        }
        let dir = &cx.cluster()?.certificates_dir;
        files.extend(self.trusts.iter().map(|name| dir.join(name)));
        Ok(files)
    }

    fn times(&self, cx: &mut Context, with_own: bool) -> Result<Vec<i64>> {
        let files = self.files_read(cx, with_own)?;
        Ok(files.iter().filter_map(|file| cx.files.modified(file)).collect())
    }
}
