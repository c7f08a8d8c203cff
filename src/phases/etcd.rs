//! The static Pod manifest of etcd.
//!
//! Reads: the cluster's and the node's configuration, the patches. Writes: the manifest of etcd and its data directory.

use crate::base::fault::Result;
use crate::context::Context;
use crate::domain::paths::manifest;
use crate::ops::static_pods::write_etcd;
use crate::pipeline::{Action, Target};
use crate::state::manifests::ETCD;

/// The manifest of etcd on this host.
pub struct EtcdManifest;

impl Action for EtcdManifest {
    fn done(&self, cx: &mut Context, _: &Target) -> Result<bool> {
        Ok(cx.files.exists(&manifest(ETCD)))
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        // A kubelet that runs starts the Pod at once; if it lacked its image, it would pull that a second time.
        cx.finish_pulls()?;
        write_etcd(cx, &[])
    }
}
