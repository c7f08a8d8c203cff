//! The command `certs`.

use super::token::NoArgs;
use crate::base::go_duration;
use crate::config::validate::name;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What `certs` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum CertsCommand {
    /// Print a new random key for sealing uploaded certificates
    CertificateKey(NoArgs),
    /// Show when every certificate of this host ends, and whether it is the one in use
    CheckExpiration(CheckArgs),
    /// Renew certificates, have the components take them up, and prove that they did
    Renew(RenewArgs),
    /// Have the components take up the certificates that are on the disk, and prove that they did
    Restart(RestartArgs),
    /// Make the API server answer to further names: configuration, certificate, restart, proof
    AddSan(AddSanArgs),
    /// Write requests for everything that an external CA has to sign
    GenerateCsr(GenerateCsrArgs),
    /// Take in what an external CA has signed: everything is checked first
    Import(ImportArgs),
    /// Give a running cluster new CAs and a new service-account key, in stages that each are safe to stop at
    #[command(subcommand)]
    RotateCa(RotateCommand),
    /// Have a systemd timer renew certificates before they end
    #[command(subcommand)]
    Timer(TimerCommand),
}

/// What `certs timer` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum TimerCommand {
    /// Install the timer and start it
    Install(TimerArgs),
    /// Stop the timer and remove it
    Remove(RemoveTimerArgs),
    /// Tell whether there is a timer, when it runs next, and how its last run ended
    Status(NoArgs),
}

/// Flags of `certs timer install`.
#[derive(Clone, Debug, Args)]
pub struct TimerArgs {
    /// Renew when something ends within this time
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = checked_time)]
    pub within: String,
    /// When to look, as systemd's `OnCalendar`
    #[arg(long, value_name = "CALENDAR", default_value = "daily")]
    pub schedule: String,
    /// Wait up to this much longer, so that control planes do not restart together
    #[arg(long, value_name = "TIME", default_value = "12h")]
    pub random_delay: String,
    /// What the timer runs [default: this program; below a root folder /usr/bin/kubewright]
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,
    /// Change nothing; print what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// Flags of `certs timer remove`.
#[derive(Clone, Debug, Args)]
pub struct RemoveTimerArgs {
    /// Change nothing; print what would be done
    #[arg(long)]
    pub dry_run: bool,
}

fn checked_time(text: &str) -> Result<String, String> {
    seconds(text).map(|_| text.to_owned())
}

/// Flags of `certs check-expiration`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Ends with code 10 when something ends sooner than --critical or cannot be read, and with code 11 when something ends
sooner than a --warn that was given.")]
pub struct CheckArgs {
    /// The folder of the certificates [default: that of the configuration, or of the API server's manifest]
    #[arg(long, value_name = "DIR")]
    pub cert_dir: Option<PathBuf>,
    /// Mark what ends sooner, such as 30d or 720h [default: 30d]
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub warn: Option<i64>,
    /// Mark and fail for what ends sooner
    #[arg(long, value_name = "TIME", value_parser = seconds, default_value = "7d")]
    pub critical: i64,
    /// Only read files; do not ask the components which certificates they show
    #[arg(long)]
    pub offline: bool,
    /// Print metrics for Prometheus, or write them to FILE for the textfile collector
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub prometheus: Option<PathBuf>,
    /// A kubeadm configuration file that names the folder of the certificates; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Accepted for kubeadm's sake; nothing is read from it
    #[arg(long, value_name = "FILE", hide = true)]
    pub kubeconfig: Option<PathBuf>,
}

/// Flags of `certs renew`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
What was there before is kept below /var/lib/kubewright/backup, of the last three runs. A component that does not come up with its new
certificate gets the old one back. The names are those of kubeadm: apiserver, etcd-server, admin.conf, ….")]
pub struct RenewArgs {
    /// What to renew: a name, or all
    pub name: String,
    /// Do nothing unless something ends within this time, such as 30d, or a third of its life if that is shorter
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub within: Option<i64>,
    /// Only renew the files; restarting the components is left to you
    #[arg(long)]
    pub no_restart: bool,
    /// Add the names and addresses that the cluster's configuration asks for now
    #[arg(long)]
    pub sync_config: bool,
    /// Change nothing; print what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// The folder of the certificates [default: that of the cluster's configuration]
    #[arg(long, value_name = "DIR")]
    pub cert_dir: Option<PathBuf>,
    /// A kubeadm configuration file [default: what the cluster has stored]; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The kubeconfig with which the cluster is asked for its configuration
    #[arg(long, value_name = "FILE", default_value = "/etc/kubernetes/admin.conf")]
    pub kubeconfig: PathBuf,
}

/// What `certs rotate-ca` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum RotateCommand {
    /// First stage, on every host: trust the new authorities beside the old ones
    Trust(TrustArgs),
    /// Second stage, on every host, control planes first: have the new authorities sign everything
    Reissue(RotateArgs),
    /// Third stage, on every host: trust the old authorities no more
    Drop(DropArgs),
    /// Tell how far each host is, and what comes next
    Status(RotateStatusArgs),
}

/// Flags of every stage.
#[derive(Clone, Debug, Args)]
pub struct RotateArgs {
    /// A node that is gone for good and not waited for; may be given several times
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    pub without: Vec<String>,
    /// Change nothing; print what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// Flags of `certs rotate-ca trust`.
#[derive(Clone, Debug, Args)]
pub struct TrustArgs {
    /// What to change: ca, front-proxy-ca, etcd-ca, sa [default: all of them]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// The flags of every stage
    #[command(flatten)]
    pub stage: RotateArgs,
}

/// Flags of `certs rotate-ca drop`.
#[derive(Clone, Debug, Args)]
pub struct DropArgs {
    /// Do not wait until the tokens that the old service-account key has signed have ended
    #[arg(long)]
    pub now: bool,
    /// The flags of every stage
    #[command(flatten)]
    pub stage: RotateArgs,
}

/// Flags of `certs rotate-ca status`.
#[derive(Clone, Debug, Args)]
pub struct RotateStatusArgs {
    /// The kubeconfig with which the cluster is asked [default: admin.conf, on a worker kubelet.conf]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
}

/// Flags of `certs restart`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Only components that have not read what is on the disk are restarted, one after the other.")]
pub struct RestartArgs {
    /// Change nothing; print what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// The kubeconfig with which the cluster is asked for its configuration
    #[arg(long, value_name = "FILE", default_value = "/etc/kubernetes/admin.conf")]
    pub kubeconfig: PathBuf,
}

/// Flags of `certs add-san`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
The configuration is that of the whole cluster; the certificate is that of this host. Run the same command on every
control plane. Run again, it changes nothing that is right.")]
pub struct AddSanArgs {
    /// DNS names and addresses
    #[arg(required = true, value_name = "NAME", value_parser = certificate_name)]
    pub names: Vec<String>,
    /// Leave the restart of the API server to you
    #[arg(long)]
    pub no_restart: bool,
    /// Change nothing; print what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// Flags that say which files an external CA signs.
#[derive(Clone, Debug, Args)]
pub struct SignedFilesArgs {
    /// The folder of the certificates [default: that of the configuration]
    #[arg(long, value_name = "DIR")]
    pub cert_dir: Option<PathBuf>,
    /// The folder of the kubeconfigs
    #[arg(long, value_name = "DIR", default_value = "/etc/kubernetes")]
    pub kubeconfig_dir: PathBuf,
    /// A kubeadm configuration file [default: what the cluster or this host tells]; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Flags of `certs generate-csr`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
A request lies beside its key: apiserver.csr, etcd/server.csr, admin.conf.csr. Keys and kubeconfigs that are there are
kept. 'kubewright certs import' takes in what comes back.")]
pub struct GenerateCsrArgs {
    /// Which files it is about
    #[command(flatten)]
    pub files: SignedFilesArgs,
    /// Change nothing; print what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// Flags of `certs import`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
In a folder the certificates are looked for under the names of their requests: apiserver.crt, etcd/server.crt,
admin.conf.crt. When one of them is not right, nothing is changed.")]
pub struct ImportArgs {
    /// The folder with the signed certificates, or the file of one
    pub from: PathBuf,
    /// What to take in: names such as apiserver and admin.conf [default: all that is there]
    pub names: Vec<String>,
    /// Which files it is about
    #[command(flatten)]
    pub files: SignedFilesArgs,
    /// Only write the files; restarting the components is left to you
    #[arg(long)]
    pub no_restart: bool,
    /// Change nothing; print what would be done
    #[arg(long)]
    pub dry_run: bool,
}

fn certificate_name(text: &str) -> Result<String, String> {
    name::certificate_name(text).map_err(|complaint| {
        [Some(complaint.what), complaint.help].into_iter().flatten().collect::<Vec<_>>().join(": ")
    })
}

/// The seconds of `30d` or of a duration as Go writes it.
pub(super) fn seconds(text: &str) -> Result<i64, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    let seconds = match days {
        Some(days) => Some(i64::from(days) * 86_400),
        None => go_duration::parse(text).map(|nanoseconds| nanoseconds / 1_000_000_000),
    };
    seconds.filter(|seconds| *seconds >= 0).ok_or_else(|| "give days or hours, such as 30d or 720h".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_a_unit_too() {
        assert_eq!((seconds("30d"), seconds("1h30m"), seconds("0")), (Ok(2_592_000), Ok(5400), Ok(0)));
        for bad in ["", "d", "-1d", "-1h", "soon", "1.5d"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
