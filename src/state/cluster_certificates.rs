//! Which certificates and keys on this host are a cluster tool's, and which of them go.
//!
//! Reads: the static Pods' manifests. Writes: nothing.
//!
//! kubeadm's own folder holds nothing else, under these names. Any other may be somebody's: there only what a manifest
//! names goes, unless the user names the folder.

use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::context::Context;
use crate::pki::catalog::{CERTS, CertSpec};
use crate::state::local_etcd;
use crate::state::static_pod::StaticPod;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// kubeadm's folder.
const DEFAULT: &str = "/etc/kubernetes/pki";
const COMPONENTS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// The certificates and keys that go, whether they are there or not.
///
/// # Errors
/// When a manifest cannot be read, or the command is no 'reset'.
pub fn paths(cx: &Context) -> Result<Vec<PathBuf>> {
    let folder = &cx.cluster()?.certificates_dir;
    let named = named(&cx.files)?;
    let whole = is_whole(cx)?;
    let is_etcds = |spec: &CertSpec| spec.name == "etcd-ca" || spec.ca == Some("etcd-ca");
    let etcd_stays = local_etcd::is_of_others(cx)?;
    let has_etcd = named.contains(&folder.join("etcd/ca.crt"));
    let mut paths = Vec::new();
    for spec in CERTS.iter().filter(|spec| !etcd_stays || !is_etcds(spec)) {
        let file = |ending: &str| folder.join(format!("{}.{ending}", spec.base));
        let is_named = ["crt", "key"].iter().any(|ending| named.contains(&file(ending)));
        if whole || is_named || has_etcd && is_etcds(spec) {
            paths.extend(["crt", "key", "csr", "renewing"].map(file));
        }
    }
    let accounts = ["sa.key", "sa.pub"].map(|name| folder.join(name));
    if whole || accounts.iter().any(|path| named.contains(path)) {
        paths.extend(accounts);
    }
    Ok(paths)
}

/// True where everything that has a name of a cluster tool's is one's.
pub fn is_whole(cx: &Context) -> Result<bool> {
    Ok(cx.cluster()?.certificates_dir == Path::new(DEFAULT) || cx.reset()?.certificates_dir.is_some())
}

/// Every file that a manifest names.
pub fn named(files: &HostFiles) -> Result<BTreeSet<PathBuf>> {
    let mut named = BTreeSet::new();
    for component in COMPONENTS {
        if let Some(pod) = StaticPod::read(files, component)? {
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

    /// The API server's manifest with these flags besides those that kubeadm sets for a folder.
    fn api_server(folder: &str, more: &str) -> String {
        let flags = [
            format!("--client-ca-file={folder}/ca.crt"),
            "--etcd-servers=https://127.0.0.1:2379".to_owned(),
            format!("--etcd-cafile={folder}/etcd/ca.crt"),
            format!("--proxy-client-cert-file={folder}/front-proxy-client.crt"),
            format!("--service-account-key-file={folder}/sa.pub"),
            format!("--tls-cert-file={folder}/apiserver.crt"),
            more.to_owned(),
        ];
        format!("spec: {{containers: [{{command: ['{}']}}]}}", flags.join("', '"))
    }

    const MANIFEST: &str = "etc/kubernetes/manifests/kube-apiserver.yaml";
    const ETCD: &str = "etc/kubernetes/manifests/etcd.yaml";

    /// What goes of these files below the folder of the API server's manifest.
    fn going(manifest: &str, explicit: bool, dir: &str, names: &[&str]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), MANIFEST, manifest);
        put(root.path(), ETCD, "x");
        let mut cx = fixture(root.path());
        let leaving = cx.leaving_mut().unwrap();
        leaving.cluster.certificates_dir = dir.into();
        leaving.reset.as_mut().unwrap().certificates_dir = explicit.then(|| dir.into());
        let paths = paths(&cx).unwrap();
        names.iter().filter(|name| paths.contains(&Path::new(dir).join(name))).map(ToString::to_string).collect()
    }

    #[test]
    fn one_flag_that_names_a_file_of_the_users_is_not_taken_for_the_folder() {
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
    fn in_another_folder_than_kubeadms_only_what_a_manifest_names_goes() {
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
        assert_eq!(going(&manifest, false, "/srv/pki", &names), expected);
        assert_eq!(going(&manifest, true, "/srv/pki", &names), names);
        assert_eq!(going("x", false, "/etc/kubernetes/pki", &names), names);
        assert_eq!(going("x", false, "/srv/pki", &names), [""; 0]);
    }

    #[test]
    fn certificates_of_an_etcd_that_others_run_stay() {
        let names = ["ca.crt", "apiserver-etcd-client.key", "etcd/ca.crt", "etcd/peer.key"];
        let root = tempfile::tempdir().unwrap();
        put(root.path(), MANIFEST, &api_server("/etc/kubernetes/pki", "--etcd-servers=https://10.0.0.9:2379"));
        let paths = paths(&fixture(root.path())).unwrap();
        let goes = |name: &&&str| paths.contains(&Path::new(DEFAULT).join(name));
        assert_eq!(names.iter().filter(goes).collect::<Vec<_>>(), [&"ca.crt"]);
    }
}
