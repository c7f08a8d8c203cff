//! The files that a component cannot be started again without: certificates, keys and kubeconfigs that its manifest names.
//!
//! Reads: the manifests, which files exist. Writes: nothing.

use super::static_pod::StaticPod;
use crate::base::files::HostFiles;
use std::path::{Path, PathBuf};

/// How the names of certificates, keys and kubeconfigs end; what a component writes itself ends otherwise.
const INPUTS: [&str; 4] = ["crt", "key", "pub", "conf"];

/// Those that do not exist. A manifest that cannot be parsed names none, because others report it.
pub fn missing(files: &HostFiles, component: &str) -> Vec<PathBuf> {
    let Some(pod) = StaticPod::read_or_empty(files, component).ok().flatten() else { return Vec::new() };
    let is_input = |path: &Path| path.extension().is_some_and(|end| INPUTS.iter().any(|input| end == *input));
    let mut missing: Vec<PathBuf> = Vec::new();
    for value in pod.values().map(Path::new).filter(|value| value.is_absolute()) {
        let path = pod.on_host_or_same(value);
        if is_input(&path) && !files.exists(&path) && !missing.contains(&path) {
            missing.push(path);
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;

    #[test]
    fn inputs_that_do_not_exist_are_named_once() {
        let root = tempfile::tempdir().unwrap();
        let manifests = root.path().join("etc/kubernetes/manifests");
        std::fs::create_dir_all(&manifests).unwrap();
        let text = "spec: {containers: [{command: [kube-apiserver, --a=/pki/sa.key, --b=/pki/sa.key, --c=/pki/ca.crt, \
                    --audit-log-path=/var/log/a.log, --d=relative.key]}]}";
        std::fs::write(manifests.join("kube-apiserver.yaml"), text).unwrap();
        std::fs::create_dir_all(root.path().join("pki")).unwrap();
        std::fs::write(root.path().join("pki/ca.crt"), "x").unwrap();
        let files = HostFiles::new(root.path(), Gate::open());
        assert_eq!(missing(&files, "kube-apiserver"), [Path::new("/pki/sa.key")]);
        assert!(missing(&files, "etcd").is_empty());
    }
}
