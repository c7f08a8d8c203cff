//! The CAs on a control plane for the current stage: trusted in addition to the old ones, signing, or alone.
//!
//! Reads: the CA files, the service-account keys, the new keys and certificates in `next`. Writes: the CA files and
//! keys, `sa.key` and `sa.pub`.

use crate::base::fault::Result;
use crate::base::files::Content;
use crate::context::rotation::Stage;
use crate::context::{Rotating, Run};
use crate::ops::renewal;
use crate::phases::rotate_ca::replace;
use crate::pipeline::{Phase, Target};
use crate::pki::catalog::{CertSpec, SERVICE_ACCOUNT};
use crate::pki::cert::Cert;
use crate::pki::rotation::key_print;
use crate::pki::{PkiError, PrivateKey};
use crate::state::rotation::error::RotationError;
use crate::state::rotation::host;
use crate::state::rotation::host::{changing_cas, pending, token_key};

const SECRET_MODE: u32 = 0o600;

pub struct Cas;

impl Phase<Rotating> for Cas {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Rotating>, _: &Target) -> Result<()> {
        if !cx.work.purpose.control_plane {
            return Ok(());
        }
        for spec in changing_cas(cx)? {
            ca(cx, spec)?;
        }
        if cx.work.purpose.begun()?.prints.contains_key(SERVICE_ACCOUNT) { service_account(cx) } else { Ok(()) }
    }
}

fn ca(cx: &mut Run<Rotating>, spec: &'static CertSpec) -> Result<()> {
    let store = cx.pki()?;
    renewal::finish_replacement(cx, spec)?;
    let there = store.require_ca(spec, "a CA rotation")?;
    let (new, key) = host::new_ca(cx, spec, &there)?;
    let stage = cx.work.purpose.stage;
    if stage == Stage::Drop && there.cert != new {
        // Its key would match no certificate of the file.
        return Err(RotationError::NotReissued { files: vec![store.key_path(spec)] }.into());
    }
    let olds = there.certs.iter().filter(|cert| **cert != new).cloned();
    // The signing CA must be first, because tools such as kubeadm use the first certificate.
    let certs: Vec<Cert> = match stage {
        Stage::Trust if there.cert != new => olds.chain([new.clone()]).collect(),
        Stage::Trust | Stage::Reissue => std::iter::once(new.clone()).chain(olds).collect(),
        Stage::Drop => vec![new.clone()],
    };
    let signs = there.cert == new || stage == Stage::Trust;
    if there.certs == certs && signs {
        return Ok(());
    }
    crate::ops::renewal::back_up(cx, &store.cert_path(spec))?;
    match key {
        Some(key) if stage == Stage::Reissue => {
            crate::ops::renewal::back_up(cx, &store.key_path(spec))?;
            store.hand_over(spec, &certs, &key)?;
            cx.events.message(format!("{} signs with its new key from now on", spec.name));
        }
        _ => {
            store.write_bundle(spec, &certs)?;
            cx.events.message(match stage {
                Stage::Drop => format!("{} contains only the new CA", store.cert_path(spec).display()),
                _ => format!("{} contains the old and the new CA", store.cert_path(spec).display()),
            });
        }
    }
    Ok(())
}

fn service_account(cx: &mut Run<Rotating>) -> Result<()> {
    let (store, stage) = (cx.pki()?, cx.work.purpose.stage);
    let dir = cx.cluster()?.certificates_dir.clone();
    let (key_path, public_path) = (dir.join("sa.key"), dir.join("sa.pub"));
    let missing = || PkiError::KeyMissing { path: key_path.clone() };
    let old = token_key(cx)?.ok_or_else(missing)?;
    let print = cx.work.purpose.begun()?.prints.get(SERVICE_ACCOUNT).cloned().unwrap_or_default();
    let signs = key_print(&old) == print;
    let there = cx.host.files.read_text(&public_path)?;
    let mut public = there.clone().unwrap_or_else(|| old.public_pem());
    if !public.ends_with('\n') {
        public.push('\n');
    }
    let new = if signs { None } else { Some(store.kept_key(&pending(cx, SERVICE_ACCOUNT)?)?.ok_or_else(missing)?) };
    let new_public = new.as_ref().map_or_else(|| old.public_pem(), PrivateKey::public_pem);
    // Tokens of either key are valid while both are in the file.
    let both = if public.contains(new_public.trim()) { public.clone() } else { format!("{public}{new_public}") };
    let wanted = if stage == Stage::Drop { new_public } else { both };
    let is_right = there.as_ref() == Some(&wanted);
    // It is public, and components that do not run as root need its current mode to read it.
    let mode = cx.host.files.mode(&public_path).unwrap_or(SECRET_MODE);
    replace(cx, &public_path, &Content::public(wanted), mode, is_right)?;
    if let Some(new) = new.filter(|_| stage == Stage::Reissue) {
        let text = new.block();
        let content = Content::secret(text.expose().as_bytes(), "(private key, not shown)\n");
        replace(cx, &key_path, &content, SECRET_MODE, false)?;
    }
    Ok(())
}
