//! Completes the certificates that a killed run has half replaced.
//!
//! A component does not start with a key and a certificate that do not belong together, and without etcd or the API server no
//! run goes on.
//!
//! Reads: the record, the staging files. Writes: certificates and their keys, with copies of the old ones; removes containers that
//! have exited, so that the kubelet starts the next one at once.

use super::error::UpgradeFailed;
use crate::base::fault::Result;
use crate::context::Context;
use crate::ops::renewal;
use crate::ops::running::{Running, end_exited};
use crate::pki::catalog::CERTS;
use crate::state::consumers::CONSUMERS;
use crate::state::upgrade::progress::Progress;

/// Completes them, with the backup of the interrupted run. `host` is None if its container runtime is not found.
pub fn complete(cx: &mut Context, progress: &Progress, host: Option<&dyn Running>) -> Result<()> {
    cx.backup = Some(progress.backup.clone());
    let mut completed = Vec::new();
    for spec in CERTS {
        if renewal::finish_replacement(cx, spec)? {
            completed.push(spec.name);
        }
    }
    let Some(host) = host else { return Ok(()) };
    for consumer in CONSUMERS.iter().filter(|consumer| completed.iter().any(|name| consumer.loads(name))) {
        end_exited(consumer.component, host)?;
    }
    Ok(())
}

/// Refuses if one has to be completed, for a run that changes nothing.
pub fn refuse(cx: &mut Context) -> Result<()> {
    let pki = cx.pki()?;
    match CERTS.iter().find(|spec| pki.is_half_replaced(spec)) {
        Some(spec) => Err(UpgradeFailed::HalfReplaced { certificate: pki.cert_path(spec) }.into()),
        None => Ok(()),
    }
}
