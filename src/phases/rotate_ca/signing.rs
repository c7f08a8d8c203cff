//! What the controller manager signs with, while the CA file holds more than the signer.
//!
//! Reads: the manifest, the pair that signs now or next. Writes: copies of it in the folder `signing`, the manifest.

use crate::base::fault::Result;
use crate::base::files::Content;
use crate::base::wait::{Poll, Wait};
use crate::context::Context;
use crate::context::rotation::Stage;
use crate::domain::paths::manifest;
use crate::host::removal;
use crate::ops::kubelet_service;
use crate::ops::rollback;
use crate::ops::running::{Running, ThisHost, that_run};
use crate::ops::signer_copy;
use crate::pipeline::{Action, Target};
use crate::pki::catalog;
use crate::pki::rotation::short_print;
use crate::pki::rotation::{FOLDERS, SIGNING};
use crate::state::rotation::error::RotationError;
use crate::state::rotation::host;
use crate::state::rotation::signer::{CERT_FLAG, POD, pair_of, signer, with_pair};
use std::path::Path;
use std::time::Duration;

const MANIFEST_MODE: u32 = 0o600;
/// Has it sign with the pair of this stage; before the CA file changes.
pub struct Signing;

/// Has it sign with the CA's own files again; after the CA file holds one certificate.
pub struct SigningAgain;

impl Action for Signing {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let stage = cx.rotation()?.stage;
        if stage == Stage::Drop || !concerned(cx)? {
            return Ok(());
        }
        let (store, spec) = (cx.pki()?, catalog::cert("ca")?);
        let there = store.require_ca(spec, POD)?;
        let (cert, key) = match host::successor(cx, spec, &there)? {
            (cert, Some(key)) if stage == Stage::Reissue => (cert, Some(key)),
            _ => (there.cert.clone(), there.key),
        };
        let Some(key) = key else { return Ok(()) };
        let base = pair_of(&cx.cluster()?.certificates_dir, &short_print(&cert));
        signer_copy::write(cx, &base, &cert, &key)?;
        point_at(cx, &base)
    }
}

impl Action for SigningAgain {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        if cx.rotation()?.stage != Stage::Drop || !cx.rotation()?.control_plane {
            return Ok(());
        }
        let dir = cx.cluster()?.certificates_dir.clone();
        if concerned(cx)? && signer(cx)?.is_some_and(|file| file.starts_with(dir.join(SIGNING))) {
            point_at(cx, &dir.join("ca"))?;
        }
        // Nothing reads these any more.
        for folder in FOLDERS.map(|name| dir.join(name)) {
            for name in cx.files.list(&folder)? {
                cx.files.remove(&folder.join(name))?;
            }
            removal::remove_empty(&cx.host, &dir, &folder)?;
        }
        Ok(())
    }
}

fn concerned(cx: &Context) -> Result<bool> {
    let signs = cx.rotation_plan()?.prints.contains_key("ca");
    Ok(cx.rotation()?.control_plane && signs && cx.files.exists(&manifest(POD)))
}

/// Refuses a manifest that has it sign with something else than the CA: what that should become nobody here can know.
///
/// # Errors
/// When it does.
pub fn require_own(cx: &Context) -> Result<()> {
    if !cx.files.exists(&manifest(POD)) {
        return Ok(());
    }
    let dir = cx.cluster()?.certificates_dir.clone();
    match signer(cx)? {
        None => Err(RotationError::NoFlag(CERT_FLAG).into()),
        Some(file) if file == dir.join("ca.crt") || file.starts_with(dir.join(SIGNING)) => Ok(()),
        Some(file) => Err(RotationError::OwnSigner(file.display().to_string()).into()),
    }
}

/// Changes the manifest and waits until the controller manager runs from it.
fn point_at(cx: &mut Context, base: &Path) -> Result<()> {
    point_at_and(cx, base, &wait_for_new_container)
}

/// The same with another wait. A controller manager that does not run from it gets its old manifest back.
fn point_at_and(cx: &mut Context, base: &Path, wait: &dyn Fn(&Context) -> Result<()>) -> Result<()> {
    let path = manifest(POD);
    let before = cx.files.read_text(&path)?.unwrap_or_default();
    let after = with_pair(&before, base)?;
    if after != before {
        if cx.files.is_live() {
            kubelet_service::require_healthy(cx)?;
        }
        crate::ops::renewal::back_up(cx, &path)?;
        cx.files.write(&path, &Content::public(after), cx.files.mode_or(&path, MANIFEST_MODE))?;
        cx.events.message(format!("{POD} signs with {}", base.with_extension("crt").display()));
    }
    let Err(failure) = wait(cx) else { return Ok(()) };
    let outcome = rollback::put_back(cx, &[path])?.then(|| wait(cx));
    Err(RotationError::SignerNotUsed { why: failure.to_string(), outcome }.into())
}

fn wait_for_new_container(cx: &Context) -> Result<()> {
    let since = cx.files.modified(&manifest(POD)).unwrap_or_default();
    let host = ThisHost::find(cx)?;
    let limit = cx.timeouts().upgrade_manifests;
    cx.gate.effect(|| {
        let wait = Wait {
            slowest: Duration::from_millis(100),
            ..Wait::new("a kube-controller-manager with its new signer", limit)
        };
        wait.until(&cx.clock, &cx.events, || {
            let running = that_run(&host.containers(POD)?);
            Ok(match running.as_slice() {
                [] => Poll::Pending("it does not run".into()),
                all if all.iter().any(|one| one.created < since) => {
                    Poll::Pending("the kubelet has not taken up its manifest".into())
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
        let failure = point_at_and(&mut cx, base, &wait).unwrap_err();
        assert!(failure.to_string().contains("the old files are back in place and in use"), "{failure}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
        point_at_and(&mut cx, base, &|_| Ok(())).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().contains("/etc/kubernetes/pki/signing/0a.key"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
    }

    /// The copy lay in a directory that only root may enter, and was root's.
    #[test]
    fn a_controller_manager_that_is_not_root_can_read_the_copy_that_it_signs_with() {
        let host = TestHost::control_plane();
        let key = host.root.path().join("etc/kubernetes/pki/ca.key");
        // Only root may give files away.
        let given = chown(&key, Some(2000), Some(2001)).is_ok();
        let store = host.store();
        let there = store.load_ca(ca()).unwrap().unwrap();
        let base = Path::new("/etc/kubernetes/pki/signing/0a");
        let cx = host.run(Stage::Trust);
        signer_copy::write(&cx, base, &there.cert, there.key.as_ref().unwrap()).unwrap();
        let copy = std::fs::metadata(host.root.path().join("etc/kubernetes/pki/signing/0a.key")).unwrap();
        assert_eq!(copy.permissions().mode() & 0o7777, 0o600);
        assert!(!given || (copy.uid(), copy.gid()) == (2000, 2001));
        let folder = std::fs::metadata(host.root.path().join("etc/kubernetes/pki/signing")).unwrap();
        assert_eq!(folder.permissions().mode() & 0o7777, 0o711);
    }
}
