//! The static Pod manifest of etcd.
//!
//! Reads: the cluster and node configuration, the patches. Writes: the manifest of etcd and its data directory.

use crate::base::fault::Result;
use crate::context::Context;
use crate::domain::paths::manifest;
use crate::ops::static_pods::write_etcd;
use crate::pipeline::{Action, Target};
use crate::state::manifests::ETCD;

/// The manifest of etcd on this host.
pub struct EtcdManifest;

impl Action for EtcdManifest {
    fn is_guarded(&self) -> bool {
        true
    }

    fn done(&self, cx: &mut Context, _: &Target) -> Result<bool> {
        Ok(cx.host.files.exists(&manifest(ETCD)))
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        // A running kubelet starts the Pod immediately; without the image it would pull it a second time.
        cx.finish_pulls()?;
        write_etcd(cx, &[])
    }
}
