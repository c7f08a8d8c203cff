//! Why an upgrade cannot be planned.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;

#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    /// The cluster has no stored configuration.
    #[error("the ConfigMap kube-system/kubeadm-config does not exist or has no ClusterConfiguration")]
    NoConfiguration,
    /// No API server of the control plane is known by its Pod.
    #[error("no Pod of an API server with a known version exists in kube-system")]
    NoApiServer,
    /// This host is not a control plane.
    #[error("this host has no static Pods: /etc/kubernetes/manifests/kube-apiserver.yaml does not exist")]
    NoControlPlane,
    /// No newer version is known.
    #[error("the cluster is {cluster}, and this version of kubewright knows no newer one")]
    NothingNewer { cluster: String },
}

impl Fault for UpgradeError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoConfiguration => {
                "run 'kubewright init phase upload-config kubeadm --config FILE' with the configuration of this cluster"
                    .into()
            }
            Self::NoApiServer => {
                "run 'kubectl -n kube-system get pods -l component=kube-apiserver -o wide' to see what runs".into()
            }
            Self::NoControlPlane => "run this on a control plane".into(),
            Self::NothingNewer { .. } => "name a version: run 'kubewright upgrade diff VERSION'".into(),
        })
    }
}
