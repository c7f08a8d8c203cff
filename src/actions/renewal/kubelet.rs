//! Gives the kubelet a client certificate that works and that it can renew by itself.
//!
//! A kubelet renews its certificate while it can reach the API server. Two things keep it from that: a kubeconfig
//! with a certificate inside, which the renewed one never replaces, and a certificate that has ended.
//!
//! Reads: `/etc/kubernetes/kubelet.conf`, `/var/lib/kubelet/pki/kubelet-client-current.pem`, the CA. Writes: those
//! two, where they are of no use, and a note that the kubelet is to be restarted.

pub use super::kubelet_service::{ROTATED, restart, restart_or_go_back};
use super::{KUBELET_CONF, back_up, kubelet_service};
use crate::base::fault::Result;
use crate::base::files::{Content, HostFiles};
use crate::config::kubeconfig::Kubeconfig;
use crate::context::Context;
use crate::pipeline::{Action, Target};
use crate::pki::cert::Cert;
use crate::pki::subject::Subject;
use crate::pki::validity::Validity;
use crate::pki::{catalog, moment};
use std::path::Path;

const PATH: &str = "/etc/kubernetes/kubelet.conf";
const PKI: &str = "/var/lib/kubelet/pki";
const MODE: u32 = 0o600;
/// A kubelet asks for its next certificate when a tenth to a third of the time is left. One that has come this near to
/// its end, in seconds, or to the last tenth of a shorter life, does not get a new one by itself.
const TOO_LATE: i64 = 24 * 3600;

/// See the module's text.
pub struct RepairKubelet;

impl Action for RepairKubelet {
    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        if !cx.renewal()?.wants(KUBELET_CONF) {
            return Ok(());
        }
        let Some((config, credential)) = credential(&cx.files)? else { return Ok(()) };
        let rotated = rotated(&cx.files)?;
        let lasts = rotated.as_ref().is_some_and(|cert| !is_too_late(cert, cx.clock.now()));
        match credential {
            Credential::Other => return Ok(()),
            Credential::Rotated if lasts => return Ok(()),
            Credential::Embedded if lasts => return point_at_rotated(cx, config),
            Credential::Rotated | Credential::Embedded => {}
        }
        let ca_key = cx.pki()?.key_path(catalog::cert("ca")?);
        if !cx.files.exists(&ca_key) && cx.renewal()?.only.is_none() {
            cx.events.warning(format!(
                "{PATH} has a certificate that the kubelet does not renew, and only an external CA can: run 'kubewright certs generate-csr'"
            ));
            return Ok(());
        }
        match credential {
            Credential::Embedded if rotated.is_none() => renew_embedded(cx),
            Credential::Embedded => {
                renew_rotated(cx, rotated.as_ref())?;
                point_at_rotated(cx, config)
            }
            _ => renew_rotated(cx, rotated.as_ref()),
        }
    }
}

/// What a kubelet proves itself with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Credential {
    /// The file that it renews.
    Rotated,
    /// A certificate inside its kubeconfig.
    Embedded,
    /// A token, or a file that somebody else looks after.
    Other,
}

fn credential(files: &HostFiles) -> Result<Option<(Kubeconfig, Credential)>> {
    let Some(bytes) = files.read(Path::new(PATH))? else { return Ok(None) };
    let config = Kubeconfig::parse(Path::new(PATH), &bytes)?;
    let credential = match config.current_user() {
        Some(user) if user.client_certificate_data.is_some() => Credential::Embedded,
        Some(user) if user.client_certificate.as_deref() == Some(ROTATED) => Credential::Rotated,
        _ => Credential::Other,
    };
    Ok(Some((config, credential)))
}

/// The certificate that the kubelet renews; None where it is missing, its link leads nowhere, or it cannot be read as
/// one.
fn rotated(files: &HostFiles) -> Result<Option<Cert>> {
    let Some(bytes) = files.read(Path::new(ROTATED))? else { return Ok(None) };
    Ok(Cert::bundle_from_file(Path::new(ROTATED), &bytes).ok().and_then(|chain| chain.into_iter().next()))
}

fn is_too_late(cert: &Cert, now: i64) -> bool {
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

/// Makes a new certificate where the kubelet keeps its own, in the place of one that is over, nearly so, or gone.
fn renew_rotated(cx: &mut Context, old: Option<&Cert>) -> Result<()> {
    let now = cx.clock.now();
    let (store, keys) = (cx.pki()?, cx.keys());
    let ca = store.require_ca(catalog::cert("ca")?, KUBELET_CONF)?;
    let subject = match old {
        Some(old) => old.subject.clone(),
        None => subject(cx)?,
    };
    let validity = Validity::of_kubeconfig(cx.cluster()?, now, &ca.cert);
    let (cert, key) = store.issue_client(&ca, &subject, validity, cx.cluster()?, keys.as_ref())?;
    back_up(cx, Path::new(ROTATED))?;
    kubelet_service::note_due(cx)?;
    let pem = [cert.pem().as_bytes(), key.pem().expose().as_bytes()].concat();
    let content = Content::secret(pem, "(certificate and private key, not shown)\n");
    if cx.files.exists(Path::new(ROTATED)) {
        cx.files.write(Path::new(ROTATED), &content, cx.files.mode_or(Path::new(ROTATED), MODE))?;
    } else {
        // The kubelet renews only what is a link to a file of its own naming.
        let stamp = moment::text(now).replace(['T', ':'], "-");
        let file = Path::new(PKI).join(format!("kubelet-client-{}.pem", stamp.trim_end_matches('Z')));
        cx.files.write(&file, &content, MODE)?;
        cx.files.link(Path::new(ROTATED), &file)?;
    }
    cx.events
        .message(format!("renewed {ROTATED}, which the kubelet could not renew by itself: serial {}", cert.serial));
    Ok(())
}

/// Whom the kubelet stands for: as an earlier certificate of its own says, else as the host is called.
fn subject(cx: &Context) -> Result<Subject> {
    for name in cx.files.list(Path::new(PKI))?.iter().rev().filter(|name| name.starts_with("kubelet-client-")) {
        let path = Path::new(PKI).join(name);
        let bytes = cx.files.read(&path)?.unwrap_or_default();
        if let Some(cert) = Cert::bundle_from_file(&path, &bytes).ok().and_then(|chain| chain.into_iter().next()) {
            return Ok(cert.subject);
        }
    }
    Ok(Subject::new(format!("system:node:{}", cx.node()?.name), &[catalog::NODES]))
}

fn point_at_rotated(cx: &mut Context, mut config: Kubeconfig) -> Result<()> {
    back_up(cx, Path::new(PATH))?;
    kubelet_service::note_due(cx)?;
    if let Some(user) = config.current_user_mut() {
        (user.client_certificate_data, user.client_key_data) = (None, None);
        user.client_certificate = Some(ROTATED.into());
        user.client_key = Some(ROTATED.into());
    }
    cx.files.write(Path::new(PATH), &config.content()?, cx.files.mode_or(Path::new(PATH), MODE))?;
    cx.events.message(format!("pointed {PATH} at {ROTATED}, which the kubelet renews"));
    Ok(())
}

/// A kubelet that does not rotate has nothing but what is in its kubeconfig.
fn renew_embedded(cx: &mut Context) -> Result<()> {
    let (store, keys) = (cx.pki()?, cx.keys());
    back_up(cx, Path::new(PATH))?;
    kubelet_service::note_due(cx)?;
    let spec = catalog::kubeconfig(KUBELET_CONF)?;
    let done = store.renew_kubeconfig(spec, Path::new("/etc/kubernetes"), cx.cluster()?, keys.as_ref())?;
    cx.events.message(format!("renewed {KUBELET_CONF}: serial {}", done.new.serial));
    Ok(())
}
