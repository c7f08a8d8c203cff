//! What the controller manager signs with, while the CA file holds more than the signer.
//!
//! It takes exactly one certificate to sign with, and by default it takes the CA file. So while that file is a bundle
//! its manifest names a copy of the pair that signs. Both flags change with one file, so certificate and key always
//! belong together.
//!
//! Reads: the manifest, the pair that signs now or next. Writes: copies of it in the folder `signing`, the manifest.

use crate::base::fault::Result;
use crate::base::files::Content;
use crate::base::wait::{Poll, Wait};
use crate::context::Context;
use crate::context::rotation::Stage;
use crate::ops::running::{Running, ThisHost, that_run};
use crate::phases::manifests;
use crate::phases::rotate_ca::cas;
use crate::phases::rotate_ca::error::RotationError;
use crate::pipeline::{Action, Target};
use crate::pki::rotation::short_print;
use crate::pki::{PkiStore, catalog};
use crate::state::static_pod::StaticPod;
use std::path::{Path, PathBuf};
use std::time::Duration;

const POD: &str = "kube-controller-manager";
const CERT_FLAG: &str = "cluster-signing-cert-file";
const KEY_FLAG: &str = "cluster-signing-key-file";
const MANIFEST_MODE: u32 = 0o600;
/// The folder of the copies, below that of the certificates.
const FOLDER: &str = "signing";

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
        let (cert, key) = match cas::successor(cx, spec, &there)? {
            (cert, Some(key)) if stage == Stage::Reissue => (cert, Some(key)),
            _ => (there.cert.clone(), there.key),
        };
        let Some(key) = key else { return Ok(()) };
        let base = pair_of(&cx.cluster()?.certificates_dir, &short_print(&cert));
        cx.files.create_dir(base.parent().unwrap_or(&base), 0o700)?;
        store.keep_pair(&base, &cert, &key)?;
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
        if concerned(cx)? && signer(cx)?.is_some_and(|file| file.starts_with(dir.join(FOLDER))) {
            point_at(cx, &dir.join("ca"))?;
        }
        // Nothing reads these any more.
        for folder in [FOLDER, "next"] {
            for name in cx.files.list(&dir.join(folder))? {
                cx.files.remove(&dir.join(folder).join(name))?;
            }
        }
        Ok(())
    }
}

/// Where the copy of a pair lies, without the ending.
fn pair_of(dir: &Path, print: &str) -> PathBuf {
    dir.join(FOLDER).join(print)
}

fn concerned(cx: &Context) -> Result<bool> {
    let signs = cx.rotation_plan()?.prints.contains_key("ca");
    Ok(cx.rotation()?.control_plane && signs && cx.files.exists(&manifests::path(POD)))
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
    if !cx.files.exists(&manifests::path(POD)) {
        return Ok(());
    }
    let dir = cx.cluster()?.certificates_dir.clone();
    match signer(cx)? {
        None => Err(RotationError::NoFlag(CERT_FLAG).into()),
        Some(file) if file == dir.join("ca.crt") || file.starts_with(dir.join(FOLDER)) => Ok(()),
        Some(file) => Err(RotationError::OwnSigner(file.display().to_string()).into()),
    }
}

/// Changes the manifest and waits until the controller manager runs from it.
fn point_at(cx: &mut Context, base: &Path) -> Result<()> {
    let path = manifests::path(POD);
    let before = cx.files.read_text(&path)?.unwrap_or_default();
    let after = with_pair(&before, base)?;
    if after != before {
        crate::phases::renew::back_up(cx, &path)?;
        cx.files.write(&path, &Content::public(after), MANIFEST_MODE)?;
        cx.events.message(format!("{POD} signs with {}", base.with_extension("crt").display()));
    }
    let since = cx.files.modified(&path).unwrap_or_default();
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
    let Some(ca) = store.load_ca(catalog::cert("ca")?)?.filter(|ca| ca.certs.len() > 1) else { return Ok(text) };
    let Some(key) = &ca.key else { return Ok(text) };
    let base = pair_of(&dir, &short_print(&ca.cert));
    cx.files.create_dir(base.parent().unwrap_or(&base), 0o700)?;
    store.keep_pair(&base, &ca.cert, key)?;
    Ok(with_pair(&text, &base)?)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
