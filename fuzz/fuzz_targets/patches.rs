//! A patch, whatever it holds, is applied or refused. The first byte selects the kind
//! of the patch.
#![no_main]

use kubewright::base::files::HostFiles;
use kubewright::base::gate::Gate;
use kubewright::render::patches::{PatchSet, Target};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

const POD: &str = "apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver, namespace: kube-system, labels: {tier: control-plane}}
spec:
  hostNetwork: true
  containers:
  - {name: kube-apiserver, image: 'registry.example/kube-apiserver:v1.36.2', command: [kube-apiserver, --secure-port=6443]}
  volumes:
  - {name: ca-certs, hostPath: {path: /etc/ssl/certs, type: DirectoryOrCreate}}
";

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, patch)) = bytes.split_first() else { return };
    let kind = ["strategic", "merge", "json"][usize::from(*kind) % 3];
    let root = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(root.path().join(format!("kube-apiserver+{kind}.yaml")), patch).expect("room for it");
    let files = HostFiles::new(root.path(), Gate::open());
    let Ok(patches) = PatchSet::load(&files, Path::new("/")) else { return };
    if let Ok(patched) = patches.apply(Target::KubeApiserver, POD) {
        assert!(!patched.trim().is_empty(), "a document became an empty file");
    }
});
