//! A copy of the signing CA, which the controller manager's manifest refers to while the CA file is a bundle.
//!
//! Reads: the CA. Writes: copies in the directory `signing` below the certificates directory.

use crate::base::fault::Result;
use crate::context::Context;
use crate::pki::cert::Cert;
use crate::pki::{PkiStore, PrivateKey, catalog};
use crate::state::rotation::signer::{POD, of_bundle};
use std::path::Path;

/// A controller manager that does not run as root must be able to reach its key in this directory.
const DIRECTORY_MODE: u32 = 0o711;

/// Creates the copy that the manifest of `pod` refers to.
pub fn keep(cx: &Context, pod: &str) -> Result<()> {
    if pod == POD
        && let Some((base, ca)) = of_bundle(cx)?
        && let Some(key) = &ca.key
    {
        write(cx, &base, &ca.cert, key)?;
    }
    Ok(())
}

/// Writes a copy of a CA, with the same permissions as the CA's files.
pub fn write(cx: &Context, base: &Path, cert: &Cert, key: &PrivateKey) -> Result<()> {
    let store = PkiStore::new(cx.host.files.clone(), &cx.cluster()?.certificates_dir, &cx.host.clock, &cx.random);
    cx.host.files.create_dir(base.parent().unwrap_or(base), DIRECTORY_MODE)?;
    Ok(store.copy_pair(base, cert, key, catalog::cert("ca")?)?)
}
