//! The CAs that already exist on this host: expired ones cannot be used.

use super::finding::Finding;
use super::inputs::Check;
use super::inputs::Scene;
use crate::domain::paths::manifest;
use crate::pki::catalog::{self, CertSpec, KUBECONFIGS};
use crate::pki::{Cert, moment};
use std::path::Path;

const ID: &str = "CertificateAuthority";

/// Other faults of a CA are reported by the phase that reads it.
pub(super) fn checks<'a>() -> Vec<Check<'a>> {
    vec![Check::offline(ID, |scene| {
        let Some(cluster) = scene.inputs.cluster else { return Vec::new() };
        catalog::certs_of(cluster).filter(|spec| spec.is_ca()).filter_map(|spec| check(scene, spec)).collect()
    })]
}

fn check(scene: &Scene<'_>, spec: &CertSpec) -> Option<Finding> {
    let directory = &scene.inputs.cluster?.certificates_dir;
    let path = directory.join(format!("{}.crt", spec.base));
    let bytes = scene.files().read(&path).ok().flatten()?;
    let certs = Cert::bundle_from_file(&path, &bytes).ok()?;
    let end = certs.iter().map(|cert| cert.not_after).max()?;
    if end > scene.host().clock.now() {
        return None;
    }
    let shown = path.display();
    let what = format!("the CA certificate {shown} expired on {}", moment::text(end));
    let fix = if is_used(scene) {
        "keep all files: this host is part of a cluster that uses it. Such a cluster needs a new CA by hand on every node, \
         because 'kubewright certs rotate-ca' can change a CA only before it expires"
            .into()
    } else {
        let away = scene.files().free_name(directory, "expired");
        format!(
            "no cluster on this host uses it: run 'mv {} {}' to have new ones made",
            directory.display(),
            away.display()
        )
    };
    Some(Finding::error(ID, shown.to_string(), what, fix).vital("no client trusts what an expired CA signs"))
}

/// True when something on this host shows that a cluster uses the CAs here.
fn is_used(scene: &Scene<'_>) -> bool {
    let holding = scene.inputs.holding;
    let exists = |path: &Path| scene.files().exists(path);
    !holding.data.is_empty()
        || !holding.external_etcd.is_empty()
        || KUBECONFIGS.iter().any(|spec| exists(&Path::new("/etc/kubernetes").join(spec.file)))
        || ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"]
            .iter()
            .any(|pod| exists(&manifest(pod)))
}
