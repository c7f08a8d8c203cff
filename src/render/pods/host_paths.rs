//! The host paths mounted into a control-plane Pod.

use super::{KUBERNETES_DIR, PodInput};
use crate::config::model::HostPathMount;
use std::collections::BTreeMap;
use std::path::Path;

/// Where Linux distributions keep the certificates of public CAs.
const CA_CERTS: &str = "/etc/ssl/certs";

/// Mounts by name: a later mount replaces an earlier one of the same name.
pub(super) struct HostPaths(BTreeMap<String, HostPathMount>);

impl HostPaths {
    pub(super) fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// The certificates directory and the host's public CA certificates. `/etc/ssl/certs` may contain links to other
    /// directories, so those that exist are mounted too.
    pub(super) fn with_certificates(input: &PodInput<'_>) -> Self {
        let mut paths = Self::new();
        paths.add_dir("k8s-certs", &input.cluster.certificates_dir.to_string_lossy(), true);
        paths.add_dir("ca-certs", CA_CERTS, true);
        for dir in input.facts.ca_certificate_dirs {
            if (input.host_has)(Path::new(dir)) {
                paths.add_dir(&dir.trim_start_matches('/').replace('/', "-"), dir, true);
            }
        }
        paths
    }

    /// A directory at its own path.
    pub(super) fn add_dir(&mut self, name: &str, path: &str, read_only: bool) {
        self.add(name, path, "DirectoryOrCreate", read_only);
    }

    /// The component's kubeconfig.
    pub(super) fn add_kubeconfig(&mut self, file: &str) {
        self.add("kubeconfig", &format!("{KUBERNETES_DIR}/{file}"), "FileOrCreate", true);
    }

    fn add(&mut self, name: &str, path: &str, path_type: &str, read_only: bool) {
        self.put(HostPathMount {
            name: name.to_owned(),
            host_path: path.to_owned(),
            mount_path: path.to_owned(),
            read_only,
            path_type: path_type.to_owned(),
        });
    }

    fn put(&mut self, mount: HostPathMount) {
        self.0.insert(mount.name.clone(), mount);
    }

    /// All mounts including the user's, sorted by name.
    pub(super) fn into_mounts(mut self, extra: &[HostPathMount]) -> Vec<HostPathMount> {
        for mount in extra {
            self.put(mount.clone());
        }
        self.0.into_values().collect()
    }
}

/// The directories of an external etcd's certificates that are not part of another mount, sorted; of nested ones only
/// the outermost.
pub(super) fn uncovered_dirs(files: &[&str], covered: &[&str]) -> Vec<String> {
    let mut dirs: Vec<&Path> = files
        .iter()
        .filter_map(|file| Path::new(file).parent())
        .filter(|dir| !dir.as_os_str().is_empty() && !covered.iter().any(|other| dir.starts_with(other)))
        .collect();
    dirs.sort();
    dirs.dedup();
    let outermost = dirs.iter().filter(|dir| !dirs.iter().any(|other| other != *dir && dir.starts_with(other)));
    outermost.map(|dir| dir.to_string_lossy().into_owned()).collect()
}

impl HostPaths {
    /// The directories of an external etcd's certificates, unless they are mounted already.
    pub(super) fn add_etcd_certificates(&mut self, files: &[&str], input: &PodInput<'_>) {
        let certificates_dir = input.cluster.certificates_dir.to_string_lossy();
        let mut covered: Vec<&str> = vec![CA_CERTS, &certificates_dir];
        covered.extend(input.facts.ca_certificate_dirs);
        for (index, dir) in uncovered_dirs(files, &covered).iter().enumerate() {
            self.add_dir(&format!("etcd-certs-{index}"), dir, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_outside_other_mounts_are_mounted() {
        let covered = ["/etc/ssl/certs", "/etc/kubernetes/pki"];
        let dirs = |files: &[&str]| uncovered_dirs(files, &covered);
        assert_eq!(dirs(&["/etc/kubernetes/pki/etcd/ca.crt", "/etc/ssl/certs/ca.pem", ""]), [""; 0]);
        assert_eq!(dirs(&["/etcd/ca.crt", "/etcd/client/c.crt", "/etcd/client/c.key"]), ["/etcd"]);
        assert_eq!(dirs(&["/b/ca.crt", "/a/c.crt", "/a2/c.key"]), ["/a", "/a2", "/b"]);
        assert_eq!(dirs(&["/etc/kubernetes/pki-etcd/ca.crt"]), ["/etc/kubernetes/pki-etcd"]);
    }
}
