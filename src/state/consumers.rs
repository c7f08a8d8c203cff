//! The components of a control plane, the files that each of them loads at its start, and whether these have changed
//! since.
//!
//! Reads: the modification times of files. Writes: nothing.

use crate::base::fault::Result;
use crate::context::{Renewal, Run};
use crate::host::cri::Container;
use crate::state::renewable::Row;
use std::path::PathBuf;

/// The kernel's clock for files lags up to ten milliseconds behind the clock for containers.
const TICK: i64 = 20_000_000;
/// The modification time of a file that a dry run would have written.
const PLANNED: i64 = i64::MAX;

/// A component and the files that it has loaded.
pub struct Consumer {
    /// The name of its manifest and container.
    pub component: &'static str,
    /// The files that it loads, by their names in `certs renew`.
    pub files: &'static [&'static str],
    /// Other files that it loads, in the certificates directory.
    pub ca_files: &'static [&'static str],
    /// It reloads its own certificates for each connection; CA files are loaded once.
    pub reloads: bool,
    /// The path of its health check, which needs no authentication.
    pub health: &'static str,
}

/// In the order of their dependencies.
pub const CONSUMERS: &[Consumer] = &[
    Consumer {
        component: "etcd",
        files: &["etcd-server", "etcd-peer"],
        ca_files: &["etcd/ca.crt"],
        reloads: true,
        health: "/health",
    },
    Consumer {
        component: "kube-apiserver",
        files: &["apiserver", "apiserver-kubelet-client", "front-proxy-client", "apiserver-etcd-client"],
        ca_files: &["ca.crt", "front-proxy-ca.crt", "etcd/ca.crt", "sa.pub", "sa.key"],
        reloads: false,
        health: "/livez",
    },
    Consumer {
        component: "kube-controller-manager",
        files: &["controller-manager.conf"],
        ca_files: &["ca.crt", "front-proxy-ca.crt", "sa.key"],
        reloads: false,
        health: "/healthz",
    },
    Consumer {
        component: "kube-scheduler",
        files: &["scheduler.conf"],
        ca_files: &[],
        reloads: false,
        health: "/healthz",
    },
];

impl Consumer {
    /// True if it loads the file with this name in `certs renew`.
    pub fn loads(&self, name: &str) -> bool {
        self.files.contains(&name)
    }

    /// A container of this component that was created after this time has loaded all its files, in nanoseconds since
    /// the epoch. It is never in the future: a file with a future time has been loaded by any container that starts
    /// now.
    pub fn read_since<P>(&self, cx: &mut Run<Renewal<P>>) -> Result<i64> {
        let newest = self.times(cx, true)?.into_iter().max().unwrap_or_default();
        Ok(newest.min(cx.host.clock.nanos()).saturating_add(TICK))
    }

    /// True if a running container has not loaded the current files. Files that it reloads are verified on its port
    /// instead. Future times are ignored: the clock was wrong when the file was written.
    pub fn is_stale<P>(&self, cx: &mut Run<Renewal<P>>, running: &[Container]) -> Result<bool> {
        let now = cx.host.clock.nanos();
        let times = self.times(cx, !self.reloads)?;
        let past = times.into_iter().filter(|time| *time <= now || *time == PLANNED).max().unwrap_or_default();
        Ok(running.iter().any(|container| container.created <= past.saturating_add(TICK)))
    }

    /// Every file that it loads, and the keys of its CAs, which change together with them.
    pub fn paths<P>(&self, cx: &mut Run<Renewal<P>>) -> Result<Vec<PathBuf>> {
        let mut files = self.files_read(cx, true)?;
        let keys: Vec<PathBuf> = files.iter().map(|file| file.with_extension("key")).collect();
        files.extend(keys);
        Ok(files)
    }

    fn files_read<P>(&self, cx: &mut Run<Renewal<P>>, with_own: bool) -> Result<Vec<PathBuf>> {
        let mut files: Vec<PathBuf> = Vec::new();
        if with_own {
            for name in self.files {
                files.extend(Row::named(name)?.files(cx)?);
            }
        }
        let dir = &cx.cluster()?.certificates_dir;
        files.extend(self.ca_files.iter().map(|name| dir.join(name)));
        Ok(files)
    }

    fn times<P>(&self, cx: &mut Run<Renewal<P>>, with_own: bool) -> Result<Vec<i64>> {
        let files = self.files_read(cx, with_own)?;
        Ok(files.iter().filter_map(|file| cx.host.files.modified(file)).collect())
    }
}
