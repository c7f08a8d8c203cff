//! One endpoint: asked, checked, asked again over a connection that proves who answers.

use super::super::client::{Access, Api, Client, REQUEST_LIMIT};
use super::super::error::KubeError;
use super::super::request::Request;
use super::super::token;
use super::cluster_info::ClusterInfo;
use super::{ByToken, DiscoveryError, Found, ca, jws};
use crate::base::fault::Fault;
use crate::base::https::Trouble;
use crate::base::https::{Credentials, Https, Options, Trust};
use crate::base::pem;
use crate::base::pin::Pin;
use std::time::Duration;

/// How long the cluster information may take: a healthy server needs some milliseconds, one whose etcd has no majority gives
/// up after some more seconds.
const LIMIT: Duration = Duration::from_secs(10);

/// One attempt with a token. The order of the checks is that of their news value: a wrong CA means another
/// cluster, and says more than a token that is unknown there.
pub(super) fn by_token(endpoint: &str, spec: &ByToken) -> Result<Found, DiscoveryError> {
    let (id, secret) = token::parse(spec.token.expose())
        .map_err(|error| DiscoveryError::Malformed { endpoint: endpoint.into(), problem: error.to_string() })?;
    let access = |trust| Access {
        server: format!("https://{endpoint}"),
        trust,
        credentials: Credentials::Anonymous,
        proxies: spec.proxies.clone(),
    };

    let told = read(endpoint, &access(Trust::Anyone))?;
    let trusted = check_pins(endpoint, &told, spec)?;
    let missing =
        || DiscoveryError::NoSignature { endpoint: endpoint.into(), id: id.into(), unsigned: told.unsigned() };
    let signature = told.signature(id).ok_or_else(missing)?;
    if !jws::is_valid(signature, &told.text, id, secret) {
        return Err(DiscoveryError::BadSignature { endpoint: endpoint.into(), id: id.into() });
    }

    let found = found(endpoint, &told)?;
    let proved = read(endpoint, &access(Trust::Only(trusted))).map_err(|error| untrusted(endpoint, error))?;
    if proved.text != told.text {
        return Err(DiscoveryError::Changed { endpoint: endpoint.into() });
    }
    Ok(found)
}

/// One attempt with the server and trust of a discovery file. The server is proved by then, so cluster information that
/// cannot be used is none, as where there is none: the file says what is needed, or the caller misses it.
pub(super) fn by_access(access: &Access) -> Result<Option<Found>, DiscoveryError> {
    let endpoint = access.server.trim_start_matches("https://");
    match read(endpoint, access) {
        Ok(told) => Ok(found(endpoint, &told).ok()),
        Err(DiscoveryError::AnonymousOff { .. }) if matches!(access.credentials, Credentials::Anonymous) => Ok(None),
        Err(
            DiscoveryError::AnonymousOff { status: 403, .. }
            | DiscoveryError::NoClusterInfo { .. }
            | DiscoveryError::Malformed { .. },
        ) => Ok(None),
        Err(error) => Err(untrusted(endpoint, error)),
    }
}

fn found(endpoint: &str, told: &ClusterInfo) -> Result<Found, DiscoveryError> {
    let server = told.server().map_err(|problem| DiscoveryError::Malformed { endpoint: endpoint.into(), problem })?;
    Ok(Found { endpoint: endpoint.into(), server, ca_pem: told.ca_pem.clone() })
}

/// One attempt to fetch a discovery file.
pub(super) fn download(address: &str, options: &Options) -> Result<Vec<u8>, DiscoveryError> {
    let malformed = |problem: &str| DiscoveryError::Malformed { endpoint: address.into(), problem: problem.into() };
    if !address.starts_with("https://") {
        return Err(malformed("the address must begin with https://"));
    }
    let request = http::Request::get(address).body(Vec::new()).map_err(|_| malformed("the address is not one"))?;
    let https = Https::new(options.clone()).map_err(DiscoveryError::Transport)?;
    let answer = https.send(request, REQUEST_LIMIT).map_err(DiscoveryError::Transport)?;
    if !answer.status().is_success() {
        return Err(KubeError::of_answer(format!("hand out {address}"), answer.status().as_u16(), answer.body()).into());
    }
    Ok(answer.into_body())
}

fn read(endpoint: &str, access: &Access) -> Result<ClusterInfo, DiscoveryError> {
    let place = ClusterInfo::place();
    let answer = Client::new(access.clone())?.within(LIMIT).send(&Request::read(&place), &format!("read {place}"));
    let config_map = answer.map_err(|error| match error {
        error if error.retryable() && etcd_is_down(access) => DiscoveryError::EtcdDown { endpoint: endpoint.into() },
        KubeError::Status { code: status @ (401 | 403), .. } => {
            DiscoveryError::AnonymousOff { endpoint: endpoint.into(), status }
        }
        error if error.is_not_found() => DiscoveryError::NoClusterInfo { endpoint: endpoint.into() },
        error => error.into(),
    })?;
    ClusterInfo::parse(&config_map).map_err(|problem| DiscoveryError::Malformed { endpoint: endpoint.into(), problem })
}

/// True when the API server itself says so, which it does without asking etcd.
fn etcd_is_down(access: &Access) -> bool {
    let answer = Client::new(access.clone()).and_then(|client| client.text("/readyz/etcd"));
    matches!(answer, Ok((500, _)))
}

/// The CA certificates that the server's own certificate may come from, PEM: those with a pinned key. A CA that
/// came along with a pinned one is not believed on that ground; it has to arrive over a
/// connection that a pinned one proves.
fn check_pins(endpoint: &str, told: &ClusterInfo, spec: &ByToken) -> Result<Vec<u8>, DiscoveryError> {
    if spec.pins.is_empty() {
        return Ok(told.ca_pem.clone());
    }
    let pins: Vec<Option<Pin>> = told.ca_certificates.iter().map(|der| ca::of_certificate(der)).collect();
    let trusted: Vec<&[u8]> = told
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

/// What a failure of trust means once there is something to trust.
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
