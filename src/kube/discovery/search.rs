//! The input and the result of a discovery.

use crate::base::env::{Clock, Random};
use crate::base::events::Events;
use crate::base::pin::Pin;
use crate::base::proxy::Proxies;
use crate::base::secret::Secret;
use crate::kube::via::Via;
use std::time::Duration;

/// Token discovery.
#[derive(Clone, Debug)]
pub struct ByToken {
    /// `HOST:PORT` of API servers of the cluster; all are tried at once, and the first valid response is used.
    pub endpoints: Vec<String>,
    pub token: Secret<String>,
    /// The pins of the cluster's CA.
    pub pins: Vec<Pin>,
    /// Trust any server that knows the token, without pins.
    pub unsafe_skip_ca_verification: bool,
    pub proxies: Proxies,
}

/// The limits and tools of a search.
pub struct Search<'a> {
    /// When temporary failures become permanent.
    pub limit: Duration,
    /// For pauses.
    pub clock: &'a Clock,
    /// For pauses that differ from those of other hosts.
    pub random: &'a Random,
    /// Receives what is waited for.
    pub events: &'a Events,
}

/// A cluster that was found and verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The endpoint that responded: `HOST:PORT`, or the address from a discovery file.
    pub endpoint: String,
    /// The address of the API server in the cluster information, which nodes use.
    pub server: String,
    /// The cluster's CA certificates, PEM.
    pub ca_pem: Vec<u8>,
    /// What a discovery file says about the connection.
    pub via: Via,
}
