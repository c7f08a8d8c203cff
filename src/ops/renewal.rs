//! Renews one certificate or kubeconfig, after a copy of what was there was made.
//!
//! Reads: what is there, and the CA that signs it. Writes: the copy below `/var/lib/kubewright/backup`, then the new
//! certificate with a new key.

use crate::base::fault::Result;
use crate::context::Context;
use crate::context::renewal::Renewed;
use crate::domain::paths::KUBERNETES_DIR;
use crate::pki::Staged;
use crate::pki::catalog::{CertSpec, KubeconfigSpec};
use std::path::Path;

/// Renews a certificate.
///
/// # Errors
/// When its CA is not here, or a file cannot be written.
pub fn cert(cx: &mut Context, spec: &'static CertSpec) -> Result<Renewed> {
    let (store, keys) = (cx.pki()?, cx.keys());
    finish_replacement(cx, spec)?;
    for path in [store.cert_path(spec), store.key_path(spec)] {
        back_up(cx, &path)?;
    }
    let names = cx.renewal()?.names;
    let done = store.renew(spec, cx.cluster()?, cx.node()?, keys.as_ref(), names)?;
    Ok(Renewed { name: spec.name, old: done.old, new: done.new, at: cx.clock.now() })
}

/// Renews a kubeconfig.
///
/// # Errors
/// As [`cert`].
pub fn kubeconfig(cx: &mut Context, spec: &'static KubeconfigSpec) -> Result<Renewed> {
    let (store, keys) = (cx.pki()?, cx.keys());
    back_up(cx, &Path::new(KUBERNETES_DIR).join(spec.file))?;
    let done = store.renew_kubeconfig(spec, Path::new(KUBERNETES_DIR), cx.cluster()?, keys.as_ref())?;
    Ok(Renewed { name: spec.file, old: done.old, new: done.new, at: cx.clock.now() })
}

/// Copies a file below the directory of this run's backups, and keeps it for putting it back. What the run found is
/// kept, not what it wrote since.
///
/// # Errors
/// When it cannot be read or copied.
pub fn back_up(cx: &mut Context, path: &Path) -> Result<()> {
    cx.pki()?.back_up(path)?;
    cx.keep(path)
}

/// Completes the replacement of a pair that an earlier run began, and reports what became of it.
///
/// # Errors
/// When a file cannot be read or written.
pub fn finish_replacement(cx: &mut Context, spec: &CertSpec) -> Result<()> {
    let staged = cx.pki()?.finish_replacement(spec)?;
    match (&staged, staged.text()) {
        (Staged::SetAside { .. }, Some(text)) => cx.events.warning(text),
        (_, Some(text)) => cx.events.message(text),
        (_, None) => {}
    }
    Ok(())
}
