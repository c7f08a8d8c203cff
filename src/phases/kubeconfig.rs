//! One kubeconfig file with its client certificate.
//!
//! Reads: the cluster's and the node's configuration, the CA, and what lies in /etc/kubernetes.
//! Writes: `/etc/kubernetes/<name>.conf`, where it is missing.

use crate::base::fault::Result;
use crate::context::Context;
use crate::ops::report;
use crate::pipeline::{Action, Item, Target};
use crate::pki::catalog::{self, KUBECONFIGS};
use std::path::{Path, PathBuf};

/// The folder of kubeconfigs and manifests.
pub const KUBERNETES_DIR: &str = "/etc/kubernetes";

/// See the module's text.
pub struct Kubeconfig;

impl Action for Kubeconfig {
    fn keys_wanted(&self, cx: &mut Context, target: &Target) -> Result<usize> {
        let wanted = is_of_minor(cx, target)? && !cx.files.exists(&path(target)?);
        Ok(usize::from(wanted))
    }

    fn done(&self, cx: &mut Context, target: &Target) -> Result<bool> {
        Ok(cx.files.exists(&path(target)?))
    }

    fn run(&self, cx: &mut Context, target: &Target) -> Result<()> {
        if !is_of_minor(cx, target)? {
            return Ok(());
        }
        let (store, keys) = (cx.pki()?, cx.keys());
        let spec = catalog::kubeconfig(target.item())?;
        let outcome =
            store.ensure_kubeconfig(spec, Path::new(KUBERNETES_DIR), cx.cluster()?, cx.node()?, keys.as_ref())?;
        report::outcome(cx, &outcome);
        Ok(())
    }
}

/// The rows of the table as sub-phases.
pub fn items() -> Vec<Item> {
    KUBECONFIGS.iter().map(|spec| Item { name: spec.name, short: spec.what }).collect()
}

/// False for super-admin.conf in minors that have none.
fn is_of_minor(cx: &Context, target: &Target) -> Result<bool> {
    Ok(catalog::kubeconfigs_of(cx.facts()?).any(|spec| spec.name == target.item()))
}

fn path(target: &Target) -> Result<PathBuf> {
    Ok(Path::new(KUBERNETES_DIR).join(catalog::kubeconfig(target.item())?.file))
}
