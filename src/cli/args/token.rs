//! The commands `token` and `certs`, as far as they need no cluster.

use clap::{Args, Subcommand};

/// What `token` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum TokenCommand {
    /// Print a new random token; no server is told of it
    Generate(NoArgs),
}

/// What `certs` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum CertsCommand {
    /// Print a new random key for sealing uploaded certificates
    CertificateKey(NoArgs),
}

/// A command without options of its own.
#[derive(Clone, Debug, Args)]
pub struct NoArgs {}
