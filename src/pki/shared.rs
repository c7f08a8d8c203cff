//! The files that all control planes of a cluster share: CAs, the service-account keys, and the certificates of an
//! external etcd.

use super::catalog;
use super::cert::Cert;
use super::error::PkiError;
use super::keys::{PrivateKey, public_keys};
use super::store::{CERT_MODE, LoadedCa, PkiStore, SECRET_MODE};
use crate::base::files::{Content, Written};
use crate::base::secret::Secret;
use crate::config::model::{ClusterConfig, Etcd, NodeConfig};
use std::path::{Path, PathBuf};

/// A file that is the same on every control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedFile {
    /// Its key in the Secret `kubeadm-certs`.
    pub name: &'static str,
    /// Its path on a host.
    pub path: PathBuf,
    /// True if it contains a private key.
    pub is_private: bool,
}

/// The files that are the same on every control plane of this cluster. Those of an external etcd without certificates
/// are omitted.
pub fn shared_files(cluster: &ClusterConfig) -> Vec<SharedFile> {
    let own = |name, file: &str| (name, cluster.certificates_dir.join(file));
    let mut files = vec![
        own("ca.crt", "ca.crt"),
        own("ca.key", "ca.key"),
        own("sa.key", "sa.key"),
        own("sa.pub", "sa.pub"),
        own("front-proxy-ca.crt", "front-proxy-ca.crt"),
        own("front-proxy-ca.key", "front-proxy-ca.key"),
    ];
    match &cluster.etcd {
        Etcd::Local(_) => files.extend([own("etcd-ca.crt", "etcd/ca.crt"), own("etcd-ca.key", "etcd/ca.key")]),
        Etcd::External(etcd) => {
            let given = [
                ("external-etcd-ca.crt", &etcd.ca_file),
                ("external-etcd.crt", &etcd.cert_file),
                ("external-etcd.key", &etcd.key_file),
            ];
            files
                .extend(given.into_iter().filter(|(_, path)| !path.is_empty()).map(|(name, path)| (name, path.into())));
        }
    }
    // By the Secret's own names: the key file of an external etcd may have any name.
    let is_private = |name: &str| name.strip_suffix("key").is_some_and(|rest| rest.ends_with('.'));
    files.into_iter().map(|(name, path)| SharedFile { name, path, is_private: is_private(name) }).collect()
}

impl PkiStore {
    /// The bytes of a shared file; None if it is not on this host, such as the key of an external CA.
    pub fn load_shared(&self, file: &SharedFile) -> Result<Option<Secret<Vec<u8>>>, PkiError> {
        Ok(self.files.read(&file.path)?.map(Secret::new))
    }

    /// Fails if one of the CAs among these files may not sign what this host needs.
    pub fn require_shared_permits(
        &self,
        files: &[(SharedFile, Secret<Vec<u8>>)],
        cluster: &ClusterConfig,
        node: &NodeConfig,
    ) -> Result<(), PkiError> {
        let find = |path: &Path| files.iter().find(|(file, _)| file.path == path).map(|(_, bytes)| bytes.expose());
        for spec in catalog::CERTS.iter().filter(|spec| spec.is_ca()) {
            let (path, key_path) = (self.cert_path(spec), self.key_path(spec));
            let (Some(certs), Some(key)) = (find(&path), find(&key_path)) else { continue };
            let certs = Cert::bundle_from_file(&path, certs)?;
            let key = PrivateKey::from_file(&key_path, key)?;
            if let Some(cert) = certs.iter().find(|cert| cert.has_key(key.public_der())).cloned() {
                LoadedCa { path, certs, cert, key: Some(key) }.require_permits_all(spec, cluster, node)?;
            }
        }
        Ok(())
    }

    /// Writes a file from another control plane. An existing file must be identical: a host with another CA belongs to
    /// another cluster.
    pub fn save_shared(&self, file: &SharedFile, bytes: &Secret<Vec<u8>>) -> Result<Written, PkiError> {
        let (path, name) = (&file.path, file.name);
        let content = if file.is_private {
            PrivateKey::from_file(path, bytes.expose())?;
            Content::secret(bytes.expose().as_slice(), "(private key, not shown)\n")
        } else {
            if name.starts_with("sa.") {
                let error = |source| PkiError::NotAPublicKey { path: path.clone(), source };
                public_keys(bytes.expose()).map_err(error)?;
            } else {
                Cert::bundle_from_file(path, bytes.expose())?;
            }
            let text = String::from_utf8_lossy(bytes.expose());
            // The API server accepts a private key as a public-key file.
            let shown = if text.contains("PRIVATE KEY") { "(private key, not shown)\n".into() } else { text };
            Content::secret(bytes.expose().as_slice(), shown)
        };
        if let Some(there) = self.files.read(path)?.map(Secret::new)
            && there.expose().trim_ascii() != bytes.expose().trim_ascii()
        {
            return Err(PkiError::OtherCluster { path: path.clone() });
        }
        // kubeadm writes sa.pub with the mode of keys at init and of certificates at join: keep the existing mode.
        let mode = if file.is_private {
            self.files.mode_or(path, SECRET_MODE)
        } else {
            self.files.mode(path).unwrap_or(CERT_MODE)
        };
        Ok(self.files.write(path, &content, mode)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::env::{Clock, Random};
    use crate::base::files::HostFiles;
    use crate::base::gate::Gate;
    use crate::config::model::KeyAlgorithm;
    use crate::pki::fixture;
    use crate::pki::keys::{Generator, KeySource};

    #[test]
    fn existing_files_of_an_external_etcd_are_shared() {
        let mut cluster = fixture::cluster(36);
        assert_eq!(shared_files(&cluster).len(), 8);
        cluster.etcd = Etcd::External(crate::config::model::ExternalEtcd {
            http_endpoints: Vec::new(),
            endpoints: vec![],
            ca_file: "/etc/etcd/ca.crt".into(),
            cert_file: String::new(),
            key_file: String::new(),
        });
        let files = shared_files(&cluster);
        assert_eq!(files.len(), 7);
        let last = files.last().unwrap();
        assert_eq!((last.name, last.path.to_str().unwrap()), ("external-etcd-ca.crt", "/etc/etcd/ca.crt"));
    }

    #[test]
    fn shared_files_are_copied_to_the_next_control_plane_and_never_replaced() {
        let cluster = fixture::cluster(36);
        let hosts: Vec<_> = (0..2).map(|_| tempfile::tempdir().unwrap()).collect();
        let store = |i: usize| {
            let files = HostFiles::new(hosts[i].path(), Gate::open());
            PkiStore::new(files, &cluster.certificates_dir, &Clock::fixed(1_795_238_460), &Random::system())
        };
        for spec in catalog::CERTS.iter().filter(|spec| spec.is_ca()) {
            store(0).ensure(spec, &cluster, &fixture::node(), &Generator).unwrap();
        }
        store(0).ensure_service_account(&cluster, &Generator).unwrap();
        for file in shared_files(&cluster) {
            let bytes = store(0).load_shared(&file).unwrap().unwrap();
            assert_eq!(store(1).save_shared(&file, &bytes).unwrap(), Written::Created);
            assert_eq!(store(1).save_shared(&file, &bytes).unwrap(), Written::Unchanged);
            let mode = HostFiles::new(hosts[1].path(), Gate::open()).mode(&file.path).unwrap();
            assert_eq!(mode, if file.name.ends_with("key") { 0o600 } else { 0o644 }, "{}", file.name);
            // A first host that joins again keeps sa.pub as init wrote it.
            let again = store(0).save_shared(&file, &bytes).unwrap();
            assert_eq!(again, Written::Unchanged, "{}", file.name);
        }
        let files = shared_files(&cluster);
        let key = files.iter().find(|f| f.name == "ca.key").unwrap();
        let other = Generator.take(KeyAlgorithm::EcdsaP256).unwrap().pem().expose().clone().into_bytes();
        assert!(matches!(store(1).save_shared(key, &Secret::new(other)), Err(PkiError::OtherCluster { .. })));
        assert!(matches!(store(1).save_shared(key, &Secret::new(b"x".to_vec())), Err(PkiError::NotAKey { .. })));
    }
}
