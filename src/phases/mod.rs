//! Layer 9: what the phases do, one file each; and the workflows: for each list in `phases/`, which actions its phases may name,
//! and the type of the options and results that they share. A list that names an action of another workflow does not load.

pub mod addon;
pub mod bootstrap_token;
pub mod certs;
pub mod change;
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
pub mod network_test;
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
#[cfg(test)]
mod tests;
pub mod update_cluster_status;
pub mod upgrade;
pub mod upload_certs;
pub mod upload_config;
pub mod wait_control_plane;

use crate::base::fault::Result;
use crate::context::{
    Context, Elsewhere, Init, Joining, Leaving, Recovery, Renewal, Reset, Restoring, Rotating, Run, Saving, Upgrading,
};
use crate::pipeline::{Each, Entry, Item, PhaseList, PipelineError, Registry, When, Workflow};
use crate::render::objects::Object;
use crate::render::objects::addon::Addon;
use crate::state::renewable;

/// A workflow whose list was read.
pub type Loaded<W> = Result<Workflow<W>, PipelineError>;

fn load<W>(text: &str, actions: &'static [Entry<W>], holds: fn(When, Option<&str>, &Run<W>) -> bool) -> Loaded<W> {
    Workflow::load(text, Registry { actions, items, holds })
}

/// The phases of `init`.
pub fn init_workflow() -> Loaded<Init> {
    const ACTIONS: &[Entry<Init>] = &[
        ("guard", &guard::Guard),
        ("preflight", &preflight::Preflight),
        ("certificate", &certs::Certificate),
        ("kubeconfig", &kubeconfig::Kubeconfig),
        ("etcd-manifest", &etcd::EtcdManifest),
        ("component-manifest", &control_plane::ComponentManifest),
        ("kubelet-start", &kubelet_start::KubeletStart),
        ("wait-control-plane", &wait_control_plane::WaitControlPlane),
        ("cluster-admins", &cluster_admins::ClusterAdmins),
        ("upload-cluster-config", &upload_config::UploadClusterConfig),
        ("upload-kubelet-config", &upload_config::UploadKubeletConfig),
        ("upload-certs", &upload_certs::UploadCerts),
        ("mark-control-plane", &mark_control_plane::MarkControlPlane),
        ("bootstrap-token", &bootstrap_token::BootstrapTokens),
        ("kubelet-finalize", &kubelet_finalize::KubeletFinalize),
        ("addon", &addon::InstallAddon),
        ("install-pod-network", &pod_network::InstallPodNetwork),
        ("test-pod-network", &network_test::TestPodNetwork),
        ("show-join-command", &show_join_command::ShowJoinCommand),
    ];
    load(include_str!("../../phases/init.yaml"), ACTIONS, conditions::init)
}

/// The phases of `join`.
pub fn join_workflow() -> Loaded<Joining> {
    const ACTIONS: &[Entry<Joining>] = &[
        ("preflight", &preflight::Preflight),
        ("download-certs", &join::download_certs::DownloadCerts),
        ("join-certs", &join::prepare::JoinCerts),
        ("join-kubeconfig", &join::prepare::JoinKubeconfig),
        ("join-manifests", &join::prepare::JoinManifests),
        ("grant-kubelet-api", &join::kubelet_api::GrantKubeletApi),
        ("check-etcd", &join::etcd::CheckEtcd),
        ("join-kubelet-start", &join::kubelet_start::JoinKubeletStart),
        ("etcd-join", &join::etcd::EtcdJoin),
        ("kubelet-wait-bootstrap", &join::wait_bootstrap::WaitBootstrap),
        ("update-status", &join::update_status::UpdateStatus),
        ("mark-control-plane", &mark_control_plane::MarkControlPlane),
        ("wait-control-plane", &wait_control_plane::WaitControlPlane),
    ];
    load(include_str!("../../phases/join.yaml"), ACTIONS, conditions::join)
}

/// The phases of `reset`.
pub fn reset_workflow() -> Loaded<Reset> {
    const ACTIONS: &[Entry<Reset>] = &[
        ("reset-preflight", &reset::preflight::ResetPreflight),
        ("drain", &drain::Drain),
        ("forget-status", &update_cluster_status::ForgetStatus),
        ("delete-node", &delete_node::DeleteNode),
        ("remove-etcd-member", &reset::RemoveEtcdMember),
        ("cleanup-node", &reset::cleanup_node::CleanupNode),
        ("undo-fix", &reset::undo_fix::UndoFix),
    ];
    load(include_str!("../../phases/reset.yaml"), ACTIONS, conditions::shared)
}

/// The phases of `node remove`.
pub fn remove_workflow() -> Loaded<Leaving<Elsewhere>> {
    const ACTIONS: &[Entry<Leaving<Elsewhere>>] = &[
        ("remove-check", &remove_node::RemoveCheck),
        ("drain", &drain::Drain),
        ("remove-member", &remove_node::RemoveMember),
        ("forget-status", &update_cluster_status::ForgetStatus),
        ("delete-node", &delete_node::DeleteNode),
    ];
    load(include_str!("../../phases/remove.yaml"), ACTIONS, conditions::shared)
}

/// The phases of `certs renew`.
pub fn renew_workflow() -> Loaded<Renewal> {
    const ACTIONS: &[Entry<Renewal>] = &[
        ("check-ready", &check_ready::CheckReady),
        ("renew", &renew::Renew),
        ("repair-kubelet", &repair_kubelet::RepairKubelet),
        ("restart-components", &restart::RestartComponents),
        ("prune-backups", &prune_backups::PruneBackups),
    ];
    load(include_str!("../../phases/renew.yaml"), ACTIONS, conditions::shared)
}

/// The phases of `certs import`.
pub fn import_workflow() -> Loaded<Renewal> {
    const ACTIONS: &[Entry<Renewal>] = &[
        ("judge-signed", &import::VerifySigned),
        ("check-ready", &check_ready::CheckReady),
        ("import-signed", &import::ImportSigned),
        ("restart-components", &restart::RestartComponents),
        ("prune-backups", &prune_backups::PruneBackups),
    ];
    load(include_str!("../../phases/import.yaml"), ACTIONS, conditions::shared)
}

/// The phases of `certs add-san`.
pub fn add_san_workflow() -> Loaded<Renewal> {
    const ACTIONS: &[Entry<Renewal>] = &[
        ("check-ready", &check_ready::CheckReady),
        ("store-names", &sans::StoreSans),
        ("add-names", &sans::AddSans),
        ("restart-components", &restart::RestartComponents),
        ("prune-backups", &prune_backups::PruneBackups),
    ];
    load(include_str!("../../phases/add-san.yaml"), ACTIONS, conditions::shared)
}

/// The phases of each stage of `certs rotate-ca`.
pub fn rotate_ca_workflow() -> Loaded<Rotating> {
    const ACTIONS: &[Entry<Rotating>] = &[
        ("rotation-check", &rotate_ca::check::Check),
        ("rotation-tokens", &rotate_ca::tokens::Tokens),
        ("rotation-handover", &rotate_ca::distribute::Distribute),
        ("rotation-signing", &rotate_ca::signing::Signing),
        ("rotation-authorities", &rotate_ca::cas::Cas),
        ("rotation-certificates", &rotate_ca::certificates::Certificates),
        ("rotation-signing-again", &rotate_ca::signing::SigningAgain),
        ("restart-components", &restart::RestartComponents),
        ("rotation-kubelet", &rotate_ca::kubelet::Kubelet),
        ("prune-backups", &prune_backups::PruneBackups),
        ("rotation-announce", &rotate_ca::announce::Announce),
        ("rotation-note", &rotate_ca::announce::RecordStage),
    ];
    load(include_str!("../../phases/rotate-ca.yaml"), ACTIONS, conditions::shared)
}

/// The phases of `etcd snapshot save`.
pub fn etcd_snapshot_workflow() -> Loaded<Saving> {
    const ACTIONS: &[Entry<Saving>] = &[
        ("check-snapshot", &etcd_snapshot::check::CheckSnapshot),
        ("save-snapshot", &etcd_snapshot::save::SaveSnapshot),
        ("prune-snapshots", &etcd_snapshot::prune::PruneSnapshots),
    ];
    load(include_str!("../../phases/etcd-snapshot.yaml"), ACTIONS, conditions::shared)
}

/// The phases of `etcd recover`.
pub fn etcd_recover_workflow() -> Loaded<Recovery> {
    const ACTIONS: &[Entry<Recovery>] = &[
        ("check-loss", &etcd_recover::check::CheckLoss),
        ("copy-data", &etcd_recover::copy::CopyData),
        ("force-cluster", &etcd_recover::force::ForceCluster),
        ("start-etcd", &etcd_recover::start::StartEtcd),
        ("prove-recovery", &etcd_recover::prove::ProveRecovery),
    ];
    load(include_str!("../../phases/etcd-recover.yaml"), ACTIONS, conditions::shared)
}

/// The phases of `etcd snapshot restore`.
pub fn etcd_restore_workflow() -> Loaded<Restoring> {
    const ACTIONS: &[Entry<Restoring>] = &[
        ("check-restore", &etcd_restore::check::CheckRestore),
        ("prepare-data", &etcd_restore::prepare::PrepareData),
        ("swap-data", &etcd_restore::swap::SwapData),
        ("start-restored", &etcd_restore::start::StartRestored),
        ("prove-restore", &etcd_restore::prove::ProveRestore),
    ];
    load(include_str!("../../phases/etcd-restore.yaml"), ACTIONS, conditions::shared)
}

/// The phases of `upgrade apply`.
pub fn upgrade_apply_workflow() -> Loaded<Upgrading> {
    const ACTIONS: &[Entry<Upgrading>] = &[
        ("upgrade-preflight", &upgrade::preflight::UpgradePreflight),
        ("upgrade-snapshot", &upgrade::snapshot::SaveBefore),
        ("upgrade-static-pod", &upgrade::static_pod::UpgradeStaticPod),
        ("upgrade-administrators", &upgrade::verify::RenewAdministrators),
        ("upgrade-verify", &upgrade::verify::VerifyComponents),
        ("upgrade-keep-stored", &upgrade::upload_kubelet::KeepStored),
        ("upload-cluster-config", &upload_config::UploadClusterConfig),
        ("upgrade-upload-kubelet", &upgrade::upload_kubelet::UploadKubelet),
        ("upgrade-kubelet-server", &upgrade::kubelet::KubeletServer),
        ("upgrade-kubelet-files", &upgrade::kubelet::KubeletFiles),
        ("upgrade-rbac", &upgrade::rbac::UpgradeRbac),
        ("upgrade-addon", &upgrade::addons::UpgradeAddon),
        ("upgrade-node-marks", &upgrade::node_marks::MarkUpgraded),
        ("upgrade-packages", &upgrade::host::packages::FindPackages),
        ("upgrade-drain", &upgrade::host::pods::DrainHost),
        ("upgrade-host-kubelet", &upgrade::host::kubelet::ReplaceKubelet),
        ("upgrade-uncordon", &upgrade::host::release::UncordonHost),
        ("upgrade-finish", &upgrade::finish::FinishUpgrade),
        ("prune-backups", &prune_backups::PruneBackups),
    ];
    load(include_str!("../../phases/upgrade-apply.yaml"), ACTIONS, conditions::upgrade)
}

/// The phases of `upgrade node`.
pub fn upgrade_node_workflow() -> Loaded<Upgrading> {
    const ACTIONS: &[Entry<Upgrading>] = &[
        ("upgrade-preflight", &upgrade::preflight::UpgradePreflight),
        ("upgrade-snapshot", &upgrade::snapshot::SaveBefore),
        ("upgrade-static-pod", &upgrade::static_pod::UpgradeStaticPod),
        ("upgrade-administrators", &upgrade::verify::RenewAdministrators),
        ("upgrade-verify", &upgrade::verify::VerifyComponents),
        ("upgrade-kubelet-server", &upgrade::kubelet::KubeletServer),
        ("upgrade-kubelet-files", &upgrade::kubelet::KubeletFiles),
        ("upgrade-addon", &upgrade::addons::UpgradeAddon),
        ("upgrade-node-marks", &upgrade::node_marks::MarkUpgraded),
        ("upgrade-packages", &upgrade::host::packages::FindPackages),
        ("upgrade-drain", &upgrade::host::pods::DrainHost),
        ("upgrade-host-kubelet", &upgrade::host::kubelet::ReplaceKubelet),
        ("upgrade-uncordon", &upgrade::host::release::UncordonHost),
        ("upgrade-finish", &upgrade::finish::FinishUpgrade),
        ("prune-backups", &prune_backups::PruneBackups),
    ];
    load(include_str!("../../phases/upgrade-node.yaml"), ACTIONS, conditions::upgrade)
}

/// The phases of `host change`.
pub fn change_workflow() -> Loaded<Upgrading> {
    const ACTIONS: &[Entry<Upgrading>] = &[
        ("upgrade-preflight", &upgrade::preflight::UpgradePreflight),
        ("upgrade-static-pod", &upgrade::static_pod::UpgradeStaticPod),
        ("upgrade-verify", &upgrade::verify::VerifyComponents),
        ("change-kubelet", &change::kubelet::ChangeKubelet),
        ("change-announce", &change::mark::Announce),
        ("upgrade-keep-stored", &upgrade::upload_kubelet::KeepStored),
        ("upload-cluster-config", &upload_config::UploadClusterConfig),
        ("change-upload-kubelet", &change::upload_kubelet::UploadKubelet),
        ("change-done", &change::mark::Done),
        ("change-kube-proxy", &change::kube_proxy::ChangeKubeProxy),
        ("upgrade-finish", &upgrade::finish::FinishUpgrade),
        ("prune-backups", &prune_backups::PruneBackups),
    ];
    load(include_str!("../../phases/change.yaml"), ACTIONS, conditions::upgrade)
}

/// Every list, by the name of its file.
pub fn all() -> Result<Vec<PhaseList>, PipelineError> {
    Ok(vec![
        add_san_workflow()?.list,
        change_workflow()?.list,
        etcd_recover_workflow()?.list,
        etcd_restore_workflow()?.list,
        etcd_snapshot_workflow()?.list,
        import_workflow()?.list,
        init_workflow()?.list,
        join_workflow()?.list,
        remove_workflow()?.list,
        renew_workflow()?.list,
        reset_workflow()?.list,
        rotate_ca_workflow()?.list,
        upgrade_apply_workflow()?.list,
        upgrade_node_workflow()?.list,
    ])
}

/// An addon's objects, for `--print-manifest`.
pub fn addon_objects(cx: &Context, addon: &Addon) -> Result<Vec<Object>> {
    addon::objects(cx, addon)
}

fn items(each: Each) -> Vec<Item> {
    match each {
        Each::Certificate => certs::items(),
        Each::Kubeconfig => kubeconfig::items(),
        Each::Component => control_plane::items(),
        Each::Renewable => renewable::items(),
        Each::Importable => renewable::importable(),
        Each::Addon => addon::items(),
        Each::UpgradedAddon => upgrade::addons::items(),
    }
}
