//! One kubeconfig file with its client certificate.
//!
//! Reads: the cluster and node configuration, the CA, and the existing file. Writes: `/etc/kubernetes/<name>.conf`, or
//! the file in the directory of `--kubeconfig-dir`, if it is missing.

use crate::base::fault::Result;
use crate::context::Context;
use crate::ops::report;
use crate::pipeline::{Action, Item, Target};
use crate::pki::catalog::{self, KUBECONFIGS};
use std::path::PathBuf;

/// The directory of kubeconfigs and manifests.
pub const KUBERNETES_DIR: &str = "/etc/kubernetes";

pub struct Kubeconfig;

impl Action for Kubeconfig {
    fn keys_wanted(&self, cx: &mut Context, target: &Target) -> Result<usize> {
        let wanted = is_of_minor(cx, target)? && !cx.files.exists(&path(cx, target)?);
        Ok(usize::from(wanted))
    }

    fn done(&self, cx: &mut Context, target: &Target) -> Result<bool> {
        Ok(cx.files.exists(&path(cx, target)?))
    }

    fn run(&self, cx: &mut Context, target: &Target) -> Result<()> {
        if !is_of_minor(cx, target)? {
            return Ok(());
        }
        let (store, keys) = (cx.pki()?, cx.keys());
        let spec = catalog::kubeconfig(target.item())?;
        let outcome = store.ensure_kubeconfig(spec, &directory(cx), cx.cluster()?, cx.node()?, keys.as_ref())?;
        report::outcome(cx, &outcome);
        Ok(())
    }
}

/// The rows of the table as sub-phases.
pub fn items() -> Vec<Item> {
    KUBECONFIGS.iter().map(|spec| Item { name: spec.name, short: spec.what }).collect()
}

/// False for super-admin.conf in minor versions that have none.
fn is_of_minor(cx: &Context, target: &Target) -> Result<bool> {
    Ok(catalog::kubeconfigs_of(cx.facts()?).any(|spec| spec.name == target.item()))
}

/// The directory of kubeconfig files: that of `--kubeconfig-dir`, or kubeadm's.
fn directory(cx: &Context) -> PathBuf {
    let given = cx.init().ok().and_then(|(_, options)| options.kubeconfig_dir.clone());
    given.unwrap_or_else(|| KUBERNETES_DIR.into())
}

fn path(cx: &Context, target: &Target) -> Result<PathBuf> {
    Ok(directory(cx).join(catalog::kubeconfig(target.item())?.file))
}
