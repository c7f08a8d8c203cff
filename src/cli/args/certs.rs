//! The command `certs`.

use super::page::PageArgs;
use super::token::NoArgs;
use crate::base::go_duration;
use crate::config::validate::name;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What `certs` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum CertsCommand {
    /// Generate a certificate key for encrypting uploaded certificates
    CertificateKey(NoArgs),
    /// Show when the certificates on this host expire, and whether each component serves the one on disk
    CheckExpiration(CheckArgs),
    /// Renew certificates, restart the components that use them, and verify
    Renew(RenewArgs),
    /// Restart the components that do not use the certificates on disk yet, and verify
    Restart(RestartArgs),
    /// Add SANs to the API server certificate: update the cluster configuration, renew, restart and verify
    AddSan(AddSanArgs),
    /// Create keys and certificate signing requests (CSRs) for everything an external CA must sign
    GenerateCsr(GenerateCsrArgs),
    /// Import certificates signed by an external CA, after verifying all of them
    Import(ImportArgs),
    /// Rotate the CAs and the service-account key of a running cluster, in stages
    #[command(subcommand)]
    RotateCa(RotateCommand),
    /// Manage a systemd timer that renews certificates before they expire
    #[command(subcommand)]
    Timer(TimerCommand),
}

/// The subcommands of `certs timer`.
#[derive(Clone, Debug, Subcommand)]
pub enum TimerCommand {
    /// Install and start the timer
    Install(TimerArgs),
    /// Stop and remove the timer
    Remove(RemoveTimerArgs),
    /// Show whether the timer is installed, its next run and the result of its last run
    Status(NoArgs),
}

/// Flags of `certs timer install`.
#[derive(Clone, Debug, Args)]
pub struct TimerArgs {
    /// Renew certificates that expire within this time
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = checked_time)]
    pub within: String,
    /// When to run, as systemd's `OnCalendar` expression
    #[arg(long, value_name = "CALENDAR", default_value = "daily")]
    pub schedule: String,
    /// Random delay added to each run, so that control planes do not restart together
    #[arg(long, value_name = "TIME", default_value = "12h")]
    pub random_delay: String,
    /// Program that the timer runs [default: this program; with --rootfs /usr/bin/kubewright]
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
}

/// Flags of `certs timer remove`.
#[derive(Clone, Debug, Args)]
pub struct RemoveTimerArgs {
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
}

fn checked_time(text: &str) -> Result<String, String> {
    seconds(text).map(|_| text.to_owned())
}

/// Flags of `certs check-expiration`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Exits with code 10 if a certificate expires within --critical or cannot be read, and with code 11 if one expires \
within --warn, when that is set.")]
pub struct CheckArgs {
    /// Directory of the certificates [default: from the configuration or the API server manifest]
    #[arg(long, value_name = "DIR")]
    pub cert_dir: Option<PathBuf>,
    /// Mark certificates that expire within this time, such as 30d or 720h [default: 30d]
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub warn: Option<i64>,
    /// Mark certificates that expire within this time, and exit with code 10
    #[arg(long, value_name = "TIME", value_parser = seconds, default_value = "7d")]
    pub critical: i64,
    /// Only read files; do not connect to the components to see which certificates they serve
    #[arg(long)]
    pub offline: bool,
    /// Print Prometheus metrics, or write them to FILE for the textfile collector
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub prometheus: Option<PathBuf>,
    /// kubeadm configuration file that sets the certificates directory; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Accepted for compatibility with kubeadm; not used
    #[arg(long, value_name = "FILE", hide = true)]
    pub kubeconfig: Option<PathBuf>,
}

/// Flags of `certs renew`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Replaced files are copied to /var/lib/kubewright/backup first, which keeps those of the last three runs. If a component \
does not become healthy with its new certificate, the old one is restored. Names are those of kubeadm: apiserver, \
etcd-server, admin.conf, ….")]
pub struct RenewArgs {
    /// Certificate to renew, or 'all'
    pub name: String,
    /// Only renew if a certificate expires within this time, such as 30d, or within a third of its lifetime if that is
    /// shorter
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub within: Option<i64>,
    /// Only renew the files; do not restart the components
    #[arg(long)]
    pub no_restart: bool,
    /// Also add the SANs that the cluster configuration asks for now
    #[arg(long)]
    pub sync_config: bool,
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
    /// Directory of the certificates [default: from the cluster configuration]
    #[arg(long, value_name = "DIR")]
    pub cert_dir: Option<PathBuf>,
    /// kubeadm configuration file [default: the configuration stored in the cluster]; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// kubeconfig used to read the cluster configuration
    #[arg(long, value_name = "FILE", default_value = "/etc/kubernetes/admin.conf")]
    pub kubeconfig: PathBuf,
    #[command(flatten)]
    pub page: PageArgs,
}

/// The subcommands of `certs rotate-ca`.
#[derive(Clone, Debug, Subcommand)]
pub enum RotateCommand {
    /// Stage 1, on every host: trust the new CAs in addition to the old ones
    Trust(TrustArgs),
    /// Stage 2, on every host, control planes first: reissue all certificates from the new CAs
    Reissue(ReissueArgs),
    /// Stage 3, on every host: stop trusting the old CAs
    Drop(DropArgs),
    /// Encrypt the new CAs in the cluster with a new certificate key, and print it
    NewKey(NewKeyArgs),
    /// Show the stage that each host has reached, and the next step
    Status(RotateStatusArgs),
}

/// Flags of every stage.
#[derive(Clone, Debug, Args)]
pub struct RotateArgs {
    /// Node that no longer exists and is not waited for; may be repeated
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    pub without: Vec<String>,
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub page: PageArgs,
}

/// Flags of `certs rotate-ca trust`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
The first control plane creates the new CAs, stores them in the cluster encrypted with a certificate key, and prints the \
command with that key for the other control planes. Workers need no key.")]
pub struct TrustArgs {
    /// What to rotate: ca, front-proxy-ca, etcd-ca, sa [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    #[command(flatten)]
    pub key: NextKeyArgs,
    #[command(flatten)]
    pub stage: RotateArgs,
}

/// Flags of `certs rotate-ca reissue`.
#[derive(Clone, Debug, Args)]
pub struct ReissueArgs {
    #[command(flatten)]
    pub key: NextKeyArgs,
    #[command(flatten)]
    pub stage: RotateArgs,
}

/// The certificate key of a rotation.
#[derive(Clone, Debug, Args)]
pub struct NextKeyArgs {
    /// Key that decrypts the new CAs, as the first 'trust' printed it; only control planes that lack them need it. The
    /// variable KUBEWRIGHT_CERTIFICATE_KEY works too
    #[arg(long, value_name = "KEY")]
    pub certificate_key: Option<String>,
}

/// Flags of `certs rotate-ca new-key`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Run it on a control plane that has completed 'trust', when the key that 'trust' printed was lost or seen by others. Keys \
printed before are void.")]
pub struct NewKeyArgs {
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
}

/// Flags of `certs rotate-ca drop`.
#[derive(Clone, Debug, Args)]
pub struct DropArgs {
    /// Do not wait for tokens signed with the old service-account key to expire
    #[arg(long)]
    pub now: bool,
    #[command(flatten)]
    pub stage: RotateArgs,
}

/// Flags of `certs rotate-ca status`.
#[derive(Clone, Debug, Args)]
pub struct RotateStatusArgs {
    /// kubeconfig used to query the cluster [default: admin.conf; kubelet.conf on a worker]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
}

/// Flags of `certs restart`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Restarts only the components that have not loaded the files on disk, one after the other.")]
pub struct RestartArgs {
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
    /// kubeconfig used to read the cluster configuration
    #[arg(long, value_name = "FILE", default_value = "/etc/kubernetes/admin.conf")]
    pub kubeconfig: PathBuf,
}

/// Flags of `certs add-san`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
The cluster configuration is shared; the certificate belongs to this host. Run the same command on every control \
plane. Running it again changes nothing that is up to date.")]
pub struct AddSanArgs {
    /// DNS names and IP addresses to add
    #[arg(required = true, value_name = "NAME", value_parser = certificate_name)]
    pub names: Vec<String>,
    /// Do not restart the API server
    #[arg(long)]
    pub no_restart: bool,
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
}

/// Flags that select the files for an external CA.
#[derive(Clone, Debug, Args)]
pub struct SignedFilesArgs {
    /// Directory of the certificates [default: from the configuration]
    #[arg(long, value_name = "DIR")]
    pub cert_dir: Option<PathBuf>,
    /// Directory of the kubeconfig files
    #[arg(long, value_name = "DIR", default_value = "/etc/kubernetes")]
    pub kubeconfig_dir: PathBuf,
    /// kubeadm configuration file [default: from the cluster or this host]; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Flags of `certs generate-csr`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Each CSR is written next to its key: apiserver.csr, etcd/server.csr, admin.conf.csr. Existing keys and kubeconfig \
files are kept. Import the signed certificates with 'kubewright certs import'.")]
pub struct GenerateCsrArgs {
    /// The files to work on
    #[command(flatten)]
    pub files: SignedFilesArgs,
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
}

/// Flags of `certs import`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
In a directory, certificates are looked up by the names of their CSRs: apiserver.crt, etcd/server.crt, \
admin.conf.crt. If one of them fails verification, nothing is changed.")]
pub struct ImportArgs {
    /// Directory with the signed certificates, or the file of a single one
    pub from: PathBuf,
    /// Certificates to import, such as apiserver or admin.conf [default: all that are found]
    pub names: Vec<String>,
    /// The files to work on
    #[command(flatten)]
    pub files: SignedFilesArgs,
    /// Only write the files; do not restart the components
    #[arg(long)]
    pub no_restart: bool,
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
}

fn certificate_name(text: &str) -> Result<String, String> {
    name::certificate_name(text).map_err(|complaint| {
        [Some(complaint.what), complaint.help].into_iter().flatten().collect::<Vec<_>>().join(": ")
    })
}

/// The seconds in `30d` or in a Go duration.
pub(super) fn seconds(text: &str) -> Result<i64, String> {
    go_duration::seconds_or_days(text).ok_or_else(|| "give days or hours, such as 30d or 720h".into())
}
