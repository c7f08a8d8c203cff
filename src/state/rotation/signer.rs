//! The signing certificate of the controller manager, while the CA file contains more than one.
//!
//! The controller manager needs exactly one signing certificate, by default the CA file. While that file is a bundle,
//! the manifest refers to a copy of the signing certificate and key. Both flags change with one write of the manifest,
//! so they always belong together.
//!
//! Reads: the manifest, the CA. Writes: nothing.

use crate::base::fault::Result;
use crate::context::Context;
use crate::pki::rotation::SIGNING;
use crate::pki::rotation::short_print;
use crate::pki::store::LoadedCa;
use crate::pki::{PkiStore, catalog};
use crate::state::rotation::error::RotationError;
use crate::state::static_pod::StaticPod;
use std::path::{Path, PathBuf};

/// The component that signs.
pub const POD: &str = "kube-controller-manager";
/// The flag for the certificate.
pub const CERT_FLAG: &str = "cluster-signing-cert-file";
const KEY_FLAG: &str = "cluster-signing-key-file";
/// The path of the copy, without the extension.
pub fn pair_of(dir: &Path, print: &str) -> PathBuf {
    dir.join(SIGNING).join(print)
}

/// The signing certificate in the manifest.
pub fn signer(cx: &Context) -> Result<Option<PathBuf>> {
    let pod = StaticPod::read(&cx.host.files, POD)?.unwrap_or_default();
    Ok(pod.flag(CERT_FLAG).map(PathBuf::from))
}

/// The manifest with the two flags set to this copy. Everything else is unchanged byte for byte.
pub fn with_pair(manifest: &str, base: &Path) -> Result<String, RotationError> {
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

/// The CA of a host whose CA file is a bundle, with the path of the copy of the signing certificate; otherwise None.
pub fn of_bundle(cx: &Context) -> Result<Option<(PathBuf, LoadedCa)>> {
    let dir = cx.cluster()?.certificates_dir.clone();
    let store = PkiStore::new(cx.host.files.clone(), &dir, &cx.host.clock, &cx.random);
    let ca = store.load_ca(catalog::cert("ca")?)?.filter(|ca| ca.certs.len() > 1 && ca.key.is_some());
    Ok(ca.map(|ca| (pair_of(&dir, &short_print(&ca.cert)), ca)))
}

/// The manifest of a host whose CA file is a bundle, for example of one that joins during a rotation: it refers to the
/// copy. Otherwise the text is unchanged.
pub fn for_bundle(cx: &Context, text: String) -> Result<String> {
    Ok(match of_bundle(cx)? {
        Some((base, _)) => with_pair(&text, &base)?,
        None => text,
    })
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
