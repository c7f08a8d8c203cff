//! Renews one certificate or kubeconfig of the control plane.
//!
//! Reads: the old one, and the CA that signs it. Writes: a backup of the old one in `/var/lib/kubewright/backup`, then
//! the new certificate with a new key.

use crate::base::fault::Result;
use crate::context::{Renewal, Run};
use crate::ops::renewal;
use crate::pipeline::{Phase, Target};
use crate::pki::catalog::Usage;
use crate::pki::moment;
use crate::pki::sans::Sans;
use crate::state::renewable::Row;

pub struct Renew;

impl Phase<Renewal> for Renew {
    fn keys_wanted(&self, cx: &mut Run<Renewal>, target: &Target) -> Result<usize> {
        let due = is_due(cx, target.item())?;
        if due {
            // Here and not in `run`: a CA with limits is refused before the first certificate is renewed.
            require_permitted(cx, target.item())?;
        }
        Ok(usize::from(due))
    }

    fn run(&self, cx: &mut Run<Renewal>, target: &Target) -> Result<()> {
        if !is_due(cx, target.item())? {
            return Ok(());
        }
        let renewed = match Row::named(target.item())? {
            Row::Cert(spec) => renewal::cert(cx, spec)?,
            Row::Kubeconfig(spec) => renewal::kubeconfig(cx, spec)?,
        };
        cx.events.message(format!(
            "renewed {} (serial {}, expires {})",
            renewed.name,
            renewed.new.serial,
            moment::text(renewed.new.not_after)
        ));
        cx.work.renewed.push(renewed);
        Ok(())
    }
}

/// Fails if the CA may not sign the renewed certificate.
fn require_permitted(cx: &mut Run<Renewal>, name: &str) -> Result<()> {
    let store = cx.pki()?;
    match Row::named(name)? {
        Row::Cert(spec) => store.require_renewal_permitted(spec, cx.cluster()?, cx.node()?, cx.work.names)?,
        row @ Row::Kubeconfig(_) => {
            if let Some(ca) = store.load_ca(row.ca()?)? {
                ca.require_permits(name, &Sans::default(), &[Usage::Client])?;
            }
        }
    }
    Ok(())
}

/// True if this run renews it. Without a name, missing certificates and those that only an external CA can sign are
/// skipped; a certificate that was specified by name is tried, so that its error is reported.
pub(super) fn is_due<P>(cx: &mut Run<Renewal<P>>, name: &str) -> Result<bool> {
    let renewal = &cx.work;
    if !renewal.wants(name) {
        return Ok(false);
    }
    if renewal.only.is_some() {
        return Ok(true);
    }
    let row = Row::named(name)?;
    let files = row.files(cx)?;
    let ca_key = cx.pki()?.key_path(row.ca()?);
    let staged = files.first().is_some_and(|file| cx.host.files.exists(&file.with_extension("renewing")));
    Ok((staged || files.iter().all(|file| cx.host.files.exists(file))) && cx.host.files.exists(&ca_key))
}

#[cfg(test)]
mod tests;
