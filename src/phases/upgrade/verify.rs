//! The administrators' kubeconfigs, and whether all components are still ready when the last one has changed.
//!
//! A component that fails later than a few seconds after its start is found here, before the cluster's configuration
//! changes.
//!
//! Reads: the manifests, the container runtime, the components' ports. Writes: admin.conf and super-admin.conf, with copies
//! of the old ones.

use super::component::{Cause, consumer, files, is_still_ready};
use super::going_back::go_back;
use super::static_pod::{due_certificates, renew};
use crate::base::fault::Result;
use crate::context::{Run, Upgrading};
use crate::domain::paths::manifest;
use crate::ops::running::{Running, ThisHost};
use crate::ops::{rollback, upgrade_progress};
use crate::pipeline::{Phase, Target};
use crate::state::manifests;

const KUBECONFIGS: [&str; 2] = ["admin.conf", "super-admin.conf"];

/// Renews the administrators' kubeconfigs.
pub struct RenewAdministrators;

impl Phase<Upgrading> for RenewAdministrators {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn keys_wanted(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<usize> {
        Ok(due_certificates(cx, &KUBECONFIGS)?.len())
    }

    fn run(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<()> {
        let due = due_certificates(cx, &KUBECONFIGS)?;
        if due.is_empty() {
            return Ok(());
        }
        let mut paths = rollback::admin_files();
        paths.retain(|path| cx.host.files.exists(path));
        upgrade_progress::keep(cx, &paths)?;
        renew(cx, &due)?;
        let host = ThisHost::find(cx)?;
        let verified = host.verify_admin_access(cx);
        verified.map_err(|failure| go_back(cx, "kube-apiserver", &failure, &host))
    }
}

/// Checks that every component that has changed is still ready.
pub struct VerifyComponents;

impl Phase<Upgrading> for VerifyComponents {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<()> {
        let host = ThisHost::find(cx)?;
        still_ready(cx, &host)
    }
}

/// Fails, and goes back, if a component that has changed is not ready any more.
pub fn still_ready(cx: &mut Run<Upgrading>, host: &dyn Running) -> Result<()> {
    for name in manifests::pod_names() {
        let Some(consumer) = consumer(name) else { continue };
        let own = files(cx, consumer)?;
        if !upgrade_progress::has_changed(cx, &own)? {
            continue;
        }
        let is_rewritten = upgrade_progress::has_changed(cx, &[manifest(name)])?;
        let cause = if is_rewritten { Cause::Manifest } else { Cause::Certificates };
        if let Err(failure) = is_still_ready(cx, consumer, cause, host) {
            return Err(go_back(cx, name, &failure, host));
        }
    }
    Ok(())
}
