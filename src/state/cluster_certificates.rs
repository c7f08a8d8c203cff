//! The certificates and keys on this host that a cluster tool created, and those that `reset` removes.
//!
//! Reads: the static Pods' manifests. Writes: nothing.
//!
//! kubeadm's own directory contains only such files under these names. In any other directory they may belong to the
//! user: there only files that a manifest refers to are removed, unless the user specifies the directory.

use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::context::{Reset, Run};
use crate::pki::catalog::{CERTS, CertSpec};
use crate::state::local_etcd;
use crate::state::static_pod::StaticPod;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// kubeadm's directory.
const DEFAULT: &str = "/etc/kubernetes/pki";
const COMPONENTS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// The paths of the certificates and keys to remove, whether they exist or not.
pub fn paths(cx: &Run<Reset>) -> Result<Vec<PathBuf>> {
    let directory = &cx.cluster()?.certificates_dir;
    let named = named(&cx.host.files)?;
    let whole = is_whole(cx)?;
    let is_etcds = |spec: &CertSpec| spec.name == "etcd-ca" || spec.ca == Some("etcd-ca");
    let etcd_stays = local_etcd::is_external(cx)?;
    let has_etcd = named.contains(&directory.join("etcd/ca.crt"));
    let mut paths = Vec::new();
    for spec in CERTS.iter().filter(|spec| !etcd_stays || !is_etcds(spec)) {
        let file = |ending: &str| directory.join(format!("{}.{ending}", spec.base));
        let is_named = ["crt", "key"].iter().any(|ending| named.contains(&file(ending)));
        if whole || is_named || has_etcd && is_etcds(spec) {
            paths.extend(["crt", "key", "csr", "renewing"].map(file));
        }
    }
    let accounts = ["sa.key", "sa.pub"].map(|name| directory.join(name));
    if whole || accounts.iter().any(|path| named.contains(path)) {
        paths.extend(accounts);
    }
    Ok(paths)
}

/// True if every file with a name of cluster tools belongs to one.
pub fn is_whole(cx: &Run<Reset>) -> Result<bool> {
    Ok(cx.cluster()?.certificates_dir == Path::new(DEFAULT) || cx.work.place.certificates_dir.is_some())
}

/// Every file that a manifest refers to; one that cannot be parsed refers to none.
pub fn named(files: &HostFiles) -> Result<BTreeSet<PathBuf>> {
    let mut named = BTreeSet::new();
    for component in COMPONENTS {
        if let Some(pod) = StaticPod::read_or_empty(files, component)? {
            named.extend(pod.values().map(|value| pod.on_host_or_same(Path::new(value))));
        }
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::leaving::fixture;
    use crate::state::current_config::certificates_dir;

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The API server's manifest with these flags in addition to those that kubeadm sets for a directory.
    fn api_server(directory: &str, more: &str) -> String {
        let flags = [
            format!("--client-ca-file={directory}/ca.crt"),
            "--etcd-servers=https://127.0.0.1:2379".to_owned(),
            format!("--etcd-cafile={directory}/etcd/ca.crt"),
            format!("--proxy-client-cert-file={directory}/front-proxy-client.crt"),
            format!("--service-account-key-file={directory}/sa.pub"),
            format!("--tls-cert-file={directory}/apiserver.crt"),
            more.to_owned(),
        ];
        format!("spec: {{containers: [{{command: ['{}']}}]}}", flags.join("', '"))
    }

    const MANIFEST: &str = "etc/kubernetes/manifests/kube-apiserver.yaml";
    const ETCD: &str = "etc/kubernetes/manifests/etcd.yaml";

    /// Those of these files that are removed, in the directory of the API server's manifest.
    fn removed(manifest: &str, explicit: bool, dir: &str, names: &[&str]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), MANIFEST, manifest);
        put(root.path(), ETCD, "x");
        let mut cx = fixture(root.path());
        cx.config.cluster.as_mut().unwrap().certificates_dir = dir.into();
        cx.work.place.certificates_dir = explicit.then(|| dir.into());
        let paths = paths(&cx).unwrap();
        names.iter().filter(|name| paths.contains(&Path::new(dir).join(name))).map(ToString::to_string).collect()
    }

    #[test]
    fn one_flag_with_a_user_file_does_not_determine_the_certificates_directory() {
        for (more, expected) in [
            ("--client-ca-file=/etc/ssl/corp/ca.crt", Some("/etc/kubernetes/pki")),
            ("--tls-cert-file=/etc/ssl/corp/apiserver.crt", Some("/etc/kubernetes/pki")),
            ("--tls-cert-file=/etc/ssl/corp/web.crt", Some("/etc/kubernetes/pki")),
        ] {
            let root = tempfile::tempdir().unwrap();
            put(root.path(), MANIFEST, &api_server("/etc/kubernetes/pki", more));
            let found = certificates_dir(&HostFiles::new(root.path(), crate::base::gate::Gate::open())).unwrap();
            assert_eq!(found.as_deref(), expected.map(Path::new), "{more}");
        }
        let root = tempfile::tempdir().unwrap();
        let files = HostFiles::new(root.path(), crate::base::gate::Gate::open());
        assert_eq!(certificates_dir(&files).unwrap(), None);
        put(root.path(), MANIFEST, &api_server("/srv/pki", ""));
        assert_eq!(certificates_dir(&files).unwrap(), Some("/srv/pki".into()));
        put(root.path(), MANIFEST, "spec: {containers: [{command: [--tls-cert-file=/srv/pki/apiserver.crt]}]}");
        assert_eq!(certificates_dir(&files).unwrap(), None);
    }

    #[test]
    fn in_a_custom_directory_only_files_of_manifests_are_removed() {
        let names = [
            "ca.crt",
            "ca.key",
            "apiserver.key",
            "apiserver-kubelet-client.crt",
            "etcd/healthcheck-client.key",
            "sa.key",
        ];
        let manifest = api_server("/srv/pki", "");
        let expected = ["ca.crt", "ca.key", "apiserver.key", "etcd/healthcheck-client.key", "sa.key"];
        assert_eq!(removed(&manifest, false, "/srv/pki", &names), expected);
        assert_eq!(removed(&manifest, true, "/srv/pki", &names), names);
        assert_eq!(removed("x", false, "/etc/kubernetes/pki", &names), names);
        assert_eq!(removed("x", false, "/srv/pki", &names), [""; 0]);
    }

    #[test]
    fn certificates_of_an_external_etcd_stay() {
        let names = ["ca.crt", "apiserver-etcd-client.key", "etcd/ca.crt", "etcd/peer.key"];
        let root = tempfile::tempdir().unwrap();
        put(root.path(), MANIFEST, &api_server("/etc/kubernetes/pki", "--etcd-servers=https://10.0.0.9:2379"));
        let paths = paths(&fixture(root.path())).unwrap();
        let goes = |name: &&&str| paths.contains(&Path::new(DEFAULT).join(name));
        assert_eq!(names.iter().filter(goes).collect::<Vec<_>>(), [&"ca.crt"]);
    }
}
