//! The configuration of all kubelets for the target version.
//!
//! What is set stays; fields that the target version adds get its defaults. The ConfigMap of the former version stays for
//! nodes that are not upgraded yet, where its name contains the version.
//!
//! Reads: the ConfigMap. Writes: the ConfigMap `kubelet-config` or `kubelet-config-1.X`, and the permission to read it.

use crate::base::fault::Result;
use crate::config::model::ClusterConfig;
use crate::context::{Run, Upgrading};
use crate::kube::kind::{CONFIG_MAP, ObjectRef};
use crate::ops::objects::settle;
use crate::ops::upgrade_progress;
use crate::pipeline::{Phase, Target};
use crate::render::objects::{checksum, upload_config};
use crate::state::stored_config;
use crate::state::upgrade::cluster::kubelet_config;
use crate::state::upgrade::files::shared_kubelet_config;
use serde_json::Map;

const NAMESPACE: &str = "kube-system";

pub struct UploadKubelet;

impl Phase<Upgrading> for UploadKubelet {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<()> {
        let cluster = cx.new_cluster()?;
        let stored = cx.work.purpose.stored.clone();
        let Some((name, shared)) = kubelet_config(&cluster, &stored)? else {
            cx.events.warning("the cluster has no ConfigMap with the kubelet's configuration: none is written");
            return Ok(());
        };
        let there = cluster.find(&ObjectRef::new(&CONFIG_MAP, NAMESPACE, &name))?.unwrap_or_default();
        let text = shared_kubelet_config(cx, &shared)?;
        // A generated one stays marked as such.
        let document = if checksum::is_generated(&there) { Map::new() } else { shared };
        let config = ClusterConfig { kubelet: document, ..cx.cluster()?.clone() };
        let objects = upload_config::kubelet_config(cx.facts()?, &config, &text)?;
        if !there.is_null() {
            upgrade_progress::keep_object(cx, &there)?;
        }
        settle(cx, &cluster, &objects)
    }
}

/// Keeps the stored configuration as it is now, before the phase that changes it.
pub struct KeepStored;

impl Phase<Upgrading> for KeepStored {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<()> {
        let cluster = cx.new_cluster()?;
        match stored_config::map(&cluster)? {
            Some(map) => upgrade_progress::keep_object(cx, &map),
            None => Ok(()),
        }
    }
}
