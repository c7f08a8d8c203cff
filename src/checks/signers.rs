//! The CAs and certificates of the control plane that are on this host already: what the CAs may sign, and that each
//! certificate is signed by the CA that its use demands.

use super::finding::Finding;
use super::inputs::{Check, Scene};
use crate::base::fault::Fault;
use crate::base::secret::Secret;
use crate::pki::catalog::{self, CertSpec};
use crate::pki::service_account::require_service_account_pair;
use crate::pki::signers::is_trusted;
use crate::pki::store::LoadedCa;
use crate::pki::{Cert, PrivateKey};
use std::path::PathBuf;

const ID: &str = "CertificateSigner";
const SERVICE_ACCOUNT_KEY: &str = "ServiceAccountKey";
const LIMITS: &str = "CertificateAuthorityLimits";

/// What else is wrong with a certificate is reported by the phase that reads it.
pub(super) fn checks<'a>() -> Vec<Check<'a>> {
    let of_each = |check: fn(&Scene<'_>, &CertSpec) -> Option<Finding>| {
        move |scene: &Scene<'a>| {
            let Some(cluster) = scene.inputs.cluster else { return Vec::new() };
            catalog::certs_of(cluster).filter_map(|spec| check(scene, spec)).collect()
        }
    };
    let pair = |scene: &Scene<'a>| service_account(scene).into_iter().collect();
    vec![
        Check::offline(ID, of_each(signer)),
        Check::offline(LIMITS, of_each(limits)),
        Check::offline(SERVICE_ACCOUNT_KEY, pair),
    ]
}

/// API servers would refuse the tokens that this key signs.
fn service_account(scene: &Scene<'_>) -> Option<Finding> {
    let dir = &scene.inputs.cluster?.certificates_dir;
    let error = require_service_account_pair(scene.files(), dir).err()?;
    let place = dir.join("sa.key").display().to_string();
    Some(Finding::error(SERVICE_ACCOUNT_KEY, place, error.to_string(), error.hint().unwrap_or_default()))
}

fn signer(scene: &Scene<'_>, spec: &CertSpec) -> Option<Finding> {
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

/// A CA with its key here that may not sign what this host needs.
fn limits(scene: &Scene<'_>, spec: &CertSpec) -> Option<Finding> {
    if !spec.is_ca() {
        return None;
    }
    let (path, certs) = read(scene, spec)?;
    let key = Secret::new(scene.files().read(&path.with_extension("key")).ok().flatten()?);
    let key = PrivateKey::from_pem(key.expose()).ok()?;
    let cert = certs.iter().find(|cert| cert.has_key(key.public_der()))?.clone();
    let ca = LoadedCa { path: path.clone(), certs, cert, key: Some(key) };
    let error = ca.require_permits_all(spec, scene.inputs.cluster?, scene.inputs.node).err()?;
    Some(Finding::error(LIMITS, path.display().to_string(), error.to_string(), error.hint().unwrap_or_default()))
}

fn read(scene: &Scene<'_>, spec: &CertSpec) -> Option<(PathBuf, Vec<Cert>)> {
    let path = scene.inputs.cluster?.certificates_dir.join(format!("{}.crt", spec.base));
    let bytes = scene.files().read(&path).ok().flatten()?;
    Some((path.clone(), Cert::bundle_from_file(&path, &bytes).ok()?))
}
