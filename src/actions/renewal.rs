//! Renews one certificate or kubeconfig of the control plane.
//!
//! Reads: what is there, and the CA that signs it. Writes: a copy of what was there below
//! `/var/lib/kubewright/backup`, then the new certificate with a new key.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::suggest::similar;
use crate::context::Context;
use crate::context::renewal::Renewed;
use crate::pipeline::{Action, Item, Target};
use crate::pki::Staged;
use crate::pki::catalog::{self, CERTS, CertSpec, KUBECONFIGS, KubeconfigSpec};
use crate::pki::moment;
use std::path::{Path, PathBuf};

pub mod import;
pub mod known;
pub mod kubelet;
pub mod kubelet_service;
pub mod names;
pub mod near;
mod readers;
pub mod ready;
pub mod requests;
pub mod restart;
pub mod rollback;
pub(super) mod running;

/// The folder of kubeconfigs.
const KUBECONFIG_DIR: &str = "/etc/kubernetes";
/// The kubeconfig that has a phase of its own.
pub const KUBELET_CONF: &str = "kubelet.conf";

/// There is nothing of this name to renew.
#[derive(Debug, thiserror::Error)]
#[error("there is no certificate or kubeconfig named '{name}'")]
pub struct NoSuchName {
    name: String,
    nearest: Option<&'static str>,
}

impl Fault for NoSuchName {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
    fn hint(&self) -> Option<String> {
        Some(match self.nearest {
            Some(near) => format!("did you mean '{near}'? The names are {}", names().join(", ")),
            None => format!("the names are all, {}", names().join(", ")),
        })
    }
}

/// See the module's text.
pub struct Renew;

impl Action for Renew {
    fn keys_wanted(&self, cx: &mut Context, target: &Target) -> Result<usize> {
        Ok(usize::from(is_due(cx, target.item())?))
    }

    fn run(&self, cx: &mut Context, target: &Target) -> Result<()> {
        if !is_due(cx, target.item())? {
            return Ok(());
        }
        let renewed = match Row::named(target.item())? {
            Row::Cert(spec) => cert(cx, spec)?,
            Row::Kubeconfig(spec) => kubeconfig(cx, spec)?,
        };
        cx.events.message(format!(
            "renewed {}: serial {}, ends {}",
            renewed.name,
            renewed.new.serial,
            moment::text(renewed.new.not_after)
        ));
        cx.note_renewed(renewed)
    }
}

/// What can be renewed, as sub-phases.
pub fn items() -> Vec<Item> {
    let certs = CERTS.iter().filter(|spec| !spec.is_ca()).map(|spec| Item { name: spec.name, short: spec.what });
    let files = KUBECONFIGS.iter().filter(|spec| spec.file != KUBELET_CONF);
    certs.chain(files.map(|spec| Item { name: spec.file, short: spec.what })).collect()
}

/// What can be taken in from an external CA, as sub-phases.
pub fn importable() -> Vec<Item> {
    let kubelet = KUBECONFIGS.iter().filter(|spec| spec.file == KUBELET_CONF);
    items().into_iter().chain(kubelet.map(|spec| Item { name: spec.file, short: spec.what })).collect()
}

/// The names that `certs renew` takes, apart from `all`.
pub fn names() -> Vec<&'static str> {
    items().iter().map(|item| item.name).chain([KUBELET_CONF]).collect()
}

/// None for `all`, else the name itself when there is such a thing.
///
/// # Errors
/// When there is not; the error knows the nearest name.
pub fn chosen(name: &str) -> Result<Option<String>, NoSuchName> {
    if name == "all" {
        return Ok(None);
    }
    let names = names();
    if names.contains(&name) {
        return Ok(Some(name.to_owned()));
    }
    Err(NoSuchName { name: name.into(), nearest: similar(name, names) })
}

/// Copies a file below the directory of this run's backups, and keeps it for putting it back. What the run found is
/// kept, not what it wrote since.
pub(super) fn back_up(cx: &mut Context, path: &Path) -> Result<()> {
    cx.pki()?.back_up(path)?;
    cx.keep(path)
}

/// Completes the replacement of a pair that an earlier run began, and reports what became of it.
pub(super) fn finish_replacement(cx: &mut Context, spec: &CertSpec) -> Result<()> {
    let staged = cx.pki()?.finish_replacement(spec)?;
    match (&staged, staged.text()) {
        (Staged::SetAside { .. }, Some(text)) => cx.events.warning(text),
        (_, Some(text)) => cx.events.message(text),
        (_, None) => {}
    }
    Ok(())
}

enum Row {
    Cert(&'static CertSpec),
    Kubeconfig(&'static KubeconfigSpec),
}

impl Row {
    fn named(name: &str) -> Result<Self> {
        match catalog::cert(name) {
            Ok(spec) => Ok(Self::Cert(spec)),
            Err(_) => Ok(Self::Kubeconfig(catalog::kubeconfig(name)?)),
        }
    }

    fn files(&self, cx: &mut Context) -> Result<Vec<PathBuf>> {
        Ok(match self {
            Self::Cert(spec) => {
                let store = cx.pki()?;
                vec![store.cert_path(spec), store.key_path(spec)]
            }
            Self::Kubeconfig(spec) => vec![cx.renewal()?.kubeconfig_dir.join(spec.file)],
        })
    }

    fn ca(&self) -> Result<&'static CertSpec> {
        Ok(match self {
            Self::Cert(spec) => catalog::cert(spec.ca.unwrap_or_default())?,
            Self::Kubeconfig(_) => catalog::cert("ca")?,
        })
    }
}

/// True when this is to be renewed in this run. Of everything, what is not here or what only an external CA could
/// sign is left out; what was asked for by name is tried, so that its error is told.
fn is_due(cx: &mut Context, name: &str) -> Result<bool> {
    let renewal = cx.renewal()?;
    if !renewal.wants(name) {
        return Ok(false);
    }
    if renewal.only.is_some() {
        return Ok(true);
    }
    let row = Row::named(name)?;
    let files = row.files(cx)?;
    let ca_key = cx.pki()?.key_path(row.ca()?);
    let staged = files.first().is_some_and(|file| cx.files.exists(&file.with_extension("renewing")));
    Ok((staged || files.iter().all(|file| cx.files.exists(file))) && cx.files.exists(&ca_key))
}

pub(super) fn cert(cx: &mut Context, spec: &'static CertSpec) -> Result<Renewed> {
    let (store, keys) = (cx.pki()?, cx.keys());
    finish_replacement(cx, spec)?;
    for path in [store.cert_path(spec), store.key_path(spec)] {
        back_up(cx, &path)?;
    }
    let names = cx.renewal()?.names;
    let done = store.renew(spec, cx.cluster()?, cx.node()?, keys.as_ref(), names)?;
    Ok(Renewed { name: spec.name, old: done.old, new: done.new, at: cx.clock.now() })
}

pub(super) fn kubeconfig(cx: &mut Context, spec: &'static KubeconfigSpec) -> Result<Renewed> {
    let (store, keys) = (cx.pki()?, cx.keys());
    back_up(cx, &Path::new(KUBECONFIG_DIR).join(spec.file))?;
    let done = store.renew_kubeconfig(spec, Path::new(KUBECONFIG_DIR), cx.cluster()?, keys.as_ref())?;
    Ok(Renewed { name: spec.file, old: done.old, new: done.new, at: cx.clock.now() })
}

#[cfg(test)]
mod tests;
