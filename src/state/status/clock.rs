//! Whether files of this host were written later than its clock says now.
//!
//! Reads: the times of files that Kubernetes writes all the time. Writes: nothing.

use crate::base::files::HostFiles;
use std::path::Path;

const SECONDS: i64 = 1_000_000_000;
/// Written every few seconds by the kubelet and etcd, or by kubewright.
const WRITTEN: [&str; 6] = [
    "/var/lib/etcd/member/snap/db",
    "/var/lib/kubelet/cpu_manager_state",
    "/var/lib/kubelet/pki/kubelet-client-current.pem",
    "/var/lib/kubewright/journal.json",
    "/etc/kubernetes/manifests/kube-apiserver.yaml",
    "/etc/kubernetes/kubelet.conf",
];

/// The newest time of them in seconds since the epoch, if it is later than `now`.
pub(super) fn written_later(files: &HostFiles, now: i64) -> Option<i64> {
    let times = WRITTEN.iter().filter_map(|path| files.modified(Path::new(path)));
    times.map(|time| time / SECONDS).max().filter(|time| *time > now)
}
