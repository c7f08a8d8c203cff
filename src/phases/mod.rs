//! Layer 6: the actions of the phases, one file each. The registry below maps the names in `phases/*.yaml` to actions,
//! tables and conditions.

pub mod addon;
pub mod bootstrap_token;
pub mod certs;
pub mod check_ready;
pub mod cluster_admins;
mod conditions;
pub mod control_plane;
pub mod delete_node;
pub mod drain;
pub mod etcd;
pub mod etcd_recover;
pub mod etcd_restore;
pub mod etcd_snapshot;
pub mod guard;
pub mod import;
pub mod join;
pub mod kubeconfig;
pub mod kubelet_finalize;
pub mod kubelet_start;
pub mod mark_control_plane;
pub mod pod_network;
pub mod preflight;
pub mod prune_backups;
pub mod remove_node;
pub mod renew;
pub mod repair_kubelet;
pub mod reset;
pub mod restart;
pub mod rotate_ca;
pub mod sans;
pub mod show_join_command;
pub mod update_cluster_status;
pub mod upgrade;
pub mod upload_certs;
pub mod upload_config;
pub mod wait_control_plane;

use crate::base::fault::Result;
use crate::context::Context;
use crate::pipeline::{Action, Each, Item, PipelineError, Registry, Workflow};
use crate::render::objects::Object;
use crate::render::objects::addon::AddonName;
use crate::state::renewable;

/// Every action and its name in phase lists.
const ACTIONS: &[(&str, &'static dyn Action)] = &[
    ("add-names", &sans::AddSans),
    ("addon-coredns", &addon::AddonCoreDns),
    ("addon-kube-proxy", &addon::AddonKubeProxy),
    ("bootstrap-token", &bootstrap_token::BootstrapTokens),
    ("certificate", &certs::Certificate),
    ("check-loss", &etcd_recover::check::CheckLoss),
    ("check-ready", &check_ready::CheckReady),
    ("check-restore", &etcd_restore::check::CheckRestore),
    ("check-snapshot", &etcd_snapshot::check::CheckSnapshot),
    ("cluster-admins", &cluster_admins::ClusterAdmins),
    ("cleanup-node", &reset::cleanup_node::CleanupNode),
    ("component-manifest", &control_plane::ComponentManifest),
    ("copy-data", &etcd_recover::copy::CopyData),
    ("delete-node", &delete_node::DeleteNode),
    ("drain", &drain::Drain),
    ("etcd-manifest", &etcd::EtcdManifest),
    ("check-etcd", &join::etcd::CheckEtcd),
    ("download-certs", &join::download_certs::DownloadCerts),
    ("grant-kubelet-api", &join::kubelet_api::GrantKubeletApi),
    ("guard", &guard::Guard),
    ("etcd-join", &join::etcd::EtcdJoin),
    ("force-cluster", &etcd_recover::force::ForceCluster),
    ("import-signed", &import::ImportSigned),
    ("forget-status", &update_cluster_status::ForgetStatus),
    ("join-certs", &join::prepare::JoinCerts),
    ("join-kubeconfig", &join::prepare::JoinKubeconfig),
    ("join-kubelet-start", &join::kubelet_start::JoinKubeletStart),
    ("join-manifests", &join::prepare::JoinManifests),
    ("install-pod-network", &pod_network::InstallPodNetwork),
    ("judge-signed", &import::VerifySigned),
    ("kubeconfig", &kubeconfig::Kubeconfig),
    ("kubelet-wait-bootstrap", &join::wait_bootstrap::WaitBootstrap),
    ("update-status", &join::update_status::UpdateStatus),
    ("kubelet-finalize", &kubelet_finalize::KubeletFinalize),
    ("kubelet-start", &kubelet_start::KubeletStart),
    ("mark-control-plane", &mark_control_plane::MarkControlPlane),
    ("preflight", &preflight::Preflight),
    ("prepare-data", &etcd_restore::prepare::PrepareData),
    ("prove-recovery", &etcd_recover::prove::ProveRecovery),
    ("prove-restore", &etcd_restore::prove::ProveRestore),
    ("prune-backups", &prune_backups::PruneBackups),
    ("prune-snapshots", &etcd_snapshot::prune::PruneSnapshots),
    ("remove-check", &remove_node::RemoveCheck),
    ("remove-etcd-member", &reset::RemoveEtcdMember),
    ("remove-member", &remove_node::RemoveMember),
    ("renew", &renew::Renew),
    ("repair-kubelet", &repair_kubelet::RepairKubelet),
    ("reset-preflight", &reset::preflight::ResetPreflight),
    ("restart-components", &restart::RestartComponents),
    ("rotation-announce", &rotate_ca::announce::Announce),
    ("rotation-authorities", &rotate_ca::cas::Cas),
    ("rotation-certificates", &rotate_ca::certificates::Certificates),
    ("rotation-check", &rotate_ca::check::Check),
    ("rotation-handover", &rotate_ca::distribute::Distribute),
    ("rotation-kubelet", &rotate_ca::kubelet::Kubelet),
    ("rotation-note", &rotate_ca::announce::RecordStage),
    ("rotation-signing", &rotate_ca::signing::Signing),
    ("rotation-signing-again", &rotate_ca::signing::SigningAgain),
    ("rotation-tokens", &rotate_ca::tokens::Tokens),
    ("save-snapshot", &etcd_snapshot::save::SaveSnapshot),
    ("show-join-command", &show_join_command::ShowJoinCommand),
    ("start-restored", &etcd_restore::start::StartRestored),
    ("start-etcd", &etcd_recover::start::StartEtcd),
    ("store-names", &sans::StoreSans),
    ("swap-data", &etcd_restore::swap::SwapData),
    ("undo-fix", &reset::undo_fix::UndoFix),
    ("upgrade-administrators", &upgrade::verify::RenewAdministrators),
    ("upgrade-coredns", &upgrade::addons::UpgradeCoreDns),
    ("upgrade-drain", &upgrade::host::pods::DrainHost),
    ("upgrade-finish", &upgrade::finish::FinishUpgrade),
    ("upgrade-host-kubelet", &upgrade::host::kubelet::ReplaceKubelet),
    ("upgrade-keep-stored", &upgrade::upload_kubelet::KeepStored),
    ("upgrade-kube-proxy", &upgrade::addons::UpgradeKubeProxy),
    ("upgrade-kubelet-files", &upgrade::kubelet::KubeletFiles),
    ("upgrade-kubelet-server", &upgrade::kubelet::KubeletServer),
    ("upgrade-node-marks", &upgrade::node_marks::MarkUpgraded),
    ("upgrade-packages", &upgrade::host::packages::FindPackages),
    ("upgrade-preflight", &upgrade::preflight::UpgradePreflight),
    ("upgrade-rbac", &upgrade::rbac::UpgradeRbac),
    ("upgrade-snapshot", &upgrade::snapshot::SaveBefore),
    ("upgrade-static-pod", &upgrade::static_pod::UpgradeStaticPod),
    ("upgrade-uncordon", &upgrade::host::release::UncordonHost),
    ("upgrade-upload-kubelet", &upgrade::upload_kubelet::UploadKubelet),
    ("upgrade-verify", &upgrade::verify::VerifyComponents),
    ("upload-certs", &upload_certs::UploadCerts),
    ("upload-cluster-config", &upload_config::UploadClusterConfig),
    ("upload-kubelet-config", &upload_config::UploadKubeletConfig),
    ("wait-control-plane", &wait_control_plane::WaitControlPlane),
];

/// The actions, tables and conditions that phase lists can use.
pub fn registry() -> Registry {
    Registry { action, items, holds: conditions::holds }
}

/// An addon's objects, for `--print-manifest`.
pub fn addon_objects(cx: &Context, addon: AddonName) -> Result<Vec<Object>> {
    addon::objects(cx, addon)
}

/// The phases of `init`.
pub fn init_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/init.yaml"), &registry())
}

/// The phases of `join`.
pub fn join_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/join.yaml"), &registry())
}

/// The phases of `reset`.
pub fn reset_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/reset.yaml"), &registry())
}

/// The phases of `node remove`.
pub fn remove_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/remove.yaml"), &registry())
}

/// The phases of `certs renew`.
pub fn renew_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/renew.yaml"), &registry())
}

/// The phases of `certs import`.
pub fn import_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/import.yaml"), &registry())
}

/// The phases of `certs add-san`.
pub fn add_san_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/add-san.yaml"), &registry())
}

/// The phases of each stage of `certs rotate-ca`.
pub fn rotate_ca_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/rotate-ca.yaml"), &registry())
}

/// The phases of `etcd snapshot save`.
pub fn etcd_snapshot_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/etcd-snapshot.yaml"), &registry())
}

/// The phases of `etcd recover`.
pub fn etcd_recover_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/etcd-recover.yaml"), &registry())
}

/// The phases of `etcd snapshot restore`.
pub fn etcd_restore_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/etcd-restore.yaml"), &registry())
}

/// The phases of `upgrade apply`.
pub fn upgrade_apply_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/upgrade-apply.yaml"), &registry())
}

/// The phases of `upgrade node`.
pub fn upgrade_node_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/upgrade-node.yaml"), &registry())
}

fn action(name: &str) -> Option<&'static dyn Action> {
    ACTIONS.iter().find(|(known, _)| *known == name).map(|(_, action)| *action)
}

fn items(each: Each) -> Vec<Item> {
    match each {
        Each::Certificate => certs::items(),
        Each::Kubeconfig => kubeconfig::items(),
        Each::Component => control_plane::items(),
        Each::Renewable => renewable::items(),
        Each::Importable => renewable::importable(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_list_loads() {
        assert_eq!(init_workflow().unwrap().workflow, "init");
        assert_eq!(join_workflow().unwrap().workflow, "join");
        assert_eq!(reset_workflow().unwrap().workflow, "reset");
        assert_eq!(remove_workflow().unwrap().workflow, "remove");
        assert_eq!(renew_workflow().unwrap().workflow, "renew");
        assert_eq!(import_workflow().unwrap().workflow, "import");
        assert_eq!(rotate_ca_workflow().unwrap().workflow, "rotate-ca");
        assert_eq!(add_san_workflow().unwrap().workflow, "add-san");
        assert_eq!(etcd_recover_workflow().unwrap().workflow, "etcd-recover");
        assert_eq!(etcd_restore_workflow().unwrap().workflow, "etcd-restore");
        assert_eq!(etcd_snapshot_workflow().unwrap().workflow, "etcd-snapshot");
        assert_eq!(upgrade_apply_workflow().unwrap().workflow, "upgrade apply");
        assert_eq!(upgrade_node_workflow().unwrap().workflow, "upgrade node");
    }

    #[test]
    fn every_action_is_used_by_a_phase_list() {
        let lists = [
            include_str!("../../phases/init.yaml"),
            include_str!("../../phases/join.yaml"),
            include_str!("../../phases/renew.yaml"),
            include_str!("../../phases/import.yaml"),
            include_str!("../../phases/add-san.yaml"),
            include_str!("../../phases/rotate-ca.yaml"),
            include_str!("../../phases/reset.yaml"),
            include_str!("../../phases/remove.yaml"),
            include_str!("../../phases/etcd-recover.yaml"),
            include_str!("../../phases/etcd-restore.yaml"),
            include_str!("../../phases/etcd-snapshot.yaml"),
            include_str!("../../phases/upgrade-apply.yaml"),
            include_str!("../../phases/upgrade-node.yaml"),
        ]
        .concat();
        for (name, _) in ACTIONS {
            assert!(lists.contains(&format!("action: {name}\n")), "no phase uses '{name}'");
        }
    }
}
