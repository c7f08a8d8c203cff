//! Whether the CA on this host is the CA of the cluster to join.
//!
//! Reads: only its arguments. Writes: nothing.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::context::{Joining, Run};
use crate::pki::cert::Cert;
use crate::state::holding;
use std::path::{Path, PathBuf};

/// A CA on this host is not the CA of the cluster.
#[derive(Debug, thiserror::Error)]
#[error("{} is not the CA of the cluster: this host has been part of another one", path.display())]
pub struct OtherCa {
    path: PathBuf,
    leave: String,
}

impl Fault for OtherCa {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Untrusted
    }
    fn hint(&self) -> Option<String> {
        let Self { path, leave } = self;
        Some(format!(
            "check which CA it is: run 'openssl x509 -noout -subject -fingerprint -in {}'; then {leave}",
            path.display()
        ))
    }
}

pub fn require_same_ca(cx: &Run<Joining>, path: &Path, there: &[u8]) -> Result<()> {
    let proved = Cert::bundle_from_file(path, &cx.work.found.ca_pem)?;
    let there = Cert::bundle_from_file(path, there)?;
    if there.iter().any(|cert| proved.contains(cert)) {
        return Ok(());
    }
    Err(OtherCa { path: path.into(), leave: holding::leave(cx) }.into())
}
