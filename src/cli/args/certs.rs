//! The command `certs`.

use super::token::NoArgs;
use clap::Subcommand;

/// What `certs` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum CertsCommand {
    /// Print a new random key for sealing uploaded certificates
    CertificateKey(NoArgs),
}
