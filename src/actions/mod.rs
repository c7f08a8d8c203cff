//! Layer 6: what each phase means, one file each. The registry below joins the names that
//! `phases/*.yaml` use to the actions, tables and conditions.

mod certificate;
pub mod cluster;
mod conditions;
pub mod expiration;
pub mod join;
pub mod join_line;
mod kubeconfig;
mod kubelet_finalize;
mod kubelet_start;
mod manifest;
mod patches;
mod preflight;
pub mod renewal;
mod show_join_command;
pub mod static_pod;
pub mod timer;
mod told;
mod wait_control_plane;

use crate::base::fault::Result;
use crate::context::Context;
use crate::pipeline::{Action, Each, Item, PipelineError, Registry, Workflow};
use crate::render::objects::Object;
use crate::render::objects::addon::AddonName;

/// Every action and the name that phase lists use for it.
const ACTIONS: &[(&str, &'static dyn Action)] = &[
    ("addon-coredns", &cluster::addon::AddonCoreDns),
    ("addon-kube-proxy", &cluster::addon::AddonKubeProxy),
    ("bootstrap-token", &cluster::bootstrap_token::BootstrapTokens),
    ("certificate", &certificate::Certificate),
    ("cluster-admins", &cluster::admins::ClusterAdmins),
    ("component-manifest", &manifest::ComponentManifest),
    ("etcd-manifest", &manifest::EtcdManifest),
    ("download-certs", &join::download_certs::DownloadCerts),
    ("etcd-join", &join::etcd::EtcdJoin),
    ("join-certs", &join::prepare::JoinCerts),
    ("join-kubeconfig", &join::prepare::JoinKubeconfig),
    ("join-kubelet-start", &join::kubelet_start::JoinKubeletStart),
    ("join-manifests", &join::prepare::JoinManifests),
    ("kubeconfig", &kubeconfig::Kubeconfig),
    ("kubelet-wait-bootstrap", &join::bootstrap::WaitBootstrap),
    ("update-status", &join::update_status::UpdateStatus),
    ("kubelet-finalize", &kubelet_finalize::KubeletFinalize),
    ("kubelet-start", &kubelet_start::KubeletStart),
    ("mark-control-plane", &cluster::mark::MarkControlPlane),
    ("preflight", &preflight::Preflight),
    ("renew", &renewal::Renew),
    ("repair-kubelet", &renewal::kubelet::RepairKubelet),
    ("restart-components", &renewal::restart::RestartComponents),
    ("show-join-command", &show_join_command::ShowJoinCommand),
    ("upload-certs", &cluster::upload_certs::UploadCerts),
    ("upload-cluster-config", &cluster::upload_config::UploadClusterConfig),
    ("upload-kubelet-config", &cluster::upload_config::UploadKubeletConfig),
    ("wait-control-plane", &wait_control_plane::WaitControlPlane),
];

/// The actions, tables and conditions that phase lists may name.
pub fn registry() -> Registry {
    Registry { action, items, holds: conditions::holds }
}

/// An addon's objects, for `--print-manifest`.
///
/// # Errors
/// When they cannot be made from the configuration.
pub fn addon_objects(cx: &Context, addon: AddonName) -> Result<Vec<Object>> {
    cluster::addon::objects(cx, addon)
}

/// The phases of `init`.
///
/// # Errors
/// Never in a build that passed its tests, which load every list.
pub fn init_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/init.yaml"), &registry())
}

/// The phases of `certs renew`.
///
/// # Errors
/// Never in a build that passed its tests, which load every list.
pub fn renew_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/renew.yaml"), &registry())
}

/// The phases of `join`.
///
/// # Errors
/// Never in a build that passed its tests, which load every list.
pub fn join_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/join.yaml"), &registry())
}

fn action(name: &str) -> Option<&'static dyn Action> {
    ACTIONS.iter().find(|(known, _)| *known == name).map(|(_, action)| *action)
}

fn items(each: Each) -> Vec<Item> {
    match each {
        Each::Certificate => certificate::items(),
        Each::Kubeconfig => kubeconfig::items(),
        Each::Component => manifest::items(),
        Each::Renewable => renewal::items(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_of_phases_loads() {
        assert_eq!(init_workflow().unwrap().workflow, "init");
        assert_eq!(renew_workflow().unwrap().workflow, "renew");
        assert_eq!(join_workflow().unwrap().workflow, "join");
    }

    #[test]
    fn every_action_is_used_by_a_list() {
        let lists = [
            include_str!("../../phases/init.yaml"),
            include_str!("../../phases/join.yaml"),
            include_str!("../../phases/renew.yaml"),
        ]
        .concat();
        for (name, _) in ACTIONS {
            assert!(lists.contains(&format!("action: {name}\n")), "no phase uses '{name}'");
        }
    }
}
