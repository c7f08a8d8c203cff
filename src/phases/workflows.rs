//! The workflows: for each list in `phases/`, what its phases do, and the type of the options and results that they share. A list
//! that names an action of another workflow does not load.

use super::{
    addon, bootstrap_token, certs, change, check_ready, cluster_admins, conditions, control_plane, delete_node, drain,
    etcd, etcd_recover, etcd_restore, etcd_snapshot, guard, import, items, join, kubeconfig, kubelet_finalize,
    kubelet_start, mark_control_plane, network_test, pod_network, preflight, prune_backups, remove_node, renew,
    repair_kubelet, reset, restart, rotate_ca, sans, show_join_command, update_cluster_status, upgrade, upload_certs,
    upload_config, wait_control_plane,
};
use crate::context::{
    Elsewhere, Init, Joining, Leaving, Recovery, Renewal, Reset, Restoring, Rotating, Run, Saving, Upgrading,
};
use crate::pipeline::{Entry, PhaseList, PipelineError, Registry, When, Workflow};

/// A workflow whose list was read.
pub type Loaded<W> = Result<Workflow<W>, PipelineError>;

fn load<W>(text: &str, actions: &'static [Entry<W>], holds: fn(When, Option<&str>, &Run<W>) -> bool) -> Loaded<W> {
    Workflow::load(text, Registry { actions, items, holds })
}

/// The phases of `init`.
pub fn init() -> Loaded<Init> {
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
pub fn join() -> Loaded<Joining> {
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
pub fn reset() -> Loaded<Reset> {
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
pub fn remove() -> Loaded<Leaving<Elsewhere>> {
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
pub fn renew() -> Loaded<Renewal> {
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
pub fn import() -> Loaded<Renewal> {
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
pub fn add_san() -> Loaded<Renewal> {
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
pub fn rotate_ca() -> Loaded<Rotating> {
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
pub fn etcd_snapshot() -> Loaded<Saving> {
    const ACTIONS: &[Entry<Saving>] = &[
        ("check-snapshot", &etcd_snapshot::check::CheckSnapshot),
        ("save-snapshot", &etcd_snapshot::save::SaveSnapshot),
        ("prune-snapshots", &etcd_snapshot::prune::PruneSnapshots),
    ];
    load(include_str!("../../phases/etcd-snapshot.yaml"), ACTIONS, conditions::shared)
}

/// The phases of `etcd recover`.
pub fn etcd_recover() -> Loaded<Recovery> {
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
pub fn etcd_restore() -> Loaded<Restoring> {
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
pub fn upgrade_apply() -> Loaded<Upgrading> {
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
pub fn upgrade_node() -> Loaded<Upgrading> {
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
pub fn change() -> Loaded<Upgrading> {
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
        ("upgrade-finish", &upgrade::finish::FinishUpgrade),
        ("prune-backups", &prune_backups::PruneBackups),
    ];
    load(include_str!("../../phases/change.yaml"), ACTIONS, conditions::upgrade)
}

/// Every list, by the name of its file.
pub fn all() -> Result<Vec<PhaseList>, PipelineError> {
    Ok(vec![
        add_san()?.list,
        change()?.list,
        etcd_recover()?.list,
        etcd_restore()?.list,
        etcd_snapshot()?.list,
        import()?.list,
        init()?.list,
        join()?.list,
        remove()?.list,
        renew()?.list,
        reset()?.list,
        rotate_ca()?.list,
        upgrade_apply()?.list,
        upgrade_node()?.list,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_list_loads() {
        let names: Vec<String> = all().unwrap().into_iter().map(|list| list.workflow).collect();
        assert_eq!(
            names,
            [
                "add-san",
                "host change",
                "etcd-recover",
                "etcd-restore",
                "etcd-snapshot",
                "import",
                "init",
                "join",
                "remove",
                "renew",
                "reset",
                "rotate-ca",
                "upgrade apply",
                "upgrade node",
            ]
        );
    }

    #[test]
    fn every_action_is_used_by_its_list() {
        fn check<W>(workflow: Loaded<W>) {
            let workflow = workflow.unwrap();
            let used = format!("{:?}", workflow.list.phases);
            for (name, _) in workflow.registry.actions {
                let used = used.contains(&format!("action: Some({name:?})"));
                assert!(used, "no phase of '{}' uses '{name}'", workflow.list.workflow);
            }
        }
        check(add_san());
        check(change());
        check(etcd_recover());
        check(etcd_restore());
        check(etcd_snapshot());
        check(import());
        check(init());
        check(join());
        check(remove());
        check(renew());
        check(reset());
        check(rotate_ca());
        check(upgrade_apply());
        check(upgrade_node());
    }

    /// Such a list failed only when that phase ran.
    #[test]
    fn a_list_that_names_an_action_of_another_workflow_does_not_load() {
        let list = include_str!("../../phases/etcd-restore.yaml").replace("prepare-data", "copy-data");
        let Registry { actions, holds, .. } = etcd_restore().unwrap().registry;
        let refused = load(&list, actions, holds).err().unwrap().to_string();
        assert!(refused.contains("'copy-data', which this workflow does not have"), "{refused}");
    }
}
