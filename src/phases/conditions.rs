//! Whether the condition of a phase is met, for each workflow whose list has conditions.
//!
//! Reads: the configuration and the options. Writes: nothing.

use crate::config::model::Etcd;
use crate::context::upgrading::{Change, Scope};
use crate::context::{Init, Joining, Run, Upgrading};
use crate::pipeline::When;
use crate::render::objects::addons;

/// Conditions that depend on the configuration of the cluster only.
pub fn shared<W>(when: When, row: Option<&str>, run: &Run<W>) -> bool {
    let cluster = run.cluster().ok();
    match when {
        When::Always => true,
        When::LocalEtcd => cluster.is_some_and(|c| matches!(c.etcd, Etcd::Local(_))),
        When::AddonWanted => {
            let addon = row.and_then(addons::named);
            cluster.is_some_and(|cluster| addon.is_none_or(|addon| !(addon.is_disabled)(cluster)))
        }
        When::ControlPlane
        | When::UploadCerts
        | When::NetworkChosen
        | When::Finishes
        | When::PodsChange
        | When::KubeletChanges
        | When::StoresPods
        | When::StoresKubelet => false,
    }
}

pub fn init(when: When, row: Option<&str>, run: &Run<Init>) -> bool {
    match when {
        When::UploadCerts => run.work.options.upload_certs,
        When::NetworkChosen => run.work.pod_network.is_some(),
        _ => shared(when, row, run),
    }
}

pub fn join(when: When, row: Option<&str>, run: &Run<Joining>) -> bool {
    if when == When::ControlPlane { run.work.control_plane.is_some() } else { shared(when, row, run) }
}

fn change(run: &Run<Upgrading>) -> Change {
    run.work.purpose.change.unwrap_or_default()
}

pub fn upgrade(when: When, row: Option<&str>, run: &Run<Upgrading>) -> bool {
    match when {
        When::ControlPlane => run.work.purpose.scope != Scope::Worker,
        // A control plane upgrades them.
        When::AddonWanted => run.work.purpose.scope != Scope::Worker && shared(when, row, run),
        When::Finishes => run.work.purpose.finish.is_some(),
        When::PodsChange => change(run).parts.components,
        When::KubeletChanges => change(run).parts.kubelet,
        When::StoresPods => change(run).stores.components,
        When::StoresKubelet => change(run).stores.kubelet,
        _ => shared(when, row, run),
    }
}
