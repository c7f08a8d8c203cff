//! Whether the CA on this host is that of the cluster which this host joins.
//!
//! Reads: nothing but what it is given. Writes: nothing.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::context::Context;
use crate::pki::cert::Cert;
use std::path::{Path, PathBuf};

/// A CA on this host is not the cluster's.
#[derive(Debug, thiserror::Error)]
#[error("{} is not the CA of the cluster: this host has been part of another one", .0.display())]
pub struct OtherCa(PathBuf);

impl Fault for OtherCa {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Untrusted
    }
    fn hint(&self) -> Option<String> {
        Some(format!(
            "if nothing on this host is needed any more, run 'kubewright reset'; see whose it is: run 'openssl x509 -noout -subject -fingerprint -in {}'",
            self.0.display()
        ))
    }
}

/// # Errors
/// When the CA certificates in `there` and those of the cluster that was found have none in common.
pub fn require_same_ca(cx: &Context, path: &Path, there: &[u8]) -> Result<()> {
    let proved = Cert::bundle_from_file(path, &cx.joining()?.found.ca_pem)?;
    let there = Cert::bundle_from_file(path, there)?;
    if there.iter().any(|cert| proved.contains(cert)) { Ok(()) } else { Err(OtherCa(path.into()).into()) }
}
