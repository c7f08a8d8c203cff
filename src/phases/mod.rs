//! Layer 9: what the phases do, one file each. `workflows` says which of them each list in `phases/` may name.

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
pub mod update_cluster_status;
pub mod upgrade;
pub mod upload_certs;
pub mod upload_config;
pub mod wait_control_plane;
pub mod workflows;

use crate::base::fault::Result;
use crate::context::Context;
use crate::pipeline::{Each, Item};
use crate::render::objects::Object;
use crate::render::objects::addon::Addon;
use crate::state::renewable;

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
