//! Finds a cluster and proves that it is the right one, before anything is sent to it.
//!
//! Reads: the `ConfigMap` `kube-public/cluster-info`. Writes nothing. With a token the proof is threefold: the
//! CA in the cluster information has a pinned key, the information is signed with the token, and a server with a
//! certificate of exactly that CA gives the same information. All three must hold.

use super::client::Access;
use crate::base::env::{Clock, Random};
use crate::base::events::Events;
use crate::base::https::{Credentials, Https, Options, Trust};
use crate::base::pin::Pin;
use crate::base::proxy::Proxies;
use crate::base::secret::Secret;
use std::sync::Arc;
use std::time::Duration;

mod ca;
mod cluster_info;
mod endpoint;
mod error;
mod grace;
pub mod jws;
mod race;
#[cfg(test)]
mod tests;

pub use error::DiscoveryError;

/// How a cluster is found with a token.
#[derive(Clone, Debug)]
pub struct ByToken {
    /// `HOST:PORT` of API servers of the cluster; all are asked at once, the first good answer counts.
    pub endpoints: Vec<String>,
    /// The bootstrap token.
    pub token: Secret<String>,
    /// The keys that the cluster's CA may have.
    pub pins: Vec<Pin>,
    /// Believe whoever knows the token, without pins.
    pub unsafe_skip_ca_verification: bool,
    /// Which proxy is used.
    pub proxies: Proxies,
}

/// How long and with what is searched.
pub struct Search<'a> {
    /// When to give up, if what fails may still pass.
    pub limit: Duration,
    /// For pauses.
    pub clock: &'a Clock,
    /// For pauses that differ from those of other hosts.
    pub random: &'a Random,
    /// Told what is awaited.
    pub events: &'a Events,
}

/// A cluster that has been found and proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The endpoint that answered: `HOST:PORT`, or the address from a discovery file.
    pub endpoint: String,
    /// The address of the API server that the cluster tells its nodes to use.
    pub server: String,
    /// The cluster's CA certificates, PEM.
    pub ca_pem: Vec<u8>,
}

/// Finds a cluster with a token.
///
/// # Errors
/// At once when something does not match, is refused or switched off; at the limit when only things failed
/// that might have passed.
pub fn by_token(spec: &ByToken, search: &Search<'_>) -> Result<Found, DiscoveryError> {
    if spec.pins.is_empty() && !spec.unsafe_skip_ca_verification {
        return Err(DiscoveryError::NoPins);
    }
    let shared = Arc::new(spec.clone());
    let attempt: race::Attempt<Found> = Arc::new(move |address: &str| endpoint::by_token(address, &shared));
    race::first(&spec.endpoints, search, &attempt)
}

/// Proves that the server of a discovery file answers with a certificate that the file trusts, and reads the
/// cluster information from it. None: the server is right, but does not show it to us; the file is all there is.
///
/// # Errors
/// As [`by_token`].
pub fn by_access(access: &Access, search: &Search<'_>) -> Result<Option<Found>, DiscoveryError> {
    let shared = access.clone();
    let attempt: race::Attempt<Option<Found>> = Arc::new(move |_: &str| endpoint::by_access(&shared));
    race::first(std::slice::from_ref(&access.server), search, &attempt)
}

/// Fetches a discovery file from an HTTPS address whose certificate this machine trusts.
///
/// # Errors
/// As [`by_token`], and when the address is not an HTTPS one or answers with anything but the file.
pub fn download(address: &str, proxies: &Proxies, search: &Search<'_>) -> Result<Vec<u8>, DiscoveryError> {
    let options = Options { proxies: proxies.clone(), redirects: 10, ..Options::new(Trust::System) };
    let attempt: race::Attempt<Vec<u8>> = Arc::new(move |address: &str| endpoint::download(address, &options));
    race::first(&[address.to_owned()], search, &attempt)
}

/// A client for a cluster that was found, entered with a token (TLS bootstrap) or anonymously.
pub fn access(found: &Found, token: Option<Secret<String>>, proxies: Proxies) -> Access {
    Access {
        server: found.server.clone(),
        trust: Trust::Only(found.ca_pem.clone()),
        credentials: token.map_or(Credentials::Anonymous, Credentials::Token),
        proxies,
    }
}
