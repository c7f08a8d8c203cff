//! Paths on the host.

use super::Validated;
use crate::config::problem::Complaint;
use std::path::PathBuf;

/// An absolute path.
pub fn absolute(text: &str) -> Validated<PathBuf> {
    if text.starts_with('/') {
        return Ok(PathBuf::from(text));
    }
    let what = format!("{text:?} is not an absolute path");
    Err(Complaint::with_help(what, "start it with '/'"))
}

/// The absolute path of a certificate, ending in `.crt`.
pub fn certificate(text: &str) -> Validated<PathBuf> {
    let path = absolute(text)?;
    if path.extension().is_some_and(|e| e == "crt") {
        return Ok(path);
    }
    Err(Complaint::new(format!("{text:?} does not end in '.crt'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_must_be_absolute_and_certificates_end_in_crt() {
        assert!(absolute("/etc/kubernetes/pki").is_ok());
        assert!(absolute("pki").is_err() && absolute("").is_err() && absolute("~/pki").is_err());
        assert!(certificate("/etc/kubernetes/pki/ca.crt").is_ok());
        assert!(certificate("/etc/kubernetes/pki/ca.pem").is_err() && certificate("ca.crt").is_err());
    }
}
