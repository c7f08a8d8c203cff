//! Layer 4: checks of this host before a change, their fixes, and the diagnosis of a component that does not start.
//!
//! `run` runs all checks in parallel and changes nothing; `fix` fixes what can be fixed;
//! `diagnosis` explains a wait that timed out. Checks have kubeadm's names, so that lists of
//! checks to ignore keep working.

mod address;
mod authorities;
mod catalog;
mod cgroup_driver;
pub mod containerd;
pub mod diagnosis;
mod docker;
mod endpoint;
mod etcd_client;
mod existing_cluster;
mod external_data;
mod external_etcd;
mod files;
mod finding;
mod firewall;
pub mod fix;
mod guards;
mod holding;
mod ignore;
mod inputs;
mod kubelet_environment;
mod lost;
mod machine;
mod network;
mod pod_network;
mod programs;
mod running_node;
mod runtime;
mod signers;
mod standing;
mod system;

pub use catalog::run;
pub use existing_cluster::{Data, Database, ExistingCluster};
pub use external_etcd::oldest as oldest_external_etcd;
pub use finding::{Consequence, Finding, Repair, Report, Role, Severity, Unfit};
pub use guards::guard;
pub use holding::{EtcdData, Holding, LostData, Whose};
pub use inputs::{Inputs, Rerun};
pub use pod_network::plugin_directory;
pub use running_node::{UndoUnderPods, refuse_undo};
pub use runtime::pull_findings;
