//! The flags of `config` and what is below it.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What `config` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print a configuration with every default filled in
    #[command(subcommand)]
    Print(PrintCommand),
    /// Check a configuration file and tell all that is wrong in it
    Validate(FileArgs),
    /// Bring a configuration file to a newer API version, comments and all
    Migrate(MigrateArgs),
    /// Work with the images of a version
    #[command(subcommand)]
    Images(ImagesCommand),
}

/// Which defaults to print.
#[derive(Clone, Debug, Subcommand)]
pub enum PrintCommand {
    /// The defaults of 'init'
    InitDefaults(DefaultsArgs),
    /// The defaults of 'join'
    JoinDefaults(DefaultsArgs),
    /// The defaults of 'reset'
    ResetDefaults(DefaultsArgs),
    /// The defaults of 'upgrade'
    UpgradeDefaults(DefaultsArgs),
}

/// Flags of `config print …`.
#[derive(Clone, Debug, Args)]
pub struct DefaultsArgs {
    /// What to add: KubeletConfiguration, KubeProxyConfiguration, or both
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub component_configs: Vec<String>,
    /// For which Kubernetes version [default: that of the installed kubelet]
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<String>,
}

/// Options of `config validate`.
#[derive(Clone, Debug, Args)]
pub struct FileArgs {
    /// The file; '-' reads standard input
    #[arg(long, value_name = "FILE", required = true)]
    pub config: PathBuf,
    /// Taken and not needed: every API version that kubewright knows is judged
    #[arg(long, hide = true)]
    pub allow_experimental_api: bool,
}

/// Flags of `config migrate`.
#[derive(Clone, Debug, Args)]
pub struct MigrateArgs {
    /// The file to read; '-' reads standard input
    #[arg(long, value_name = "FILE", required = true)]
    pub old_config: PathBuf,
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub new_config: Option<PathBuf>,
    /// The API version to bring it to [default: v1beta4]
    #[arg(long, value_name = "VERSION")]
    pub to: Option<String>,
    /// Taken and not needed: every API version that kubewright knows is migrated
    #[arg(long, hide = true)]
    pub allow_experimental_api: bool,
}

/// What `config images` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum ImagesCommand {
    /// List the images of a version
    List(ImagesArgs),
    /// Have the container runtime pull the images of a version that this host lacks
    Pull(PullArgs),
}

/// Flags of `config images pull`.
#[derive(Clone, Debug, Args)]
pub struct PullArgs {
    /// Which images.
    #[command(flatten)]
    pub images: ImagesArgs,
    /// The socket of the container runtime [default: the one that answers]
    #[arg(long, value_name = "SOCKET")]
    pub cri_socket: Option<String>,
    /// Taken and not needed: no cluster is asked
    #[arg(long, hide = true)]
    pub kubeconfig: Option<PathBuf>,
}

/// Flags of `config images list` that `pull` has too.
#[derive(Clone, Debug, Args)]
pub struct ImagesArgs {
    /// A kubeadm configuration file; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Feature gates of kubeadm: NAME=true|false
    #[arg(long, value_name = "GATES", value_delimiter = ',')]
    pub feature_gates: Vec<String>,
    /// The registry of the images [default: the one of the version]
    #[arg(long, value_name = "REGISTRY")]
    pub image_repository: Option<String>,
    /// The Kubernetes version [default: that of the installed kubelet]
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<String>,
}
