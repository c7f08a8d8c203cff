//! The options and the results of `init`.

use super::{Context, Lifecycle, Run};
use crate::base::secret::Secret;
use crate::config::model::{BootstrapToken, InitConfig};
use crate::config::pod_network::PodNetwork;
use crate::kube::network_test::Tested;
use std::path::PathBuf;
use std::time::Duration;

pub struct Init {
    pub options: InitOptions,
    /// The bootstrap tokens; never empty.
    pub bootstrap_tokens: Vec<BootstrapToken>,
    /// True if the only token was generated because none was given.
    pub generated_token: bool,
    /// The key that encrypts uploaded certificates; None: generated on upload.
    pub certificate_key: Option<Secret<String>>,
    /// The pod network to install.
    pub pod_network: Option<PodNetwork>,
    /// What is shown at the end.
    pub found: Findings,
}

/// Options of `init` that are not part of the configuration.
// Each is an independent flag on the command line, not a state.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default)]
pub struct InitOptions {
    /// Upload the control plane's certificates to the cluster.
    pub upload_certs: bool,
    /// Do not print the token.
    pub skip_token_print: bool,
    /// Do not print the certificate key.
    pub skip_certificate_key_print: bool,
    /// Fix what preflight can fix.
    pub fix: bool,
    /// The kubeconfig of a single phase; None: admin.conf.
    pub kubeconfig: Option<PathBuf>,
    /// The directory of kubeconfig files of a single phase; None: /etc/kubernetes.
    pub kubeconfig_dir: Option<PathBuf>,
    /// Reuse the data of another cluster in an external etcd.
    pub adopt_etcd_data: bool,
    /// A phase was selected: it applies what it is given.
    pub is_single_phase: bool,
    /// The path of this program.
    pub program: Option<PathBuf>,
}

/// Results of phases that are shown at the end of the command.
#[derive(Default)]
pub struct Findings {
    /// The join command for a worker.
    pub worker_join: Option<String>,
    /// The join command for a control plane.
    pub control_plane_join: Option<String>,
    /// The certificate key, which encrypts the uploaded certificates; a placeholder if it must not be shown.
    pub certificate_key: Option<String>,
    /// Whether the pod network that was installed carries traffic.
    pub network_proof: Option<NetworkProof>,
}

/// A test of the pod network.
pub enum NetworkProof {
    /// It took place, with this result.
    Made { tested: Tested, took: Duration },
    /// It could not take place.
    NotMade { why: String },
}

impl Run<Init> {
    /// `init` with this configuration.
    pub fn init(cx: Context, config: InitConfig, options: InitOptions) -> Self {
        let InitConfig { cluster, node, bootstrap_tokens, generated_token, certificate_key, pod_network } = config;
        let mut cx = cx.configured(cluster, node);
        cx.lifecycle = Lifecycle::New;
        if let Some(path) = &options.kubeconfig {
            cx.admin.clone_from(path);
        }
        let found = Findings::default();
        Self { cx, work: Init { options, bootstrap_tokens, generated_token, certificate_key, pod_network, found } }
    }
}
