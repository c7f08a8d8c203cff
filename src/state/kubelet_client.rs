//! The client certificate of this host's kubelet: its path, and whether the kubelet can still renew it.
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

/// A kubelet requests its next certificate when 10 to 30 % of the validity are left. With less than this number of
/// seconds, or the last tenth of a shorter validity, it no longer gets a new one itself.
const TOO_LATE: i64 = 24 * 3600;
/// The current certificate and key, in one file.
const CURRENT: &str = "kubelet-client-current.pem";

/// The credential of the kubelet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// The file that it renews.
    Rotated,
    /// A certificate in its kubeconfig.
    Embedded,
    /// A token, or a file that another program manages.
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

/// The certificate that the kubelet renews; None if it is missing, its link is broken, or it is not valid.
pub(crate) fn rotated(files: &HostFiles) -> Result<Option<Cert>> {
    let Some(bytes) = files.read(Path::new(KUBELET_CLIENT_CURRENT))? else { return Ok(None) };
    Ok(Cert::bundle_from_file(Path::new(KUBELET_CLIENT_CURRENT), &bytes)
        .ok()
        .and_then(|chain| chain.into_iter().next()))
}

pub(crate) fn is_too_late(cert: &Cert, now: i64) -> bool {
    cert.not_after - now <= TOO_LATE.min((cert.not_after - cert.not_before) / 10)
}

/// True if the kubelet of this host has a certificate that it does not renew or no longer renews, and that expires
/// within this number of seconds or is unusable. A certificate that the kubelet renews is ignored until it is too late
/// for that.
pub fn needs_help(files: &HostFiles, now: i64, embedded_ends: impl FnOnce() -> bool) -> Result<bool> {
    Ok(match credential(files)? {
        Some((_, Credential::Rotated)) => rotated(files)?.is_none_or(|cert| is_too_late(&cert, now)),
        Some((_, Credential::Embedded)) => embedded_ends(),
        Some((_, Credential::Other)) | None => false,
    })
}

/// The certificate and key that the kubelet rotates.
pub fn rotated_path(cx: &Context) -> Result<PathBuf> {
    let flags = &cx.node()?.kubelet_extra_args;
    Ok(Path::new(last_value(flags, "cert-dir").unwrap_or(KUBELET_PKI_DIR)).join(CURRENT))
}
