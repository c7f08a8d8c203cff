//! Completes an interrupted replacement of a key and certificate, from its staging file.
//!
//! The staging file may also be a leftover: of a failed replacement, from a restored backup, of another cluster. So it
//! is verified like any certificate before it is used, the files that it replaces are copied to the backup, and a
//! staging file that cannot be used is moved there too.

use super::catalog::{self, CertSpec, User};
use super::cert::Cert;
use super::error::PkiError;
use super::keys::PrivateKey;
use super::problem::Problem;
use super::replace::{HIDDEN, Pair};
use super::sans::Sans;
use super::store::{PkiStore, SECRET_MODE};
use super::verify::{At, Wanted, verify_ca, verify_leaf};
use crate::base::files::Content;
use crate::base::secret::Secret;
use crate::domain::paths::BACKUP_DIR;
use std::path::{Path, PathBuf};

/// The result for a staging file.
#[derive(Debug)]
pub enum Staged {
    /// There was none, or its content is in place.
    None,
    /// Its key and certificate are now in place.
    Completed {
        /// The certificate file.
        cert: PathBuf,
    },
    /// It cannot be used, and was moved.
    SetAside { from: PathBuf, to: PathBuf, why: Unusable },
}

impl Staged {
    /// A message for the user; None if nothing was done.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Completed { cert } => Some(format!(
                "completed the replacement of {} and its key, which an earlier run had started",
                cert.display()
            )),
            Self::SetAside { from, to, why } => Some(format!(
                "{} was left by an earlier run and is not used: {why}; it was moved to {}",
                from.display(),
                to.display()
            )),
        }
    }
}

/// Why a staging file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It cannot be parsed as a certificate and its key.
    #[error("it is damaged")]
    Damaged,
    /// It does not match its location.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Unfit(Vec<Problem>),
    /// The certificate in place was issued later.
    #[error("its certificate is older than the one in place")]
    Older,
    /// The CA that signs now would no longer be trusted.
    #[error("it lacks the CA that signs now")]
    LosesCa,
}

/// The key and certificate in place.
struct InPlace {
    certs: Vec<Cert>,
    /// The certificate that matches the key; None if the two files do not belong together.
    whole: Option<Cert>,
}

impl PkiStore {
    /// Completes what an interrupted [`PkiStore::replace_pair`] began, or moves the staging file away if it cannot be
    /// used; does nothing without a staging file.
    pub fn finish_replacement(&self, spec: &CertSpec) -> Result<Staged, PkiError> {
        let path = self.staging_path(spec);
        let Some(text) = self.files.read(&path)?.map(Secret::new) else { return Ok(Staged::None) };
        let pair = match self.verify_staged(spec, &path, text.expose())? {
            Ok(pair) => pair,
            Err(why) => return self.set_aside(path, &text, why),
        };
        if self.pair(spec)?.as_ref() == Some(&pair) {
            self.files.remove(&path)?;
            return Ok(Staged::None);
        }
        for replaced in [self.cert_path(spec), self.key_path(spec)] {
            self.back_up(&replaced)?;
        }
        self.exchange(spec, &pair)?;
        Ok(Staged::Completed { cert: self.cert_path(spec) })
    }

    /// Copies a file below this run's backup directory. Only the state before this run is kept.
    pub fn back_up(&self, path: &Path) -> Result<(), PkiError> {
        let Some(bytes) = self.files.read(path)?.map(Secret::new) else { return Ok(()) };
        let copy = self.copy_path(path);
        if self.files.exists(&copy) {
            return Ok(());
        }
        self.files.create_dir(Path::new(BACKUP_DIR), 0o700)?;
        let content = Content::secret(bytes.expose().as_slice(), "(a copy of what was there)\n");
        self.files.write(&copy, &content, SECRET_MODE)?;
        Ok(())
    }

    fn copy_path(&self, path: &Path) -> PathBuf {
        self.backup.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn set_aside(&self, from: PathBuf, text: &Secret<Vec<u8>>, why: Unusable) -> Result<Staged, PkiError> {
        let plain = self.copy_path(&from);
        let others = (2..100).map(|nth| plain.with_extension(format!("renewing-{nth}")));
        let to = std::iter::once(plain.clone()).chain(others).find(|copy| !self.files.exists(copy)).unwrap_or(plain);
        self.files.create_dir(Path::new(BACKUP_DIR), 0o700)?;
        self.files.write(&to, &Content::secret(text.expose().as_slice(), HIDDEN), SECRET_MODE)?;
        self.files.remove(&from)?;
        Ok(Staged::SetAside { from, to, why })
    }

    fn verify_staged(&self, spec: &CertSpec, path: &Path, text: &[u8]) -> Result<Result<Pair, Unusable>, PkiError> {
        let Ok(pair) = serde_json::from_slice::<Pair>(text) else { return Ok(Err(Unusable::Damaged)) };
        let key = PrivateKey::from_file(path, pair.key.0.expose());
        let (Ok(certs), Ok(key)) = (Cert::bundle_from_file(path, &pair.cert.0), key) else {
            return Ok(Err(Unusable::Damaged));
        };
        let there = self.in_place(spec);
        let verified = match spec.ca {
            None => self.verify_ca(path, &certs, &key, &there),
            Some(ca) => self.verify_leaf(spec, catalog::cert(ca)?, path, &certs, &key, &there)?,
        };
        Ok(verified.map(|()| pair))
    }

    /// Files that cannot be read count as damaged: the staging file may fix them.
    fn in_place(&self, spec: &CertSpec) -> InPlace {
        let certs = self.load_certs(spec).ok().flatten().unwrap_or_default();
        let key = self.load_key(spec).ok().flatten();
        let whole = key.and_then(|key| certs.iter().find(|cert| cert.has_key(key.public_der())).cloned());
        InPlace { certs, whole }
    }

    fn verify_leaf(
        &self,
        spec: &CertSpec,
        ca: &CertSpec,
        path: &Path,
        chain: &[Cert],
        key: &PrivateKey,
        there: &InPlace,
    ) -> Result<Result<(), Unusable>, PkiError> {
        let Some(leaf) = chain.first() else { return Ok(Err(Unusable::Damaged)) };
        let ca = self.require_ca(ca, spec.name)?;
        let none = Sans::default();
        let wanted = Wanted {
            ca: At { path: &ca.path, value: std::slice::from_ref(&ca.cert) },
            // A half-completed replacement may have SANs that the staging file is there to revert.
            sans: there.whole.as_ref().map_or(&none, |cert| &cert.sans),
            usages: spec.usages,
            key: Some(At { path, value: key }),
            now: self.now,
        };
        let mut problems = verify_leaf(chain, &wanted);
        problems.extend(other_subject(spec, leaf, there.certs.first()));
        Ok(match &there.whole {
            _ if !problems.is_empty() => Err(Unusable::Unfit(problems)),
            Some(now) if leaf.not_before < now.not_before => Err(Unusable::Older),
            _ => Ok(()),
        })
    }

    fn verify_ca(&self, path: &Path, certs: &[Cert], key: &PrivateKey, there: &InPlace) -> Result<(), Unusable> {
        let Some(signer) = certs.iter().find(|cert| cert.has_key(key.public_der())) else {
            return Err(Unusable::Unfit(vec![Problem::KeyMismatch { key: path.to_path_buf() }]));
        };
        let mut problems = verify_ca(signer, self.now);
        if let Some(other) = there.certs.iter().find(|cert| cert.subject_der != signer.subject_der) {
            problems.push(wrong_subject(&other.subject.to_string(), signer));
        }
        if !problems.is_empty() {
            return Err(Unusable::Unfit(problems));
        }
        match &there.whole {
            Some(now) if signer.not_before < now.not_before => Err(Unusable::Older),
            // A new CA is trusted next to the old one before it signs.
            Some(now) if !certs.contains(now) => Err(Unusable::LosesCa),
            None if !there.certs.is_empty() && !there.certs.iter().any(|cert| certs.contains(cert)) => {
                Err(Unusable::LosesCa)
            }
            _ => Ok(()),
        }
    }
}

/// The subject must be that of the certificate in place; without one, that of its row.
fn other_subject(spec: &CertSpec, leaf: &Cert, there: Option<&Cert>) -> Option<Problem> {
    match (there, spec.user) {
        (Some(there), _) if there.subject_der != leaf.subject_der => {
            Some(wrong_subject(&there.subject.to_string(), leaf))
        }
        (None, User::Named(name)) if leaf.subject.common_name != name => Some(wrong_subject(name, leaf)),
        _ => None,
    }
}

fn wrong_subject(wanted: &str, found: &Cert) -> Problem {
    Problem::WrongSubject { wanted: wanted.to_owned(), found: found.subject.to_string() }
}

#[cfg(test)]
mod tests;
