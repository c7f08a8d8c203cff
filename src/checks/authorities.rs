//! The certificate authorities that are on this host already: expired ones are of no use to anybody.

use super::catalog::Check;
use super::finding::Finding;
use super::inputs::Scene;
use crate::base::move_away;
use crate::pki::catalog::{self, CertSpec};
use crate::pki::{Cert, moment};

const ID: &str = "CertificateAuthority";

/// What else is wrong with a CA is told by the phase that reads it.
pub(super) fn checks<'a>() -> Vec<Check<'a>> {
    vec![Check::offline(ID, |scene| {
        let Some(cluster) = scene.inputs.cluster else { return Vec::new() };
        catalog::certs_of(cluster).filter(|spec| spec.is_ca()).filter_map(|spec| judge(scene, spec)).collect()
    })]
}

fn judge(scene: &Scene<'_>, spec: &CertSpec) -> Option<Finding> {
    let folder = &scene.inputs.cluster?.certificates_dir;
    let path = folder.join(format!("{}.crt", spec.base));
    let bytes = scene.files().read(&path).ok().flatten()?;
    let certs = Cert::bundle_from_file(&path, &bytes).ok()?;
    let end = certs.iter().map(|cert| cert.not_after).max()?;
    if end > scene.host().clock.now() {
        return None;
    }
    let (shown, away) = (path.display(), move_away::command(folder.display()));
    let what = format!("the certificate authority {shown} expired on {}", moment::text(end));
    let fix = format!(
        "if no cluster rests on it yet, run '{away}' to have new ones made; a cluster that does \
         needs a new CA by hand on every node, because 'kubewright certs rotate-ca' can change a CA only before it ends"
    );
    Some(Finding::error(ID, shown.to_string(), what, fix).vital("nobody trusts what an expired CA signs"))
}
