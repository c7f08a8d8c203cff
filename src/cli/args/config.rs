//! The flags of `config` and what is below it.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The subcommands of `config`.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print a configuration with all defaults filled in
    #[command(subcommand)]
    Print(PrintCommand),
    /// Validate a configuration file and report every error in it
    Validate(FileArgs),
    /// Print the JSON schema of configuration files, for editors
    Schema(SchemaArgs),
    /// Convert a configuration file to a newer API version, keeping its comments
    Migrate(MigrateArgs),
    /// List or pull the container images of a Kubernetes version
    #[command(subcommand)]
    Images(ImagesCommand),
}

/// The subcommands of `config print`.
#[derive(Clone, Debug, Subcommand)]
pub enum PrintCommand {
    /// Print the default configuration of 'init'
    InitDefaults(DefaultsArgs),
    /// Print the default configuration of 'join'
    JoinDefaults(DefaultsArgs),
    /// Print the default configuration of 'reset'
    ResetDefaults(DefaultsArgs),
    /// Print the default configuration of 'upgrade'
    UpgradeDefaults(DefaultsArgs),
}

/// Flags of `config print …`.
#[derive(Clone, Debug, Args)]
pub struct DefaultsArgs {
    /// Component configurations to include: KubeletConfiguration, KubeProxyConfiguration, or both
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub component_configs: Vec<String>,
    /// Kubernetes version to print defaults for [default: the version of the installed kubelet]
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<String>,
}

/// Arguments of `config schema`.
#[derive(Clone, Debug, Args)]
pub struct SchemaArgs {
    /// Only the documents of this kind, such as ClusterConfiguration
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Only the documents of this API version, such as kubeadm.k8s.io/v1beta4 or v1beta4
    #[arg(long, value_name = "VERSION")]
    pub api_version: Option<String>,
}

/// Options of `config validate`.
#[derive(Clone, Debug, Args)]
pub struct FileArgs {
    /// Configuration file to validate; '-' reads standard input
    #[arg(long, value_name = "FILE", required = true)]
    pub config: PathBuf,
    /// Accepted for compatibility with kubeadm; every supported API version is validated
    #[arg(long, hide = true)]
    pub allow_experimental_api: bool,
}

/// Flags of `config migrate`.
#[derive(Clone, Debug, Args)]
pub struct MigrateArgs {
    /// Configuration file to read; '-' reads standard input
    #[arg(long, value_name = "FILE", required = true)]
    pub old_config: PathBuf,
    /// File to write the result to [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub new_config: Option<PathBuf>,
    /// API version to convert to [default: v1beta4]
    #[arg(long, value_name = "VERSION")]
    pub to: Option<String>,
    /// Accepted for compatibility with kubeadm; every supported API version is converted
    #[arg(long, hide = true)]
    pub allow_experimental_api: bool,
}

/// The subcommands of `config images`.
#[derive(Clone, Debug, Subcommand)]
pub enum ImagesCommand {
    /// List the images that a Kubernetes version needs
    List(ImagesArgs),
    /// Pull the images that are missing on this host
    Pull(PullArgs),
}

/// Flags of `config images pull`.
#[derive(Clone, Debug, Args)]
pub struct PullArgs {
    /// The images to pull
    #[command(flatten)]
    pub images: ImagesArgs,
    /// Path to the CRI socket [default: detected]
    #[arg(long, value_name = "SOCKET")]
    pub cri_socket: Option<String>,
    /// Accepted for compatibility with kubeadm; not used
    #[arg(long, hide = true)]
    pub kubeconfig: Option<PathBuf>,
}

/// Flags that `config images list` and `pull` share.
#[derive(Clone, Debug, Args)]
pub struct ImagesArgs {
    /// kubeadm configuration file; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// kubeadm feature gates, as NAME=true|false
    #[arg(long, value_name = "GATES", value_delimiter = ',')]
    pub feature_gates: Vec<String>,
    /// Image registry [default: the one kubeadm uses for this version]
    #[arg(long, value_name = "REGISTRY")]
    pub image_repository: Option<String>,
    /// Kubernetes version [default: the version of the installed kubelet]
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<String>,
    /// Pod network whose images to include: flannel, or the manifest of another one
    #[arg(long, value_name = "flannel|FILE|URL")]
    pub pod_network: Option<String>,
}
