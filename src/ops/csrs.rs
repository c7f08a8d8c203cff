//! Certificate signing requests for everything on this host that an external CA would have to sign.
//!
//! Reads: the configuration, and the existing keys and kubeconfigs. Writes: a request next to each key
//! (`apiserver.csr`, `admin.conf.csr`), and missing keys and kubeconfigs.

use crate::base::fault::Result;
use crate::context::{Renewal, Run};
use crate::pki::catalog::{certs_of, kubeconfigs_of};
use std::path::PathBuf;

/// Writes all requests; returns their paths, in the order of the tables.
pub fn write<P>(cx: &mut Run<Renewal<P>>) -> Result<Vec<PathBuf>> {
    let store = cx.pki()?;
    let directory = cx.work.kubeconfig_dir.clone();
    let certs: Vec<_> = certs_of(cx.cluster()?).filter(|spec| !spec.is_ca()).collect();
    let kubeconfigs: Vec<_> = kubeconfigs_of(cx.facts()?).collect();
    let missing = certs.iter().filter(|spec| !cx.host.files.exists(&store.key_path(spec))).count()
        + kubeconfigs.iter().filter(|spec| !cx.host.files.exists(&directory.join(spec.file))).count();
    cx.expect_keys(missing);
    let keys = cx.keys();
    let mut requests = Vec::new();
    for spec in certs {
        requests.push(store.request(spec, cx.cluster()?, cx.node()?, keys.as_ref())?);
    }
    for spec in kubeconfigs {
        requests.push(store.request_kubeconfig(spec, &directory, cx.cluster()?, cx.node()?, keys.as_ref())?);
    }
    for path in &requests {
        cx.events.message(format!("wrote {}", path.display()));
    }
    Ok(requests)
}
