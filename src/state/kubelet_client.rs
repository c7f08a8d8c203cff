//! The client certificate of this host's kubelet: where it is, and whether the kubelet can still renew it.
//!
//! Reads: `/etc/kubernetes/kubelet.conf`, the certificate that the kubelet renews. Writes: nothing.

use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::config::kubeconfig::Kubeconfig;
use crate::context::Context;
use crate::domain::paths::{KUBELET_CLIENT_CURRENT, KUBELET_CONF, KUBELET_PKI_DIR};
use crate::pki::cert::Cert;
use crate::render::pods::last_value;
use std::path::{Path, PathBuf};

/// A kubelet asks for its next certificate when a tenth to a third of the time is left. One that has come this near to
/// its end, in seconds, or to the last tenth of a shorter life, does not get a new one by itself.
const TOO_LATE: i64 = 24 * 3600;
/// The certificate and key of the moment, in one file.
const CURRENT: &str = "kubelet-client-current.pem";

/// What a kubelet proves itself with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// The file that it renews.
    Rotated,
    /// A certificate inside its kubeconfig.
    Embedded,
    /// A token, or a file that somebody else looks after.
    Other,
}

pub(crate) fn credential(files: &HostFiles) -> Result<Option<(Kubeconfig, Credential)>> {
    let Some(bytes) = files.read(Path::new(KUBELET_CONF))? else { return Ok(None) };
    let config = Kubeconfig::parse(Path::new(KUBELET_CONF), &bytes)?;
    let credential = match config.current_user() {
        Some(user) if user.client_certificate_data.is_some() => Credential::Embedded,
        Some(user) if user.client_certificate.as_deref() == Some(KUBELET_CLIENT_CURRENT) => Credential::Rotated,
        _ => Credential::Other,
    };
    Ok(Some((config, credential)))
}

/// The certificate that the kubelet renews; None where it is missing, its link leads nowhere, or it cannot be read as
/// one.
pub(crate) fn rotated(files: &HostFiles) -> Result<Option<Cert>> {
    let Some(bytes) = files.read(Path::new(KUBELET_CLIENT_CURRENT))? else { return Ok(None) };
    Ok(Cert::bundle_from_file(Path::new(KUBELET_CLIENT_CURRENT), &bytes)
        .ok()
        .and_then(|chain| chain.into_iter().next()))
}

pub(crate) fn is_too_late(cert: &Cert, now: i64) -> bool {
    cert.not_after - now <= TOO_LATE.min((cert.not_after - cert.not_before) / 10)
}

/// True when the kubelet of this host has a certificate that it does not renew, or not any more, and that ends within
/// so many seconds or is of no use. One that it renews by itself is none of our business until it is too late for that.
///
/// # Errors
/// When a file cannot be read.
pub fn needs_help(files: &HostFiles, now: i64, embedded_ends: impl FnOnce() -> bool) -> Result<bool> {
    Ok(match credential(files)? {
        Some((_, Credential::Rotated)) => rotated(files)?.is_none_or(|cert| is_too_late(&cert, now)),
        Some((_, Credential::Embedded)) => embedded_ends(),
        Some((_, Credential::Other)) | None => false,
    })
}

/// Where the kubelet keeps the certificate and key that it rotates.
///
/// # Errors
/// When the command has no node configuration.
pub fn rotated_path(cx: &Context) -> Result<PathBuf> {
    let flags = &cx.node()?.kubelet_extra_args;
    Ok(Path::new(last_value(flags, "cert-dir").unwrap_or(KUBELET_PKI_DIR)).join(CURRENT))
}
