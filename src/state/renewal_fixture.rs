//! For tests: a control plane in a directory, and a run that renews its certificates.

use crate::base::env::{Clock, Random};
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::context::{Context, Renewal, Run};
use crate::domain::paths::{BACKUP_DIR, KUBERNETES_DIR};
use crate::pki::catalog::{CERTS, KUBECONFIGS};
use crate::pki::keys::Generator;
use crate::pki::{PkiStore, fixture};
use std::path::Path;

pub(crate) const CREATED: u64 = 1_795_238_460;

pub(crate) fn host() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let store = store(&root, CREATED);
    let (cluster, node) = (fixture::cluster(36), fixture::node());
    for spec in CERTS {
        store.ensure(spec, &cluster, &node, &Generator).unwrap();
    }
    for spec in KUBECONFIGS {
        store.ensure_kubeconfig(spec, Path::new(KUBERNETES_DIR), &cluster, &node, &Generator).unwrap();
    }
    root
}

pub(crate) fn store(root: &tempfile::TempDir, now: u64) -> PkiStore {
    let files = HostFiles::new(root.path(), Gate::open());
    PkiStore::new(files, "/etc/kubernetes/pki", &Clock::fixed(now), &Random::seeded(9))
}

/// A run on that host at its beginning.
pub(crate) fn renewing(root: &tempfile::TempDir, only: Option<&str>) -> Run<Renewal> {
    let cx = Context::for_tests(root.path().to_str().unwrap());
    let work = Renewal::new((), Path::new(BACKUP_DIR).join("certs-test"));
    let work = Renewal { only: only.map(str::to_owned), ..work };
    Run::renewing(cx, fixture::cluster(36), fixture::node(), work)
}

/// Lets the kubelet's kubeconfig refer to the file that the kubelet renews.
pub(crate) fn use_rotated_file(root: &tempfile::TempDir) {
    let (store, path) = (store(root, CREATED), Path::new("/etc/kubernetes/kubelet.conf"));
    let mut config = store.load_kubeconfig(path).unwrap().unwrap();
    let user = config.current_user_mut().unwrap();
    (user.client_certificate_data, user.client_key_data) = (None, None);
    let file = Some("/var/lib/kubelet/pki/kubelet-client-current.pem".to_owned());
    (user.client_certificate, user.client_key) = (file.clone(), file);
    HostFiles::new(root.path(), Gate::open()).write(path, &config.content().unwrap(), 0o600).unwrap();
}
