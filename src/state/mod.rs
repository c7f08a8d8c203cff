//! The state of this host and its cluster. Everything here only reads; changes are made in `ops`.

pub mod api_health;
pub mod artifacts;
pub mod backups;
pub mod cluster_ca;
pub mod cluster_certificates;
pub mod cluster_credentials;
pub mod consumers;
pub mod current_config;
pub mod doctor;
pub mod due;
pub mod etcd_recovery;
pub mod etcd_restore;
pub mod existing_cluster;
pub mod expiry;
pub mod health;
pub mod holding;
pub mod host_facts;
pub mod join_command;
#[cfg(test)]
pub mod join_fixture;
pub mod kube_proxy;
pub mod kubelet_arguments;
pub mod kubelet_client;
pub mod kubelet_credentials;
pub mod kubelet_csr;
pub mod leave_error;
pub mod leftovers;
pub mod local_etcd;
pub mod lost_data;
pub mod manifests;
pub mod needed_files;
pub mod not_yaml;
pub mod notice;
pub mod own_api;
pub mod own_etcd;
pub mod patches;
pub mod pods;
pub mod ports;
pub mod previous_run;
pub mod quorum;
#[cfg(test)]
pub mod quorum_fixture;
pub mod renewable;
#[cfg(test)]
pub mod renewal_fixture;
pub mod reset_progress;
pub mod room;
pub mod rotation;
pub mod snapshots;
pub mod stacked_etcd;
pub mod static_pod;
pub mod status;
pub mod stored_config;
#[cfg(test)]
pub mod test_cluster;
pub mod timer;
pub mod upgrade;
