//! The names for `certs renew` and `certs import`: certificates and kubeconfigs.
//!
//! Reads: only the tables. Writes: nothing.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::suggest::similar;
use crate::context::{Renewal, Run};
use crate::pipeline::Item;
use crate::pki::catalog::{self, CERTS, CertSpec, KUBECONFIGS, KubeconfigSpec};
use std::path::PathBuf;

/// The kubeconfig with a phase of its own.
pub const KUBELET_CONF: &str = "kubelet.conf";

/// The name is unknown.
#[derive(Debug, thiserror::Error)]
#[error("no certificate or kubeconfig is named '{name}'")]
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

/// Everything that can be renewed, as sub-phases.
pub fn items() -> Vec<Item> {
    let certs = CERTS.iter().filter(|spec| !spec.is_ca()).map(|spec| Item { name: spec.name, short: spec.what });
    let files = KUBECONFIGS.iter().filter(|spec| spec.file != KUBELET_CONF);
    certs.chain(files.map(|spec| Item { name: spec.file, short: spec.what })).collect()
}

/// Everything that can be imported from an external CA, as sub-phases.
pub fn importable() -> Vec<Item> {
    let kubelet = KUBECONFIGS.iter().filter(|spec| spec.file == KUBELET_CONF);
    items().into_iter().chain(kubelet.map(|spec| Item { name: spec.file, short: spec.what })).collect()
}

/// The names for `certs renew`, except `all`.
pub fn names() -> Vec<&'static str> {
    items().iter().map(|item| item.name).chain([KUBELET_CONF]).collect()
}

/// None for `all`, otherwise the name itself if it exists.
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

/// The phases of `certs renew` that renew something other than `name`.
pub fn phases_of_others(name: &str) -> Vec<String> {
    let others = items().into_iter().filter(|item| item.name != name).map(|item| format!("certs/{}", item.name));
    others.chain((name != KUBELET_CONF).then(|| "kubelet".to_owned())).collect()
}

/// What is here and only an external CA can renew: the name, and the key that would be needed.
pub fn of_external_cas<P>(cx: &mut Run<Renewal<P>>) -> Result<Vec<(&'static str, PathBuf)>> {
    let mut found = Vec::new();
    for item in items() {
        let row = Row::named(item.name)?;
        let files = row.files(cx)?;
        let key = cx.pki()?.key_path(row.ca()?);
        if files.iter().all(|file| cx.host.files.exists(file)) && !cx.host.files.exists(&key) {
            found.push((item.name, key));
        }
    }
    Ok(found)
}

/// A certificate or kubeconfig.
pub enum Row {
    /// A certificate with its key.
    Cert(&'static CertSpec),
    /// A kubeconfig.
    Kubeconfig(&'static KubeconfigSpec),
}

impl Row {
    /// The entry with this name.
    pub fn named(name: &str) -> Result<Self> {
        match catalog::cert(name) {
            Ok(spec) => Ok(Self::Cert(spec)),
            Err(_) => Ok(Self::Kubeconfig(catalog::kubeconfig(name)?)),
        }
    }

    /// Its files.
    pub fn files<P>(&self, cx: &mut Run<Renewal<P>>) -> Result<Vec<PathBuf>> {
        Ok(match self {
            Self::Cert(spec) => {
                let store = cx.pki()?;
                vec![store.cert_path(spec), store.key_path(spec)]
            }
            Self::Kubeconfig(spec) => vec![cx.work.kubeconfig_dir.join(spec.file)],
        })
    }

    /// The CA that signs it.
    pub fn ca(&self) -> Result<&'static CertSpec> {
        Ok(match self {
            Self::Cert(spec) => catalog::cert(spec.ca.unwrap_or_default())?,
            Self::Kubeconfig(_) => catalog::cert("ca")?,
        })
    }
}
