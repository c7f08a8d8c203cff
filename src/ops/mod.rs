//! Changes that several phases make. A phase decides what to do; an operation does it.

pub mod bookkeeping;
pub mod client_csr;
pub mod cluster_info;
pub mod containers;
pub mod cordon;
pub mod csrs;
pub mod etcd_data;
pub mod etcd_member;
pub mod etcd_recovery;
pub mod etcd_restore;
pub mod eviction;
pub mod kubelet_service;
pub mod network;
pub mod node_labels;
pub mod node_status;
pub mod objects;
pub mod rejected_pods;
pub mod renewal;
pub mod report;
pub mod reset_progress;
pub mod rollback;
pub mod running;
pub mod signer_copy;
pub mod static_pods;
pub mod timer;
pub mod turn;
pub mod upgrade_progress;

#[cfg(test)]
mod tests;
