//! Layer 6: what each phase means, one file each. The registry below joins the names that
//! `phases/*.yaml` use to the actions, tables and conditions.

pub mod backups;
mod certificate;
pub mod cluster;
mod conditions;
pub mod expiration;
mod health;
pub mod join;
pub mod join_line;
mod kubeconfig;
mod kubelet_finalize;
mod kubelet_start;
pub mod leave;
mod manifest;
mod not_yaml;
mod patches;
pub mod preflight;
mod readmission;
pub mod renewal;
pub mod reset;
pub mod rotation;
mod show_join_command;
mod stacked_etcd;
pub mod standing;
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
    ("add-names", &renewal::names::AddNames),
    ("addon-coredns", &cluster::addon::AddonCoreDns),
    ("addon-kube-proxy", &cluster::addon::AddonKubeProxy),
    ("bootstrap-token", &cluster::bootstrap_token::BootstrapTokens),
    ("certificate", &certificate::Certificate),
    ("check-kubelet", &renewal::kubelet_service::CheckKubelet),
    ("cluster-admins", &cluster::admins::ClusterAdmins),
    ("cleanup-node", &reset::cleanup::CleanupNode),
    ("component-manifest", &manifest::ComponentManifest),
    ("delete-node", &leave::node::DeleteNode),
    ("drain", &leave::drain::Drain),
    ("etcd-manifest", &manifest::EtcdManifest),
    ("check-etcd", &join::etcd::CheckEtcd),
    ("download-certs", &join::download_certs::DownloadCerts),
    ("etcd-join", &join::etcd::EtcdJoin),
    ("import-signed", &renewal::import::ImportSigned),
    ("forget-status", &leave::status::ForgetStatus),
    ("join-certs", &join::prepare::JoinCerts),
    ("join-kubeconfig", &join::prepare::JoinKubeconfig),
    ("join-kubelet-start", &join::kubelet_start::JoinKubeletStart),
    ("join-manifests", &join::prepare::JoinManifests),
    ("judge-signed", &renewal::import::JudgeSigned),
    ("kubeconfig", &kubeconfig::Kubeconfig),
    ("kubelet-wait-bootstrap", &join::bootstrap::WaitBootstrap),
    ("update-status", &join::update_status::UpdateStatus),
    ("kubelet-finalize", &kubelet_finalize::KubeletFinalize),
    ("kubelet-start", &kubelet_start::KubeletStart),
    ("mark-control-plane", &cluster::mark::MarkControlPlane),
    ("preflight", &preflight::Preflight),
    ("prune-backups", &backups::PruneBackups),
    ("remove-check", &leave::elsewhere::RemoveCheck),
    ("remove-etcd-member", &reset::RemoveEtcdMember),
    ("remove-member", &leave::elsewhere::RemoveMember),
    ("renew", &renewal::Renew),
    ("repair-kubelet", &renewal::kubelet::RepairKubelet),
    ("reset-preflight", &reset::preflight::ResetPreflight),
    ("restart-components", &renewal::restart::RestartComponents),
    ("rotation-announce", &rotation::cluster::Announce),
    ("rotation-authorities", &rotation::authorities::Authorities),
    ("rotation-certificates", &rotation::certificates::Certificates),
    ("rotation-check", &rotation::check::Check),
    ("rotation-handover", &rotation::handover::Handover),
    ("rotation-kubelet", &rotation::kubelet::Kubelet),
    ("rotation-note", &rotation::cluster::Note),
    ("rotation-signing", &rotation::signing::Signing),
    ("rotation-signing-again", &rotation::signing::SigningAgain),
    ("rotation-tokens", &rotation::tokens::Tokens),
    ("show-join-command", &show_join_command::ShowJoinCommand),
    ("store-names", &renewal::names::StoreNames),
    ("undo-fix", &reset::undo::UndoFix),
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

/// The phases of `join`.
///
/// # Errors
/// Never in a build that passed its tests, which load every list.
pub fn join_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/join.yaml"), &registry())
}

/// The phases of `reset`.
///
/// # Errors
/// Never in a build that passed its tests, which load every list.
pub fn reset_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/reset.yaml"), &registry())
}

/// The phases of `node remove`.
///
/// # Errors
/// Never in a build that passed its tests, which load every list.
pub fn remove_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/remove.yaml"), &registry())
}

/// The phases of `certs renew`.
///
/// # Errors
/// Never in a build that passed its tests, which load every list.
pub fn renew_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/renew.yaml"), &registry())
}

/// The phases of `certs import`.
///
/// # Errors
/// Never in a build that passed its tests, which load every list.
pub fn import_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/import.yaml"), &registry())
}

/// The phases of `certs add-san`.
///
/// # Errors
/// Never in a build that passed its tests, which load every list.
pub fn add_san_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/add-san.yaml"), &registry())
}

/// The phases of each stage of `certs rotate-ca`.
///
/// # Errors
/// Never in a build that passed its tests, which load every list.
pub fn rotate_ca_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/rotate-ca.yaml"), &registry())
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
        Each::Importable => renewal::importable(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_of_phases_loads() {
        assert_eq!(init_workflow().unwrap().workflow, "init");
        assert_eq!(join_workflow().unwrap().workflow, "join");
        assert_eq!(reset_workflow().unwrap().workflow, "reset");
        assert_eq!(remove_workflow().unwrap().workflow, "remove");
        assert_eq!(renew_workflow().unwrap().workflow, "renew");
        assert_eq!(import_workflow().unwrap().workflow, "import");
        assert_eq!(rotate_ca_workflow().unwrap().workflow, "rotate-ca");
        assert_eq!(add_san_workflow().unwrap().workflow, "add-san");
    }

    #[test]
    fn every_action_is_used_by_a_list() {
        let lists = [
            include_str!("../../phases/init.yaml"),
            include_str!("../../phases/join.yaml"),
            include_str!("../../phases/renew.yaml"),
            include_str!("../../phases/import.yaml"),
            include_str!("../../phases/add-san.yaml"),
            include_str!("../../phases/rotate-ca.yaml"),
            include_str!("../../phases/reset.yaml"),
            include_str!("../../phases/remove.yaml"),
        ]
        .concat();
        for (name, _) in ACTIONS {
            assert!(lists.contains(&format!("action: {name}\n")), "no phase uses '{name}'");
        }
    }
}
