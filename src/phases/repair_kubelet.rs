//! Gives the kubelet a valid client certificate that it can renew itself.
//!
//! A kubelet renews its certificate while it can reach the API server. Two things prevent that: a kubeconfig with an
//! embedded certificate, which the renewed one never replaces, and an expired certificate.
//!
//! Reads: `/etc/kubernetes/kubelet.conf`, `/var/lib/kubelet/pki/kubelet-client-current.pem`, the CA. Writes: both
//! files, if they are unusable, and a mark that the kubelet must be restarted.

use crate::base::fault::Result;
use crate::base::files::Content;
use crate::config::kubeconfig::Kubeconfig;
use crate::context::{Context, Renewal, Run};
use crate::domain::paths::{KUBELET_CLIENT_CURRENT, KUBELET_CONF, KUBELET_PKI_DIR, KUBERNETES_DIR};
use crate::ops::kubelet_service;
use crate::ops::renewal::back_up;
use crate::pipeline::{Phase, Target};
use crate::pki::cert::Cert;
use crate::pki::subject::Subject;
use crate::pki::validity::Validity;
use crate::pki::{catalog, moment};
use crate::state::kubelet_client::{Credential, credential, is_too_late, rotated};
use crate::state::renewable::KUBELET_CONF as NAME;
use std::path::Path;

const MODE: u32 = 0o600;
pub struct RepairKubelet;

impl Phase<Renewal> for RepairKubelet {
    fn run(&self, cx: &mut Run<Renewal>, _: &Target) -> Result<()> {
        if !cx.work.wants(NAME) {
            return Ok(());
        }
        let Some((config, credential)) = credential(&cx.host.files)? else { return Ok(()) };
        let rotated = rotated(&cx.host.files)?;
        let lasts = rotated.as_ref().is_some_and(|cert| !is_too_late(cert, cx.host.clock.now()));
        match credential {
            Credential::Other => return Ok(()),
            Credential::Rotated if lasts => return Ok(()),
            Credential::Embedded if lasts => return use_rotated_file(cx, config),
            Credential::Rotated | Credential::Embedded => {}
        }
        let ca_key = cx.pki()?.key_path(catalog::cert("ca")?);
        if !cx.host.files.exists(&ca_key) && cx.work.only.is_none() {
            cx.events.warning(format!(
                "{KUBELET_CONF} has a certificate that the kubelet does not renew, and only an external CA can: run \
                 'kubewright certs generate-csr'"
            ));
            return Ok(());
        }
        match credential {
            Credential::Embedded if rotated.is_none() => renew_embedded(cx),
            Credential::Embedded => {
                renew_rotated(cx, rotated.as_ref())?;
                use_rotated_file(cx, config)
            }
            _ => renew_rotated(cx, rotated.as_ref()),
        }
    }
}

/// Writes a new certificate in the place of the kubelet's own, if that has expired, expires soon, or is missing.
fn renew_rotated(cx: &mut Run<Renewal>, old: Option<&Cert>) -> Result<()> {
    let now = cx.host.clock.now();
    let (store, keys) = (cx.pki()?, cx.keys());
    let ca = store.require_ca(catalog::cert("ca")?, NAME)?;
    let subject = match old {
        Some(old) => old.subject.clone(),
        None => subject(cx)?,
    };
    let validity = Validity::of_kubeconfig(cx.cluster()?, now, &ca.cert);
    let (cert, key) = store.issue_client(&ca, &subject, validity, cx.cluster()?, keys.as_ref())?;
    back_up(cx, Path::new(KUBELET_CLIENT_CURRENT))?;
    kubelet_service::mark_due(cx)?;
    let pem = [cert.pem().as_bytes(), key.pem().expose().as_bytes()].concat();
    let content = Content::secret(pem, "(certificate and private key, not shown)\n");
    if cx.host.files.exists(Path::new(KUBELET_CLIENT_CURRENT)) {
        cx.host.files.write(
            Path::new(KUBELET_CLIENT_CURRENT),
            &content,
            cx.host.files.mode_or(Path::new(KUBELET_CLIENT_CURRENT), MODE),
        )?;
    } else {
        // The kubelet renews only a link to a file with its own naming scheme.
        let stamp = moment::text(now).replace(['T', ':'], "-");
        let file = Path::new(KUBELET_PKI_DIR).join(format!("kubelet-client-{}.pem", stamp.trim_end_matches('Z')));
        cx.host.files.write(&file, &content, MODE)?;
        cx.host.files.link(Path::new(KUBELET_CLIENT_CURRENT), &file)?;
    }
    cx.events.message(format!(
        "renewed {KUBELET_CLIENT_CURRENT}, which the kubelet could not renew itself (serial {})",
        cert.serial
    ));
    Ok(())
}

/// The subject of the kubelet's certificate: from an earlier certificate of its own, otherwise from the node name.
fn subject(cx: &Context) -> Result<Subject> {
    for name in
        cx.host.files.list(Path::new(KUBELET_PKI_DIR))?.iter().rev().filter(|name| name.starts_with("kubelet-client-"))
    {
        let path = Path::new(KUBELET_PKI_DIR).join(name);
        let bytes = cx.host.files.read(&path)?.unwrap_or_default();
        if let Some(cert) = Cert::bundle_from_file(&path, &bytes).ok().and_then(|chain| chain.into_iter().next()) {
            return Ok(cert.subject);
        }
    }
    Ok(Subject::new(format!("system:node:{}", cx.node()?.name), &[catalog::NODES]))
}

fn use_rotated_file(cx: &mut Run<Renewal>, mut config: Kubeconfig) -> Result<()> {
    back_up(cx, Path::new(KUBELET_CONF))?;
    kubelet_service::mark_due(cx)?;
    if let Some(user) = config.current_user_mut() {
        (user.client_certificate_data, user.client_key_data) = (None, None);
        user.client_certificate = Some(KUBELET_CLIENT_CURRENT.into());
        user.client_key = Some(KUBELET_CLIENT_CURRENT.into());
    }
    cx.host.files.write(
        Path::new(KUBELET_CONF),
        &config.content()?,
        cx.host.files.mode_or(Path::new(KUBELET_CONF), MODE),
    )?;
    cx.events.message(format!("{KUBELET_CONF} now refers to {KUBELET_CLIENT_CURRENT}, which the kubelet renews"));
    Ok(())
}

/// A kubelet without rotation has only the certificate in its kubeconfig.
fn renew_embedded(cx: &mut Run<Renewal>) -> Result<()> {
    let (store, keys) = (cx.pki()?, cx.keys());
    back_up(cx, Path::new(KUBELET_CONF))?;
    kubelet_service::mark_due(cx)?;
    let spec = catalog::kubeconfig(NAME)?;
    let done = store.renew_kubeconfig(spec, Path::new(KUBERNETES_DIR), cx.cluster()?, keys.as_ref())?;
    cx.events.message(format!("renewed {NAME} (serial {})", done.new.serial));
    Ok(())
}
