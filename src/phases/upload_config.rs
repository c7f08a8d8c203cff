//! The configuration of the cluster and of its kubelets, stored in the cluster for joins and upgrades.
//!
//! Reads: the configuration, the rules of /var/lib/kubelet/config.yaml, the existing ConfigMap. Writes: the ConfigMaps
//! `kubeadm-config` and `kubelet-config`, the permission to read them, and the node's annotation with the runtime's
//! socket in minor versions that need it.

use crate::base::fault::Result;
use crate::context::Context;
use crate::kube::kind::{NODE, ObjectRef};
use crate::kube::request::PatchKind;
use crate::ops::objects::settle;
use crate::phases::join::update_status;
use crate::phases::kubelet_start;
use crate::pipeline::{Action, Target};
use crate::render::objects::addons;
use crate::render::objects::{mark, upload_config};
use crate::state::stored_config;
use std::collections::BTreeMap;

/// ConfigMap `kubeadm-config`.
pub struct UploadClusterConfig;

impl Action for UploadClusterConfig {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let cluster = cx.new_cluster()?;
        let (config, node, facts) = (cx.cluster()?, cx.node()?, cx.facts()?);
        let document = cx.cluster_document()?;
        let endpoints = BTreeMap::from([(node.name.clone(), node.local_endpoint.clone())]);
        // Data of others are kept; ours are added.
        let has_status = stored_config::map(&cluster)?.is_some_and(|map| map["data"][update_status::KEY].is_string());
        let status = upload_config::cluster_status(facts, &endpoints).filter(|_| !has_status);
        let left_out = addons::disabled(config);
        settle(cx, &cluster, &upload_config::kubeadm_config(facts, &document, status.as_deref(), &left_out)?)?;
        if has_status && facts.cluster_status { update_status::add(cx, &cluster) } else { Ok(()) }
    }
}

/// The ConfigMap of the kubelets.
pub struct UploadKubeletConfig;

impl Action for UploadKubeletConfig {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let cluster = cx.new_cluster()?;
        let (config, facts) = (cx.cluster()?, cx.facts()?);
        let text = kubelet_start::shared_config(cx)?;
        settle(cx, &cluster, &upload_config::kubelet_config(facts, config, &text)?)?;
        let name = cx.node()?.name.clone();
        let node = cluster.wait_for_node(&name, cx.timeouts().tls_bootstrap, &cx.events, || Ok(()))?;
        let socket = cx.cri_socket()?;
        if let Some(patch) = mark::cri_socket_patch(cx.facts()?, cx.cluster()?, &node, &socket) {
            cluster.patch(&ObjectRef::global(&NODE, &name), PatchKind::Strategic, &patch)?;
            cx.events.message(format!("added the container runtime's socket to the annotations of node {name}"));
        }
        Ok(())
    }
}
