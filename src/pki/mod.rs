//! Layer 2: the cluster's certificates, keys and kubeconfigs.
//!
//! `catalog` lists certificates and kubeconfigs, `store` creates missing files and verifies existing ones, `issue` is
//! the only code that signs. Reads and writes below the certificates directory (`/etc/kubernetes/pki`) and, for
//! kubeconfigs, in the given directory, always through the host's files.

pub mod algorithm;
pub mod catalog;
pub mod cert;
mod certificate_error;
pub mod csr;
mod der;
pub mod encryption;
pub mod error;
mod form;
pub mod issue;
pub mod key_error;
pub mod keypool;
pub mod keys;
pub mod kubeconfigs;
pub mod limits;
pub mod moment;
mod not_pem;
pub mod path;
mod permits;
pub mod pin;
pub mod problem;
mod public_key;
pub mod renew;
mod replace;
pub mod rotation;
pub mod rule;
pub mod sans;
pub mod service_account;
pub mod shared;
mod signature;
pub mod signers;
mod staged;
pub mod store;
pub mod subject;
pub mod validity;
pub mod verify;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod verifiers;

pub use catalog::{CertSpec, KubeconfigSpec};
pub use cert::Cert;
pub use error::PkiError;
pub use keypool::KeyPool;
pub use keys::{Generator, KeySource, PrivateKey};
pub use problem::Problem;
pub use replace::Pair;
pub use staged::Staged;
pub use store::{Made, Outcome, PkiStore};
