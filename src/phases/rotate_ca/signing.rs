//! The signing certificate of the controller manager, while the CA file contains more than one.
//!
//! Reads: the manifest, the current or next signing certificate and key. Writes: copies of them in the directory
//! `signing`, the manifest.

use crate::base::fault::Result;
use crate::base::files::Content;
use crate::base::wait::{Poll, Wait};
use crate::context::rotation::Stage;
use crate::context::{Context, Rotating, Run};
use crate::domain::paths::manifest;
use crate::host::removal;
use crate::ops::kubelet_service;
use crate::ops::rollback;
use crate::ops::running::{Running, ThisHost, only_running};
use crate::ops::signer_copy;
use crate::pipeline::{Phase, Target};
use crate::pki::catalog;
use crate::pki::rotation::short_print;
use crate::pki::rotation::{DIRECTORIES, SIGNING};
use crate::state::rotation::error::RotationError;
use crate::state::rotation::host;
use crate::state::rotation::signer::{CERT_FLAG, POD, pair_of, signer, with_pair};
use std::path::Path;
use std::time::Duration;

const MANIFEST_MODE: u32 = 0o600;
/// Lets it sign with the CA of this stage; before the CA file changes.
pub struct Signing;

/// Lets it sign with the CA's own files again; after the CA file contains a single certificate.
pub struct SigningAgain;

impl Phase<Rotating> for Signing {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Rotating>, _: &Target) -> Result<()> {
        let stage = cx.work.purpose.stage;
        if stage == Stage::Drop || !takes_part(cx)? {
            return Ok(());
        }
        let (store, spec) = (cx.pki()?, catalog::cert("ca")?);
        let there = store.require_ca(spec, POD)?;
        let (cert, key) = match host::new_ca(cx, spec, &there)? {
            (cert, Some(key)) if stage == Stage::Reissue => (cert, Some(key)),
            _ => (there.cert.clone(), there.key),
        };
        let Some(key) = key else { return Ok(()) };
        let base = pair_of(&cx.cluster()?.certificates_dir, &short_print(&cert));
        signer_copy::write(cx, &base, &cert, &key)?;
        set_signer(cx, &base)
    }
}

impl Phase<Rotating> for SigningAgain {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Rotating>, _: &Target) -> Result<()> {
        if cx.work.purpose.stage != Stage::Drop || !cx.work.purpose.control_plane {
            return Ok(());
        }
        let dir = cx.cluster()?.certificates_dir.clone();
        if takes_part(cx)? && signer(cx)?.is_some_and(|file| file.starts_with(dir.join(SIGNING))) {
            set_signer(cx, &dir.join("ca"))?;
        }
        // These files are no longer used.
        for directory in DIRECTORIES.map(|name| dir.join(name)) {
            for name in cx.host.files.list(&directory)? {
                cx.host.files.remove(&directory.join(name))?;
            }
            removal::remove_empty(&cx.host, &dir, &directory)?;
        }
        Ok(())
    }
}

fn takes_part(cx: &Run<Rotating>) -> Result<bool> {
    let signs = cx.work.purpose.begun()?.prints.contains_key("ca");
    Ok(cx.work.purpose.control_plane && signs && cx.host.files.exists(&manifest(POD)))
}

/// Refuses a manifest with another signer than the CA: its replacement is unknown.
pub fn require_own(cx: &Context) -> Result<()> {
    if !cx.host.files.exists(&manifest(POD)) {
        return Ok(());
    }
    let dir = cx.cluster()?.certificates_dir.clone();
    match signer(cx)? {
        None => Err(RotationError::NoFlag(CERT_FLAG).into()),
        Some(file) if file == dir.join("ca.crt") || file.starts_with(dir.join(SIGNING)) => Ok(()),
        Some(file) => Err(RotationError::OwnSigner(file.display().to_string()).into()),
    }
}

/// Changes the manifest and waits until the controller manager runs with it.
fn set_signer(cx: &mut Run<Rotating>, base: &Path) -> Result<()> {
    set_signer_and(cx, base, &wait_for_new_container)
}

/// The same with another wait. If the controller manager does not run with it, the old manifest is restored.
fn set_signer_and(cx: &mut Run<Rotating>, base: &Path, wait: &dyn Fn(&Context) -> Result<()>) -> Result<()> {
    let path = manifest(POD);
    let before = cx.host.files.read_text(&path)?.unwrap_or_default();
    let after = with_pair(&before, base)?;
    if after != before {
        if cx.host.files.is_live() {
            kubelet_service::require_healthy(cx)?;
        }
        crate::ops::renewal::back_up(cx, &path)?;
        cx.host.files.write(&path, &Content::public(after), cx.host.files.mode_or(&path, MANIFEST_MODE))?;
        cx.events.message(format!("{POD} signs with {}", base.with_extension("crt").display()));
    }
    let Err(failure) = wait(cx) else { return Ok(()) };
    let outcome = rollback::restore(cx, &[path])?.then(|| wait(cx));
    Err(RotationError::SignerNotUsed { why: failure.to_string(), outcome }.into())
}

fn wait_for_new_container(cx: &Context) -> Result<()> {
    let since = cx.host.files.modified(&manifest(POD)).unwrap_or_default();
    let host = ThisHost::find(cx)?;
    let limit = cx.timeouts().upgrade_manifests;
    cx.host.gate.effect(|| {
        let wait = Wait {
            slowest: Duration::from_millis(100),
            ..Wait::new("kube-controller-manager with its new signer", limit)
        };
        wait.until(&cx.host.clock, &cx.events, || {
            let running = only_running(&host.containers(POD)?);
            Ok(match running.as_slice() {
                [] => Poll::Pending("it is not running".into()),
                all if all.iter().any(|one| one.created < since) => {
                    Poll::Pending("the kubelet has not loaded its manifest yet".into())
                }
                _ => Poll::Ready(()),
            })
        })
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phases::rotate_ca::fixture::{TestHost, ca};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::path::PathBuf;

    fn controller_manager(host: &TestHost) -> PathBuf {
        let path = host.root.path().join("etc/kubernetes/manifests/kube-controller-manager.yaml");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let command = "[k, --cluster-signing-cert-file=/etc/kubernetes/pki/ca.crt, --cluster-signing-key-file=/etc/kubernetes/pki/ca.key]";
        std::fs::write(&path, format!("spec: {{containers: [{{command: {command}}}]}}\n")).unwrap();
        path
    }

    #[test]
    fn a_controller_manager_that_does_not_run_with_its_new_signer_gets_its_old_manifest_back() {
        let host = TestHost::control_plane();
        let path = controller_manager(&host);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let before = std::fs::read_to_string(&path).unwrap();
        let mut cx = host.run(Stage::Trust);
        #[allow(clippy::match_bool)] // Two outcomes side by side.
        let wait = |_: &Context| match std::fs::read_to_string(&path).unwrap() == before {
            true => Ok(()),
            false => Err(RotationError::NoFlag("x").into()),
        };
        let base = Path::new("/etc/kubernetes/pki/signing/0a");
        let failure = set_signer_and(&mut cx, base, &wait).unwrap_err();
        assert!(failure.to_string().contains("the old files were restored and are in use"), "{failure}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
        set_signer_and(&mut cx, base, &|_| Ok(())).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().contains("/etc/kubernetes/pki/signing/0a.key"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
    }

    /// The copy was in a directory that only root may enter, and belonged to root.
    #[test]
    fn a_controller_manager_that_does_not_run_as_root_can_read_its_signing_copy() {
        let host = TestHost::control_plane();
        let key = host.root.path().join("etc/kubernetes/pki/ca.key");
        // Only root may change the owner of files.
        let given = chown(&key, Some(2000), Some(2001)).is_ok();
        let store = host.store();
        let there = store.load_ca(ca()).unwrap().unwrap();
        let base = Path::new("/etc/kubernetes/pki/signing/0a");
        let cx = host.run(Stage::Trust);
        signer_copy::write(&cx, base, &there.cert, there.key.as_ref().unwrap()).unwrap();
        let copy = std::fs::metadata(host.root.path().join("etc/kubernetes/pki/signing/0a.key")).unwrap();
        assert_eq!(copy.permissions().mode() & 0o7777, 0o600);
        assert!(!given || (copy.uid(), copy.gid()) == (2000, 2001));
        let directory = std::fs::metadata(host.root.path().join("etc/kubernetes/pki/signing")).unwrap();
        assert_eq!(directory.permissions().mode() & 0o7777, 0o711);
    }
}
