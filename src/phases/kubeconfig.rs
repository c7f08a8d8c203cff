//! One kubeconfig file with its client certificate.
//!
//! Reads: the cluster and node configuration, the CA, and the existing file. Writes: `/etc/kubernetes/<name>.conf`, or
//! the file in the directory of `--kubeconfig-dir`, if it is missing.

use crate::base::fault::Result;
use crate::context::{Context, Init, Run};
use crate::ops::report;
use crate::pipeline::{Item, Phase, Target};
use crate::pki::catalog::{self, KUBECONFIGS};
use std::path::{Path, PathBuf};

/// The directory of kubeconfigs and manifests.
pub const KUBERNETES_DIR: &str = "/etc/kubernetes";

pub struct Kubeconfig;

impl Phase<Init> for Kubeconfig {
    fn keys_wanted(&self, cx: &mut Run<Init>, target: &Target) -> Result<usize> {
        keys_wanted(cx, target.item(), &directory(cx))
    }

    fn done(&self, cx: &mut Run<Init>, target: &Target) -> Result<bool> {
        Ok(cx.host.files.exists(&path(target.item(), &directory(cx))?))
    }

    fn run(&self, cx: &mut Run<Init>, target: &Target) -> Result<()> {
        let directory = directory(cx);
        write(cx, target.item(), &directory)
    }
}

/// The number of private keys that are needed to write it.
pub fn keys_wanted(cx: &Context, name: &str, directory: &Path) -> Result<usize> {
    Ok(usize::from(is_of_minor(cx, name)? && !cx.host.files.exists(&path(name, directory)?)))
}

/// Writes it if it is missing and the minor version has it.
pub fn write(cx: &mut Context, name: &str, directory: &Path) -> Result<()> {
    if !is_of_minor(cx, name)? {
        return Ok(());
    }
    let (store, keys) = (cx.pki()?, cx.keys());
    let spec = catalog::kubeconfig(name)?;
    let outcome = store.ensure_kubeconfig(spec, directory, cx.cluster()?, cx.node()?, keys.as_ref())?;
    report::outcome(cx, &outcome);
    Ok(())
}

/// The rows of the table as sub-phases.
pub fn items() -> Vec<Item> {
    KUBECONFIGS.iter().map(|spec| Item { name: spec.name, short: spec.what }).collect()
}

/// False for super-admin.conf in minor versions that have none.
fn is_of_minor(cx: &Context, name: &str) -> Result<bool> {
    Ok(catalog::kubeconfigs_of(cx.facts()?).any(|spec| spec.name == name))
}

/// The directory of kubeconfig files: that of `--kubeconfig-dir`, or kubeadm's.
fn directory(run: &Run<Init>) -> PathBuf {
    run.work.options.kubeconfig_dir.clone().unwrap_or_else(|| KUBERNETES_DIR.into())
}

fn path(name: &str, directory: &Path) -> Result<PathBuf> {
    Ok(directory.join(catalog::kubeconfig(name)?.file))
}
