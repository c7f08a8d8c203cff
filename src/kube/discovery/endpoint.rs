//! One endpoint: read, verify, and read again over a verified connection.

use super::super::client::{Access, Api, Client, REQUEST_LIMIT};
use super::super::error::KubeError;
use super::super::request::Request;
use super::super::token;
use super::super::via::Via;
use super::cluster_info::ClusterInfo;
use super::{ByToken, DiscoveryError, Found, ca, jws};
use crate::base::fault::Fault;
use crate::base::https::Trouble;
use crate::base::https::{Credentials, Https, Options, Trust};
use crate::base::pem;
use crate::base::pin::Pin;
use std::time::Duration;

/// The timeout for the cluster information: a healthy server needs some milliseconds, one whose etcd has no majority
/// gives up after some seconds.
const LIMIT: Duration = Duration::from_secs(10);

/// One attempt with a token. The checks are ordered by severity: a wrong CA means another cluster, which is more
/// important than a token that is unknown there.
pub(super) fn by_token(endpoint: &str, spec: &ByToken) -> Result<Found, DiscoveryError> {
    let (id, secret) = token::parse(spec.token.expose())
        .map_err(|error| DiscoveryError::Malformed { endpoint: endpoint.into(), problem: error.to_string() })?;
    let access = |trust| Access {
        server: format!("https://{endpoint}"),
        trust,
        credentials: Credentials::Anonymous,
        proxies: spec.proxies.clone(),
        via: Via::default(),
    };

    let claimed = read(endpoint, &access(Trust::Anyone))?;
    let trusted = check_pins(endpoint, &claimed, spec)?;
    let missing =
        || DiscoveryError::NoSignature { endpoint: endpoint.into(), id: id.into(), unsigned: claimed.unsigned() };
    let signature = claimed.signature(id).ok_or_else(missing)?;
    if !jws::is_valid(signature, &claimed.text, id, secret) {
        return Err(DiscoveryError::BadSignature { endpoint: endpoint.into(), id: id.into() });
    }

    let found = found(endpoint, &claimed)?;
    let verified = read(endpoint, &access(Trust::Only(trusted))).map_err(|error| untrusted(endpoint, error))?;
    if verified.text != claimed.text {
        return Err(DiscoveryError::Changed { endpoint: endpoint.into() });
    }
    Ok(found)
}

/// One attempt with the server and CA of a discovery file. The server is verified, so unusable cluster information is
/// treated like missing information: the file contains what is needed, or the caller reports it.
pub(super) fn by_access(access: &Access) -> Result<Option<Found>, DiscoveryError> {
    let endpoint = access.server.trim_start_matches("https://");
    match read(endpoint, access) {
        Ok(claimed) => Ok(found(endpoint, &claimed).ok()),
        Err(DiscoveryError::AnonymousOff { .. }) if matches!(access.credentials, Credentials::Anonymous) => Ok(None),
        Err(
            DiscoveryError::AnonymousOff { status: 403, .. }
            | DiscoveryError::NoClusterInfo { .. }
            | DiscoveryError::Malformed { .. },
        ) => Ok(None),
        Err(error) => Err(untrusted(endpoint, error)),
    }
}

fn found(endpoint: &str, claimed: &ClusterInfo) -> Result<Found, DiscoveryError> {
    let server =
        claimed.server().map_err(|problem| DiscoveryError::Malformed { endpoint: endpoint.into(), problem })?;
    Ok(Found { endpoint: endpoint.into(), server, ca_pem: claimed.ca_pem.clone(), via: Via::default() })
}

/// One attempt to download a discovery file.
pub(super) fn download(address: &str, options: &Options) -> Result<Vec<u8>, DiscoveryError> {
    let malformed = |problem: &str| DiscoveryError::Malformed { endpoint: address.into(), problem: problem.into() };
    if !address.starts_with("https://") {
        return Err(malformed("the address must start with https://"));
    }
    let request = http::Request::get(address).body(Vec::new()).map_err(|_| malformed("the address is invalid"))?;
    let https = Https::new(options.clone()).map_err(DiscoveryError::Transport)?;
    let answer = https.send(request, REQUEST_LIMIT).map_err(DiscoveryError::Transport)?;
    if !answer.status().is_success() {
        return Err(KubeError::of_answer(format!("serve {address}"), answer.status().as_u16(), answer.body()).into());
    }
    Ok(answer.into_body())
}

fn read(endpoint: &str, access: &Access) -> Result<ClusterInfo, DiscoveryError> {
    let place = ClusterInfo::place();
    let answer = Client::new(access.clone())?.within(LIMIT).send(&Request::read(&place), &format!("read {place}"));
    let config_map = answer.map_err(|error| match error {
        error if may_be_of_etcd(&error) && etcd_is_down(access) => {
            DiscoveryError::EtcdDown { endpoint: endpoint.into() }
        }
        KubeError::Status { code: status @ (401 | 403), .. } => {
            DiscoveryError::AnonymousOff { endpoint: endpoint.into(), status }
        }
        error if error.is_not_found() => DiscoveryError::NoClusterInfo { endpoint: endpoint.into() },
        error => error.into(),
    })?;
    ClusterInfo::parse(&config_map).map_err(|problem| DiscoveryError::Malformed { endpoint: endpoint.into(), problem })
}

/// False if the server was not even reached: a second attempt would only take as long as the first.
fn may_be_of_etcd(error: &KubeError) -> bool {
    let is_reached = !matches!(error, KubeError::Transport(error) if error.before_sending());
    is_reached && error.retryable()
}

/// True if the API server itself reports this, which it does without etcd.
fn etcd_is_down(access: &Access) -> bool {
    let answer = Client::new(access.clone()).and_then(|client| client.text("/readyz/etcd"));
    matches!(answer, Ok((500, _)))
}

/// The CA certificates that may have signed the server's certificate, PEM: those that match a pin. Another CA next to a
/// pinned one is not trusted for that reason; it has to be received over a connection that a pinned one verifies.
fn check_pins(endpoint: &str, claimed: &ClusterInfo, spec: &ByToken) -> Result<Vec<u8>, DiscoveryError> {
    if spec.pins.is_empty() {
        return Ok(claimed.ca_pem.clone());
    }
    let pins: Vec<Option<Pin>> = claimed.ca_certificates.iter().map(|der| ca::of_certificate(der)).collect();
    let trusted: Vec<&[u8]> = claimed
        .ca_certificates
        .iter()
        .zip(&pins)
        .filter(|(_, pin)| pin.as_ref().is_some_and(|pin| spec.pins.contains(pin)))
        .map(|(der, _)| der.as_slice())
        .collect();
    if trusted.is_empty() {
        return Err(DiscoveryError::PinMismatch {
            endpoint: endpoint.into(),
            expected: spec.pins.iter().map(ToString::to_string).collect(),
            found: pins.into_iter().flatten().map(|pin| pin.to_string()).collect(),
        });
    }
    Ok(trusted.into_iter().map(|der| pem::encode(pem::CERTIFICATE, der)).collect::<String>().into_bytes())
}

/// Maps a TLS failure of the verified connection.
fn untrusted(endpoint: &str, error: DiscoveryError) -> DiscoveryError {
    match error {
        DiscoveryError::Transport(source) => match source.trouble {
            Trouble::NotYetValid | Trouble::Expired => DiscoveryError::ClockSkew { endpoint: endpoint.into(), source },
            Trouble::UnknownIssuer | Trouble::WrongName | Trouble::BadCertificate => {
                DiscoveryError::OtherServer { endpoint: endpoint.into(), source }
            }
            _ => DiscoveryError::Transport(source),
        },
        other => other,
    }
}
