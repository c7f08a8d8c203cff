//! The copy of the pair that signs, which the manifest of the controller manager names while the CA file is a bundle.
//!
//! Reads: the CA. Writes: copies in the directory `signing` below that of the certificates.

use crate::base::fault::Result;
use crate::context::Context;
use crate::pki::cert::Cert;
use crate::pki::{PkiStore, PrivateKey, catalog};
use crate::state::rotation::signer::{POD, of_bundle};
use std::path::Path;

/// A controller manager that is not root has to get through it to the key that is its own.
const FOLDER_MODE: u32 = 0o711;

/// Makes the copy that the manifest of `pod` names.
///
/// # Errors
/// When the CA cannot be read or the copy cannot be written.
pub fn keep(cx: &Context, pod: &str) -> Result<()> {
    if pod == POD
        && let Some((base, ca)) = of_bundle(cx)?
        && let Some(key) = &ca.key
    {
        write(cx, &base, &ca.cert, key)?;
    }
    Ok(())
}

/// Writes a copy of a pair. Who may read the CA's files may read these.
///
/// # Errors
/// When it cannot be written.
pub fn write(cx: &Context, base: &Path, cert: &Cert, key: &PrivateKey) -> Result<()> {
    let store = PkiStore::new(cx.files.clone(), &cx.cluster()?.certificates_dir, &cx.clock, &cx.random);
    cx.files.create_dir(base.parent().unwrap_or(base), FOLDER_MODE)?;
    Ok(store.copy_pair(base, cert, key, catalog::cert("ca")?)?)
}
