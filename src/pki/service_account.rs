//! The key pair that signs and verifies service-account tokens: sa.key and sa.pub.

use super::catalog::SERVICE_ACCOUNT;
use super::error::PkiError;
use super::keys::{KeySource, PrivateKey, public_file_has};
use super::problem::Problem;
use super::sans::Sans;
use super::store::{Made, Outcome, PkiStore, SECRET_MODE, outcome};
use crate::base::files::{Content, HostFiles};
use crate::config::model::ClusterConfig;
use std::path::{Path, PathBuf};

impl PkiStore {
    /// Ensures that sa.key and sa.pub exist and match.
    pub fn ensure_service_account(&self, cluster: &ClusterConfig, keys: &dyn KeySource) -> Result<Outcome, PkiError> {
        let key_path = self.dir.join(format!("{SERVICE_ACCOUNT}.key"));
        let public_path = self.dir.join(format!("{SERVICE_ACCOUNT}.pub"));
        let key = self.files.read(&key_path)?;
        let public = self.files.read(&public_path)?;
        let (key, made) = match (key, &public) {
            (Some(bytes), _) => (PrivateKey::from_file(&key_path, &bytes)?, Made::Completed),
            // Tokens that the lost key signed would fail with a new one: the user must decide.
            (None, Some(_)) => return Err(PkiError::HalfAPair { there: public_path, missing: key_path }),
            (None, None) => {
                let key = keys.take(cluster.encryption_algorithm)?;
                self.save_key(&key_path, &key)?;
                (key, Made::Created)
            }
        };
        let Some(public) = public else {
            self.files.write(&public_path, &Content::public(key.public_pem()), SECRET_MODE)?;
            return Ok(outcome(made, key_path, Sans::default()));
        };
        require_pair(&key, key_path.clone(), &public, public_path)?;
        Ok(outcome(Made::Kept, key_path, Sans::default()))
    }
}

/// Fails if sa.key and sa.pub are both in this directory and do not belong together.
pub fn require_service_account_pair(files: &HostFiles, dir: &Path) -> Result<(), PkiError> {
    let [key_path, public_path] = ["key", "pub"].map(|end| dir.join(format!("{SERVICE_ACCOUNT}.{end}")));
    let (Some(key), Some(public)) = (files.read(&key_path)?, files.read(&public_path)?) else { return Ok(()) };
    require_pair(&PrivateKey::from_file(&key_path, &key)?, key_path, &public, public_path)
}

fn require_pair(key: &PrivateKey, key_path: PathBuf, public: &[u8], path: PathBuf) -> Result<(), PkiError> {
    match public_file_has(public, key.public_der()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(PkiError::Unfit {
            path,
            name: SERVICE_ACCOUNT.into(),
            problems: vec![Problem::OtherPublicKey { key: key_path }],
            external_ca: false,
        }),
        Err(source) => Err(PkiError::NotAPublicKey { path, source }),
    }
}
