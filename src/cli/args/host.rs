//! The command `host`: what the commands for many hosts run on each of them.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The subcommands of `host`.
#[derive(Clone, Debug, Subcommand)]
pub enum HostCommand {
    /// Print what this host is as one JSON document: names, addresses, versions, its cluster, a run in progress
    Facts(FactsArgs),
    /// Run a command that outlives the connection, and print its events; reads the command from standard input
    #[command(after_help = RUN_HELP)]
    Run(RunArgs),
    /// Print the events of a run, and wait for its end
    Attach(AttachArgs),
    /// Print how the files of this control plane differ from what the configuration on standard input makes
    Diff(DiffArgs),
    /// Print admin.conf of this control plane, which has a private key
    AdminConf(FactsArgs),
    /// Change the configuration of this host's static Pods and kubelet, and store it in the cluster
    #[command(after_help = CHANGE_HELP)]
    Change(ChangeArgs),
    /// Set labels and taints of nodes, and remove those that were set before and are not listed now
    #[command(after_help = LABELS_HELP)]
    Labels(LabelsArgs),
    /// The process that 'run' starts
    #[command(hide = true)]
    Work(RunArgs),
}

const RUN_HELP: &str = "\
Standard input is one JSON object: the words of the command, which is 'init', 'join', 'reset', 'node', 'host change', \
'certs add-san', 'certs renew', 'upgrade apply' or 'upgrade node', and its standard input.

    {\"arguments\": [\"join\", \"--config\", \"-\"], \"input\": \"apiVersion: kubeadm.k8s.io/v1beta4 …\"}

'files' has files for its working directory: {\"network.yaml\": \"…\"}; they are removed at the end.

The command gets a session of its own. Its events are kept on this host, one JSON object a line with a number. If a run with \
the same id exists, its events are printed and nothing is started.";

const CHANGE_HELP: &str = "\
Without --config, the host gets the configuration that the cluster stores: run it on each host, one after the other, after \
a change of the ConfigMaps kubeadm-config or kubelet-config. Nothing is drained; a static Pod that changes is replaced, and \
the kubelet is restarted.

With --config, on one control plane, the cluster stores the configuration when this host is ready with it, and the other \
nodes are marked: run it there without --config. The file has the whole ClusterConfiguration, and may have a \
KubeletConfiguration and a KubeProxyConfiguration, each as a whole. The version, subnets and certificates do not change this way.

kube-proxy is restarted last, on one node after the other, and gets its former configuration if it does not stay up on one.

If a component does not become ready, the host goes back to what it ran before, and nothing is stored.";

const LABELS_HELP: &str = "\
Standard input is a JSON list. Without 'taints', the node's taints stay as they are.

    [{\"name\": \"node-1\", \"labels\": {\"disk\": \"fast\"}, \"taints\": [{\"key\": \"db\", \"effect\": \"NoSchedule\"}]}]";

/// Arguments of `host facts` and `host admin-conf`.
#[derive(Clone, Debug, Args)]
pub struct FactsArgs {}

/// Flags of `host run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Name of the run: small letters, digits and dashes
    #[arg(long, value_name = "ID", required = true)]
    pub id: String,
}

/// Flags of `host attach`.
#[derive(Clone, Debug, Args)]
pub struct AttachArgs {
    /// Name of the run [default: the last one]
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Print the events after this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0, hide_default_value = true)]
    pub from: u64,
}

/// Flags of `host diff`.
#[derive(Clone, Debug, Args)]
pub struct DiffArgs {
    /// Directory with patches for the static Pods and the kubelet configuration
    #[arg(long, value_name = "DIR")]
    pub patches: Option<PathBuf>,
}

/// Flags of `host change`.
#[derive(Clone, Debug, Args)]
pub struct ChangeArgs {
    /// File with the ClusterConfiguration, KubeletConfiguration and KubeProxyConfiguration; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory with patches for the static Pods and the kubelet configuration
    #[arg(long, value_name = "DIR")]
    pub patches: Option<String>,
    /// Checks whose errors are shown as warnings; 'all' for every check
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub ignore_preflight_errors: Vec<String>,
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
}

/// Flags of `host labels`.
#[derive(Clone, Debug, Args)]
pub struct LabelsArgs {
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
}
