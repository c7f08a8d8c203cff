//! Where a cluster's files are on a host, unless its configuration says otherwise. The paths are kubeadm's.

use std::path::{Path, PathBuf};

/// The directory of kubeconfigs, certificates and static Pods.
pub const KUBERNETES_DIR: &str = "/etc/kubernetes";
/// The directory of static Pods.
pub const MANIFESTS_DIR: &str = "/etc/kubernetes/manifests";
/// The default directory of certificates.
pub const PKI_DIR: &str = "/etc/kubernetes/pki";
/// The administrator's kubeconfig.
pub const ADMIN_CONF: &str = "/etc/kubernetes/admin.conf";
/// The kubeconfig of the administrator whom RBAC does not restrict, in minors that have one.
pub const SUPER_ADMIN_CONF: &str = "/etc/kubernetes/super-admin.conf";
/// The kubelet's kubeconfig. The kubelet writes it before it has a certificate.
pub const KUBELET_CONF: &str = "/etc/kubernetes/kubelet.conf";
/// The kubeconfig with which a kubelet requests its first certificate.
pub const BOOTSTRAP_KUBELET_CONF: &str = "/etc/kubernetes/bootstrap-kubelet.conf";

/// The kubelet's directory.
pub const KUBELET_DIR: &str = "/var/lib/kubelet";
/// The kubelet's configuration.
pub const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";
/// The kubelet's flags, in minors that have them.
pub const KUBELET_FLAGS: &str = "/var/lib/kubelet/kubeadm-flags.env";
/// The default directory of the kubelet's certificates.
pub const KUBELET_PKI_DIR: &str = "/var/lib/kubelet/pki";
/// The certificate that the kubelet renews, with its key; a link to a file with a date in its name.
pub const KUBELET_CLIENT_CURRENT: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";

/// The default directory of etcd's data.
pub const ETCD_DATA_DIR: &str = "/var/lib/etcd";

/// Copies of what `certs` commands replaced.
pub const BACKUP_DIR: &str = "/var/lib/kubewright/backup";

/// Where snapshots of etcd are saved by default.
pub const SNAPSHOT_DIR: &str = "/var/lib/kubewright/snapshots";

/// The manifest of a static Pod.
pub fn manifest(component: &str) -> PathBuf {
    Path::new(MANIFESTS_DIR).join(format!("{component}.yaml"))
}
