//! The certificates of the control plane that are on this host already, and the CA that their use demands.

use super::finding::Finding;
use super::inputs::{Check, Scene};
use crate::pki::Cert;
use crate::pki::catalog::{self, CertSpec};
use crate::pki::signers::is_trusted;
use std::path::PathBuf;

const ID: &str = "CertificateSigner";

/// What else is wrong with a certificate is reported by the phase that reads it.
pub(super) fn checks<'a>() -> Vec<Check<'a>> {
    vec![Check::offline(ID, |scene| {
        let Some(cluster) = scene.inputs.cluster else { return Vec::new() };
        catalog::certs_of(cluster).filter_map(|spec| check(scene, spec)).collect()
    })]
}

fn check(scene: &Scene<'_>, spec: &CertSpec) -> Option<Finding> {
    let (path, chain) = read(scene, spec)?;
    let (ca_path, cas) = read(scene, catalog::cert(spec.ca?).ok()?)?;
    if is_trusted(&chain, &cas) {
        return None;
    }
    let what = format!("{} is signed by another CA than {}", path.display(), ca_path.display());
    let fix = format!(
        "run 'kubewright certs renew {}' to issue it again; keep {} unless every certificate here is from another CA: then put \
         the right CA back from a backup or from another control plane",
        spec.name,
        ca_path.display()
    );
    Some(Finding::error(ID, path.display().to_string(), what, fix))
}

fn read(scene: &Scene<'_>, spec: &CertSpec) -> Option<(PathBuf, Vec<Cert>)> {
    let path = scene.inputs.cluster?.certificates_dir.join(format!("{}.crt", spec.base));
    let bytes = scene.files().read(&path).ok().flatten()?;
    Some((path.clone(), Cert::bundle_from_file(&path, &bytes).ok()?))
}
