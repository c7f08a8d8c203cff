//! kubewright bootstraps Kubernetes clusters the way kubeadm does and finishes the jobs it leaves
//! to people. The layers, lowest first, are the modules below; imports go downward only.

pub mod base;
pub mod checks;
pub mod cli;
pub mod config;
pub mod context;
pub mod domain;
pub mod etcd;
pub mod fleet;
pub mod host;
pub mod journal;
pub mod kube;
pub mod ops;
pub mod phases;
pub mod pipeline;
pub mod pki;
pub mod render;
pub mod report;
pub mod ssh;
pub mod state;
pub mod versions;

pub use cli::run;
