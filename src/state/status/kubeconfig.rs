//! Which kubeconfig a cluster is asked with, and whether this host is part of that cluster.
//!
//! Reads: the kubeconfigs of this host, its CA. Writes: nothing.

use crate::config::kubeconfig::Kubeconfig;
use crate::context::Context;
use crate::context::access::ca_certificates;
use crate::domain::paths::{ADMIN_CONF, KUBELET_CONF, MANIFESTS_DIR, SUPER_ADMIN_CONF};
use crate::pki::Cert;
use std::path::{Path, PathBuf};

/// A kubeconfig and what it is good for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// None: this host has none.
    pub path: Option<PathBuf>,
    /// It is that of the kubelet, which sees little beside its own node.
    pub of_kubelet: bool,
    /// This host is part of that cluster.
    pub host: bool,
}

/// The given one; otherwise the administrator's of this host, then the kubelet's, then the user's.
pub fn choose(cx: &Context, given: Option<PathBuf>, of_user: Option<PathBuf>) -> Chosen {
    let exists = |path: &&str| cx.host.files.exists(Path::new(path));
    let is_node = [KUBELET_CONF, ADMIN_CONF, MANIFESTS_DIR].iter().any(exists);
    let is_root = cx.uid == 0 || !cx.host.files.is_live();
    if let Some(path) = given {
        let host = is_node && is_same_cluster(cx, &path);
        return Chosen { path: Some(path), of_kubelet: false, host };
    }
    let own = [ADMIN_CONF, SUPER_ADMIN_CONF].iter().find(|path| is_root && exists(path));
    let kubelet = [KUBELET_CONF].iter().find(|path| is_root && exists(path));
    match (own, kubelet, of_user) {
        (Some(path), _, _) => Chosen { path: Some(path.into()), of_kubelet: false, host: true },
        (None, Some(path), _) => Chosen { path: Some(path.into()), of_kubelet: true, host: true },
        (None, None, Some(path)) => {
            let host = is_node && is_same_cluster(cx, &path);
            Chosen { path: Some(path), of_kubelet: false, host }
        }
        (None, None, None) => Chosen { path: None, of_kubelet: false, host: is_node },
    }
}

/// True unless the kubeconfig trusts another CA than this host's kubelet or administrator.
fn is_same_cluster(cx: &Context, path: &Path) -> bool {
    let theirs = trusted(cx, path);
    let own: Vec<Cert> = [ADMIN_CONF, KUBELET_CONF].iter().flat_map(|path| trusted(cx, Path::new(path))).collect();
    theirs.is_empty() || own.is_empty() || theirs.iter().any(|cert| own.contains(cert))
}

fn trusted(cx: &Context, path: &Path) -> Vec<Cert> {
    let Ok(Some(bytes)) = cx.host.files.read(path) else { return Vec::new() };
    let Ok(config) = Kubeconfig::parse(path, &bytes) else { return Vec::new() };
    let Some(cluster) = config.current_cluster() else { return Vec::new() };
    let pem = ca_certificates(cx, path, cluster).ok().flatten().unwrap_or_default();
    Cert::bundle_from_pem(&pem).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_kubeconfig_is_used_and_a_given_one_before_all() {
        let root = tempfile::tempdir().unwrap();
        let cx = Context::for_tests(root.path().to_str().unwrap());
        let user = Some(PathBuf::from("/home/u/.kube/config"));
        assert_eq!(choose(&cx, None, None), Chosen::default());
        assert_eq!(choose(&cx, None, user.clone()).path, user);
        let put = |path: &str| {
            let path = root.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        put(KUBELET_CONF);
        let kubelet = choose(&cx, None, user.clone());
        assert!(kubelet.of_kubelet && kubelet.host, "{kubelet:?}");
        put(ADMIN_CONF);
        let admin = choose(&cx, None, user.clone());
        assert!(!admin.of_kubelet && admin.path == Some(ADMIN_CONF.into()), "{admin:?}");
        assert_eq!(choose(&cx, user.clone(), None).path, user);
    }
}
