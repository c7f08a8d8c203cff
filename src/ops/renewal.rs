//! Renews one certificate or kubeconfig, after a backup of the old one.
//!
//! Reads: the old certificate, and the CA that signs it. Writes: the backup in `/var/lib/kubewright/backup`, then the
//! new certificate with a new key.

use crate::base::fault::Result;
use crate::context::renewal::Renewed;
use crate::context::{Context, Renewal, Run};
use crate::domain::paths::KUBERNETES_DIR;
use crate::pki::Staged;
use crate::pki::catalog::{CertSpec, KubeconfigSpec};
use std::path::Path;

/// Renews a certificate.
pub fn cert<P>(cx: &mut Run<Renewal<P>>, spec: &'static CertSpec) -> Result<Renewed> {
    let (store, keys) = (cx.pki()?, cx.keys());
    finish_replacement(cx, spec)?;
    for path in [store.cert_path(spec), store.key_path(spec)] {
        back_up(cx, &path)?;
    }
    let names = cx.work.names;
    let done = store.renew(spec, cx.cluster()?, cx.node()?, keys.as_ref(), names)?;
    Ok(Renewed { name: spec.name, old: done.old, new: done.new, at: cx.host.clock.now() })
}

/// Renews a kubeconfig.
pub fn kubeconfig<P>(cx: &mut Run<Renewal<P>>, spec: &'static KubeconfigSpec) -> Result<Renewed> {
    let (store, keys) = (cx.pki()?, cx.keys());
    back_up(cx, &Path::new(KUBERNETES_DIR).join(spec.file))?;
    let done = store.renew_kubeconfig(spec, Path::new(KUBERNETES_DIR), cx.cluster()?, keys.as_ref())?;
    Ok(Renewed { name: spec.file, old: done.old, new: done.new, at: cx.host.clock.now() })
}

/// Copies a file to the backup directory of this run, and keeps its content for a rollback: the content at the start
/// of the run, not what the run wrote since.
pub fn back_up<P>(cx: &mut Run<Renewal<P>>, path: &Path) -> Result<()> {
    cx.pki()?.back_up(path)?;
    cx.keep(path)
}

/// Completes the replacement of a key and certificate that an earlier run began, and reports the result. True if it had to be
/// completed.
pub fn finish_replacement(cx: &mut Context, spec: &CertSpec) -> Result<bool> {
    let staged = cx.pki()?.finish_replacement(spec)?;
    match (&staged, staged.text()) {
        (Staged::SetAside { .. }, Some(text)) => cx.events.warning(text),
        (_, Some(text)) => cx.events.message(text),
        (_, None) => {}
    }
    Ok(matches!(staged, Staged::Completed { .. }))
}
