//! Why a certificate is not accepted everywhere although it has not expired: another CA has signed it, or it lacks the bridge
//! of a CA rotation.
//!
//! Reads: the certificates and their CAs, the kubeconfigs. Writes: nothing.

use crate::base::files::HostFiles;
use crate::config::kubeconfig::Kubeconfig;
use crate::context::own_cluster::rewrite_command;
use crate::pki::catalog::{self, CERTS, KUBECONFIGS};
use crate::pki::cert::Cert;
use crate::pki::signers::is_trusted;
use crate::pki::{PkiError, PkiStore};
use serde::Serialize;
use std::path::Path;

/// What is wrong with a certificate beside its dates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// What is wrong.
    pub what: String,
    /// What the user can do.
    pub fix: String,
    /// No one accepts it; otherwise only some do not.
    pub fatal: bool,
}

/// The problem of the certificate of this name, in this file. What cannot be read is reported elsewhere.
pub fn problem(files: &HostFiles, store: &PkiStore, name: &str, path: Option<&Path>) -> Option<Problem> {
    if let Some(spec) = CERTS.iter().find(|spec| spec.name == name) {
        if store.lacks_bridge(spec) {
            return Some(Problem {
                what: "it lacks the certificate that hosts need which only trust the old CA yet".into(),
                fix: format!("run 'kubewright certs renew {name}', which adds it"),
                fatal: false,
            });
        }
        let (chain, cas) = (store.load_certs(spec).ok().flatten()?, store.cas_of(spec)?);
        return foreign(name, &chain, &cas, &store.cert_path(catalog::cert(spec.ca?).ok()?));
    }
    let ca = CERTS.first()?;
    let cas = store.load_certs(ca).ok().flatten()?;
    let bytes = files.read(path?).ok().flatten()?;
    let chain = if let Some(spec) = KUBECONFIGS.iter().find(|spec| spec.file == name) {
        if trusts_another(path?, &bytes, &cas) {
            return Some(of_another_cluster(files, path?, spec.name, &store.cert_path(ca)));
        }
        client(store, path?, &bytes).ok().flatten()?
    } else if name == "kubelet-client" {
        Cert::bundle_from_file(path?, &bytes).ok()?
    } else {
        return None;
    };
    let renewed = if name == "kubelet-client" { "kubelet.conf" } else { name };
    foreign(renewed, &chain, &cas, &store.cert_path(ca))
}

/// True if the CA in a kubeconfig is none of these. What has none in it passes.
fn trusts_another(path: &Path, bytes: &[u8], cas: &[Cert]) -> bool {
    let config = Kubeconfig::parse(path, bytes).ok();
    let inside = config.as_ref().and_then(|config| config.current_cluster()?.certificate_authority_data.as_ref());
    let trusted = inside.and_then(|pem| Cert::bundle_from_pem(&pem.0).ok());
    trusted.is_some_and(|trusted| !trusted.iter().any(|cert| cas.contains(cert)))
}

/// A renewal would keep its CA and its address.
fn of_another_cluster(files: &HostFiles, path: &Path, phase: &str, ca: &Path) -> Problem {
    let (shown, rewrite) = (path.display(), rewrite_command(files, phase));
    Problem {
        what: format!("it trusts another CA than {}, as if it were of another cluster", ca.display()),
        fix: format!(
            "run 'mv --backup=numbered {shown} /root/' and then '{rewrite}', which writes it again; if every kubeconfig trusts \
             another CA than that file, put the right CA back from a backup or from another control plane"
        ),
        fatal: true,
    }
}

fn foreign(renewed: &str, chain: &[Cert], cas: &[Cert], ca: &Path) -> Option<Problem> {
    (!is_trusted(chain, cas)).then(|| Problem {
        what: format!("it is signed by another CA than {}", ca.display()),
        fix: format!(
            "run 'kubewright certs renew {renewed}' to issue it again; if every certificate is from another CA than that file, put \
             the right CA back from a backup or from another control plane"
        ),
        fatal: true,
    })
}

fn client(store: &PkiStore, path: &Path, bytes: &[u8]) -> Result<Option<Vec<Cert>>, PkiError> {
    let Ok(config) = Kubeconfig::parse(path, bytes) else { return Ok(None) };
    let Some(user) = config.current_user() else { return Ok(None) };
    store.client_certs(path, user)
}
