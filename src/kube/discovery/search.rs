//! What is searched for, and what was found.

use crate::base::env::{Clock, Random};
use crate::base::events::Events;
use crate::base::pin::Pin;
use crate::base::proxy::Proxies;
use crate::base::secret::Secret;
use std::time::Duration;

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
