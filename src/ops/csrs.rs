//! Requests for everything that an external CA would have to sign for this host.
//!
//! Reads: the configuration, and the keys and kubeconfigs that are there. Writes: a request beside each key
//! (`apiserver.csr`, `admin.conf.csr`), and the keys and kubeconfigs that are missing.

use crate::base::fault::Result;
use crate::context::Context;
use crate::pki::catalog::{certs_of, kubeconfigs_of};
use std::path::PathBuf;

/// Writes all of them; the paths of the requests, in the order of the tables.
///
/// # Errors
/// When a key or kubeconfig that is there cannot be used, or a file cannot be written.
pub fn write(cx: &mut Context) -> Result<Vec<PathBuf>> {
    let store = cx.pki()?;
    let folder = cx.renewal()?.kubeconfig_dir.clone();
    let certs: Vec<_> = certs_of(cx.cluster()?).filter(|spec| !spec.is_ca()).collect();
    let kubeconfigs: Vec<_> = kubeconfigs_of(cx.facts()?).collect();
    let missing = certs.iter().filter(|spec| !cx.files.exists(&store.key_path(spec))).count()
        + kubeconfigs.iter().filter(|spec| !cx.files.exists(&folder.join(spec.file))).count();
    cx.expect_keys(missing);
    let keys = cx.keys();
    let mut requests = Vec::new();
    for spec in certs {
        requests.push(store.request(spec, cx.cluster()?, cx.node()?, keys.as_ref())?);
    }
    for spec in kubeconfigs {
        requests.push(store.request_kubeconfig(spec, &folder, cx.cluster()?, cx.node()?, keys.as_ref())?);
    }
    for path in &requests {
        cx.events.message(format!("wrote {}", path.display()));
    }
    Ok(requests)
}
