//! Finds a cluster and verifies it before anything is sent to it.
//!
//! Reads: the `ConfigMap` `kube-public/cluster-info`. Writes nothing. With a token the verification has three parts:
//! the CA in the cluster information matches a pin, the information is signed with the token, and a server with a
//! certificate of exactly that CA returns the same information. All three must succeed.

use super::client::Access;
use crate::base::https::{Credentials, Options, Trust};
use crate::base::proxy::Proxies;
use crate::base::secret::Secret;
use std::sync::Arc;

mod ca;
mod cluster_info;
mod endpoint;
mod error;
mod grace;
pub mod jws;
mod race;
mod search;
#[cfg(test)]
mod tests;

pub use cluster_info::ClusterInfo;
pub use error::DiscoveryError;
pub use search::{ByToken, Found, Search};

/// Token discovery.
pub fn by_token(spec: &ByToken, search: &Search<'_>) -> Result<Found, DiscoveryError> {
    if spec.pins.is_empty() && !spec.unsafe_skip_ca_verification {
        return Err(DiscoveryError::NoPins);
    }
    let shared = Arc::new(spec.clone());
    let attempt: race::Attempt<Found> = Arc::new(move |address: &str| endpoint::by_token(address, &shared));
    race::first(&spec.endpoints, search, &attempt)
}

/// Verifies that the server of a discovery file has a certificate that the file trusts, and reads the cluster
/// information from it. None: the server is verified, but does not return the information; only the file is available.
pub fn by_access(access: &Access, search: &Search<'_>) -> Result<Option<Found>, DiscoveryError> {
    let shared = access.clone();
    let attempt: race::Attempt<Option<Found>> = Arc::new(move |_: &str| endpoint::by_access(&shared));
    race::first(std::slice::from_ref(&access.server), search, &attempt)
}

/// Downloads a discovery file from an HTTPS address whose certificate this host trusts.
pub fn download(address: &str, proxies: &Proxies, search: &Search<'_>) -> Result<Vec<u8>, DiscoveryError> {
    let options = Options { proxies: proxies.clone(), redirects: 10, ..Options::new(Trust::System) };
    let attempt: race::Attempt<Vec<u8>> = Arc::new(move |address: &str| endpoint::download(address, &options));
    race::first(&[address.to_owned()], search, &attempt)
}

/// A client for a verified cluster, with a token (TLS bootstrap) or anonymous.
pub fn access(found: &Found, token: Option<Secret<String>>, proxies: Proxies) -> Access {
    Access {
        server: found.server.clone(),
        trust: Trust::Only(found.ca_pem.clone()),
        credentials: token.map_or(Credentials::Anonymous, Credentials::Token),
        proxies,
        via: found.via.clone(),
    }
}
