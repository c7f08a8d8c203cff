//! What `certs renew` and `certs import` can name: certificates and kubeconfigs.
//!
//! Reads: nothing but the tables. Writes: nothing.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::suggest::similar;
use crate::context::Context;
use crate::pipeline::Item;
use crate::pki::catalog::{self, CERTS, CertSpec, KUBECONFIGS, KubeconfigSpec};
use std::path::PathBuf;

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

/// The phases of `certs renew` that renew something else than `name`.
pub fn phases_of_others(name: &str) -> Vec<String> {
    let others = items().into_iter().filter(|item| item.name != name).map(|item| format!("certs/{}", item.name));
    others.chain((name != KUBELET_CONF).then(|| "kubelet".to_owned())).collect()
}

/// One of them.
pub enum Row {
    /// A certificate with its key.
    Cert(&'static CertSpec),
    /// A kubeconfig.
    Kubeconfig(&'static KubeconfigSpec),
}

impl Row {
    /// That of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(name: &str) -> Result<Self> {
        match catalog::cert(name) {
            Ok(spec) => Ok(Self::Cert(spec)),
            Err(_) => Ok(Self::Kubeconfig(catalog::kubeconfig(name)?)),
        }
    }

    /// Its files.
    ///
    /// # Errors
    /// When the command renews nothing.
    pub fn files(&self, cx: &mut Context) -> Result<Vec<PathBuf>> {
        Ok(match self {
            Self::Cert(spec) => {
                let store = cx.pki()?;
                vec![store.cert_path(spec), store.key_path(spec)]
            }
            Self::Kubeconfig(spec) => vec![cx.renewal()?.kubeconfig_dir.join(spec.file)],
        })
    }

    /// The CA that signs it.
    ///
    /// # Errors
    /// Never for a row of the tables.
    pub fn ca(&self) -> Result<&'static CertSpec> {
        Ok(match self {
            Self::Cert(spec) => catalog::cert(spec.ca.unwrap_or_default())?,
            Self::Kubeconfig(_) => catalog::cert("ca")?,
        })
    }
}
