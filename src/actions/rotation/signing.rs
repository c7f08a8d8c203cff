//! What the controller manager signs with, while the CA file holds more than the signer.
//!
//! It takes exactly one certificate to sign with, and by default it takes the CA file. So while that file is a bundle
//! its manifest names a copy of the pair that signs. Both flags change with one file, so certificate and key always
//! belong together.
//!
//! Reads: the manifest, the pair that signs now or next. Writes: copies of it in the folder `signing`, the manifest.

use super::error::RotationError;
use super::{FOLDERS, SIGNING, authorities};
use crate::actions::manifest;
use crate::actions::renewal::rollback;
use crate::actions::renewal::running::{Running, ThisHost, that_run};
use crate::actions::static_pod::StaticPod;
use crate::base::fault::Result;
use crate::base::files::Content;
use crate::base::wait::{Poll, Wait};
use crate::context::Context;
use crate::context::rotation::Stage;
use crate::host::removal;
use crate::pipeline::{Action, Target};
use crate::pki::rotation::short_print;
use crate::pki::{PkiStore, catalog};
use std::path::{Path, PathBuf};
use std::time::Duration;

const POD: &str = "kube-controller-manager";
const CERT_FLAG: &str = "cluster-signing-cert-file";
const KEY_FLAG: &str = "cluster-signing-key-file";
const MANIFEST_MODE: u32 = 0o600;
/// A controller manager that is not root has to get through it to the key that is its own.
const FOLDER_MODE: u32 = 0o711;

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
        let (cert, key) = match authorities::successor(cx, spec, &there)? {
            (cert, Some(key)) if stage == Stage::Reissue => (cert, Some(key)),
            _ => (there.cert.clone(), there.key),
        };
        let Some(key) = key else { return Ok(()) };
        let base = pair_of(&cx.cluster()?.certificates_dir, &short_print(&cert));
        cx.files.create_dir(base.parent().unwrap_or(&base), FOLDER_MODE)?;
        store.copy_pair(&base, &cert, &key, spec)?;
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

/// Where the copy of a pair lies, without the ending.
fn pair_of(dir: &Path, print: &str) -> PathBuf {
    dir.join(SIGNING).join(print)
}

fn concerned(cx: &Context) -> Result<bool> {
    let signs = cx.rotation_plan()?.prints.contains_key("ca");
    Ok(cx.rotation()?.control_plane && signs && cx.files.exists(&manifest::path(POD)))
}

/// The certificate with which the manifest has it sign.
fn signer(cx: &Context) -> Result<Option<PathBuf>> {
    let pod = StaticPod::read(&cx.files, POD)?.unwrap_or_default();
    Ok(pod.flag(CERT_FLAG).map(PathBuf::from))
}

/// Refuses a manifest that has it sign with something else than the CA: what that should become nobody here can know.
///
/// # Errors
/// When it does.
pub fn require_own(cx: &Context) -> Result<()> {
    if !cx.files.exists(&manifest::path(POD)) {
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
    let path = manifest::path(POD);
    let before = cx.files.read_text(&path)?.unwrap_or_default();
    let after = with_pair(&before, base)?;
    if after != before {
        crate::actions::renewal::back_up(cx, &path)?;
        cx.files.write(&path, &Content::public(after), cx.files.mode_or(&path, MANIFEST_MODE))?;
        cx.events.message(format!("{POD} signs with {}", base.with_extension("crt").display()));
    }
    let Err(failure) = wait(cx) else { return Ok(()) };
    let outcome = rollback::put_back(cx, &[path])?.then(|| wait(cx));
    Err(RotationError::SignerNotUsed { why: failure.to_string(), outcome }.into())
}

fn wait_for_new_container(cx: &Context) -> Result<()> {
    let since = cx.files.modified(&manifest::path(POD)).unwrap_or_default();
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

/// The manifest with the two flags at this pair. All else stays byte for byte.
fn with_pair(manifest: &str, base: &Path) -> Result<String, RotationError> {
    let text = flag(manifest, CERT_FLAG, &base.with_extension("crt"))?;
    flag(&text, KEY_FLAG, &base.with_extension("key"))
}

fn flag(manifest: &str, name: &'static str, value: &Path) -> Result<String, RotationError> {
    let start = format!("--{name}=");
    let mut found = false;
    let lines = manifest.split_inclusive('\n').map(|line| match line.find(&start) {
        Some(at) => {
            found = true;
            let (before, rest) = line.split_at(at + start.len());
            let end = rest.find(['"', '\'', '\n', ' ']).unwrap_or(rest.len());
            format!("{before}{}{}", value.display(), &rest[end..])
        }
        None => line.to_owned(),
    });
    let text: String = lines.collect();
    if found { Ok(text) } else { Err(RotationError::NoFlag(name)) }
}

/// The manifest of a host whose CA file is a bundle, as of one that joins while the CA changes: it names a copy of the
/// pair that signs, which is made here. The text as it is everywhere else.
///
/// # Errors
/// When the CA cannot be read or the copy cannot be written.
pub fn for_bundle(cx: &Context, pod: &str, text: String) -> Result<String> {
    if pod != POD {
        return Ok(text);
    }
    let dir = cx.cluster()?.certificates_dir.clone();
    let store = PkiStore::new(cx.files.clone(), &dir, &cx.clock, &cx.random);
    let spec = catalog::cert("ca")?;
    let Some(ca) = store.load_ca(spec)?.filter(|ca| ca.certs.len() > 1) else { return Ok(text) };
    let Some(key) = &ca.key else { return Ok(text) };
    let base = pair_of(&dir, &short_print(&ca.cert));
    cx.files.create_dir(base.parent().unwrap_or(&base), FOLDER_MODE)?;
    store.copy_pair(&base, &ca.cert, key, spec)?;
    Ok(with_pair(&text, &base)?)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{TestHost, ca};
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    #[test]
    fn only_the_two_flags_of_the_signer_change() {
        let text = "a:\n    - --client-ca-file=/pki/ca.crt\n    - --cluster-signing-cert-file=/pki/ca.crt\n    \
                    - \"--cluster-signing-key-file=/pki/ca.key\"\n    - --root-ca-file=/pki/ca.crt\n";
        let there = with_pair(text, Path::new("/pki/signing/0a")).unwrap();
        assert_eq!(
            there,
            "a:\n    - --client-ca-file=/pki/ca.crt\n    - --cluster-signing-cert-file=/pki/signing/0a.crt\n    \
             - \"--cluster-signing-key-file=/pki/signing/0a.key\"\n    - --root-ca-file=/pki/ca.crt\n"
        );
        assert_eq!(with_pair(&there, Path::new("/pki/ca")).unwrap(), text);
        assert!(matches!(with_pair("command: []\n", Path::new("/x")), Err(RotationError::NoFlag(CERT_FLAG))));
    }

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
        cx.files.create_dir(base.parent().unwrap(), FOLDER_MODE).unwrap();
        store.copy_pair(base, &there.cert, there.key.as_ref().unwrap(), ca()).unwrap();
        let copy = std::fs::metadata(host.root.path().join("etc/kubernetes/pki/signing/0a.key")).unwrap();
        assert_eq!(copy.permissions().mode() & 0o7777, 0o600);
        assert!(!given || (copy.uid(), copy.gid()) == (2000, 2001));
        let folder = std::fs::metadata(host.root.path().join("etc/kubernetes/pki/signing")).unwrap();
        assert_eq!(folder.permissions().mode() & 0o7777, 0o711);
    }
}
