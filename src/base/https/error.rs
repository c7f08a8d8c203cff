//! HTTPS failures, classified by what a caller or user can do.

use super::super::exit_code::ExitCode;
use super::super::fault::Fault;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The other side.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    /// `HOST:PORT`.
    pub address: String,
    /// The proxy between, without its credentials.
    pub proxy: Option<String>,
}

/// The kinds of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A local certificate or key cannot be used.
    Material(&'static str),
    /// Connection refused.
    Refused,
    /// The host name cannot be resolved.
    NoSuchHost,
    /// The connection could not be established in time, for another reason than [`Trouble::Refused`].
    NoConnection,
    /// The connection was established, but there was no complete response within this time.
    NoAnswer(Duration),
    /// The connection was closed; the request may or may not have been processed.
    Broken,
    /// The response is longer than this many bytes.
    TooLong(u64),
    /// The server does not use TLS, or only insecure versions.
    NotTls,
    /// The server certificate was issued by an unknown CA.
    UnknownIssuer,
    /// The server certificate is for other names or addresses.
    WrongName,
    /// The server certificate is not valid yet: usually one of the clocks is wrong.
    NotYetValid,
    /// The server certificate has expired.
    Expired,
    /// The server certificate is invalid for another reason.
    BadCertificate,
    /// The server rejected the client certificate, or its absence.
    TurnedAway,
}

/// A failed request.
#[derive(Debug)]
pub struct HttpsError {
    pub trouble: Trouble,
    peer: Peer,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl HttpsError {
    pub(super) fn material(what: &'static str, source: impl Error + Send + Sync + 'static) -> Self {
        Self { trouble: Trouble::Material(what), peer: Peer::default(), source: Some(Box::new(source)) }
    }

    /// A failure of a made-up peer, for fakes.
    #[cfg(test)]
    pub(crate) fn made_up(trouble: Trouble) -> Self {
        Self { trouble, peer: Peer { address: "10.0.0.1:6443".into(), proxy: None }, source: None }
    }

    pub(super) fn unusable_address(peer: &Peer) -> Self {
        Self { trouble: Trouble::NoSuchHost, peer: peer.clone(), source: None }
    }

    pub(super) fn transport(peer: &Peer, limit: Duration, source: reqwest::Error) -> Self {
        let trouble = sort(&source, limit);
        // The message already has the address, once and without the path.
        Self { trouble, peer: peer.clone(), source: Some(Box::new(source.without_url())) }
    }

    pub(super) fn too_long(peer: &Peer, most: u64) -> Self {
        Self { trouble: Trouble::TooLong(most), peer: peer.clone(), source: None }
    }

    /// The connection broke while reading the body.
    pub(super) fn reading(peer: &Peer, limit: Duration, error: std::io::Error) -> Self {
        let late = error.kind() == std::io::ErrorKind::TimedOut;
        if let Some(source) = error.into_inner().and_then(|inner| inner.downcast::<reqwest::Error>().ok()) {
            return Self::transport(peer, limit, *source);
        }
        let trouble = if late { Trouble::NoAnswer(limit) } else { Trouble::Broken };
        Self { trouble, peer: peer.clone(), source: None }
    }

    /// True if the request did not reach the server, so that repeating it is safe in any case.
    pub fn before_sending(&self) -> bool {
        !matches!(self.trouble, Trouble::NoAnswer(_) | Trouble::Broken | Trouble::TooLong(_))
    }

    /// True if the server certificate is the problem.
    pub fn is_trust(&self) -> bool {
        use Trouble as T;
        matches!(
            self.trouble,
            T::NotTls | T::UnknownIssuer | T::WrongName | T::NotYetValid | T::Expired | T::BadCertificate
        )
    }
}

impl fmt::Display for HttpsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peer = &self.peer.address;
        match self.trouble {
            Trouble::Material(what) => return write!(f, "the {what} cannot be used"),
            Trouble::Refused => write!(f, "{peer} refused the connection")?,
            Trouble::NoSuchHost => write!(f, "cannot resolve the host name in {peer}")?,
            Trouble::NoConnection => write!(f, "cannot connect to {peer}")?,
            Trouble::NoAnswer(limit) => write!(f, "no response from {peer} within {limit:?}")?,
            Trouble::Broken => write!(f, "the connection to {peer} was closed unexpectedly")?,
            Trouble::TooLong(most) => write!(f, "the response of {peer} is longer than {most} bytes")?,
            Trouble::NotTls => write!(f, "{peer} does not support TLS 1.2 or newer")?,
            Trouble::UnknownIssuer => write!(f, "the certificate of {peer} was issued by an unknown CA")?,
            Trouble::WrongName => write!(f, "the certificate of {peer} is not valid for that name or address")?,
            Trouble::NotYetValid => write!(f, "the certificate of {peer} is not valid yet")?,
            Trouble::Expired => write!(f, "the certificate of {peer} has expired")?,
            Trouble::BadCertificate => write!(f, "the certificate of {peer} is invalid")?,
            Trouble::TurnedAway => write!(f, "{peer} rejected the client certificate")?,
        }
        match &self.peer.proxy {
            Some(proxy) => write!(f, " (through the proxy {proxy})"),
            None => Ok(()),
        }
    }
}

impl Error for HttpsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

impl Fault for HttpsError {
    fn exit_code(&self) -> ExitCode {
        match self.trouble {
            Trouble::Material(_) => ExitCode::Input,
            _ if self.is_trust() => ExitCode::Untrusted,
            _ => ExitCode::Unreachable,
        }
    }

    fn hint(&self) -> Option<String> {
        let peer = &self.peer.address;
        if let (Some(proxy), true) =
            (&self.peer.proxy, matches!(self.trouble, Trouble::Refused | Trouble::NoConnection | Trouble::NotTls))
        {
            let host = peer.rsplit_once(':').map_or(peer.as_str(), |(host, _)| host);
            return Some(format!(
                "the request goes through {proxy}; if {host} is reachable without it, run 'export NO_PROXY=$NO_PROXY,{host}' first"
            ));
        }
        Some(match self.trouble {
            Trouble::Material(what) if what.starts_with("system") => {
                "install the package ca-certificates, or set a CA file".into()
            }
            Trouble::Material("bearer token") => {
                "check the token in the kubeconfig or its tokenFile: it must be one line of printable ASCII characters".into()
            }
            Trouble::Material(what) => {
                format!("run 'openssl x509 -noout -text' and 'openssl pkey -noout' on the files with the {what}")
            }
            Trouble::Refused => format!(
                "check the address and that the component runs there: on that host run 'crictl ps' and 'ss -ltn'; from here run 'curl -k https://{peer}/healthz'"
            ),
            Trouble::NoSuchHost => {
                format!("run 'getent hosts {}'", peer.rsplit_once(':').map_or(peer.as_str(), |(host, _)| host))
            }
            Trouble::NoConnection | Trouble::NoAnswer(_) | Trouble::Broken => {
                format!("check the network and firewalls between the hosts: run 'curl -kv https://{peer}/healthz'")
            }
            Trouble::NotTls | Trouble::TooLong(_) => {
                format!("check which service listens there: run 'openssl s_client -connect {peer}'")
            }
            Trouble::NotYetValid => "check the clocks of both hosts: run 'timedatectl'".into(),
            Trouble::Expired => "on the control plane run 'kubewright certs check-expiration'; if the certificate is still valid there, check the clocks with 'timedatectl'".into(),
            Trouble::UnknownIssuer | Trouble::WrongName | Trouble::BadCertificate => {
                format!("inspect the certificate: run 'openssl s_client -connect {peer} -showcerts'")
            }
            Trouble::TurnedAway => {
                "use credentials of this cluster; on a control plane run 'kubewright certs check-expiration'".into()
            }
        })
    }

    fn retryable(&self) -> bool {
        use Trouble as T;
        matches!(self.trouble, T::Refused | T::NoSuchHost | T::NoConnection | T::NoAnswer(_) | T::Broken)
    }
}

fn sort(error: &reqwest::Error, limit: Duration) -> Trouble {
    if let Some(tls) = cause::<rustls::Error>(error) {
        return sort_tls(tls);
    }
    if error.is_dns() {
        return Trouble::NoSuchHost;
    }
    if error.is_connect() {
        let refused =
            cause::<std::io::Error>(error).is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused);
        return if refused { Trouble::Refused } else { Trouble::NoConnection };
    }
    if error.is_timeout() { Trouble::NoAnswer(limit) } else { Trouble::Broken }
}

fn sort_tls(error: &rustls::Error) -> Trouble {
    use rustls::{AlertDescription as Alert, CertificateError as Bad, Error as Tls};
    match error {
        Tls::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer => Trouble::UnknownIssuer,
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => Trouble::WrongName,
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => Trouble::NotYetValid,
            Bad::Expired | Bad::ExpiredContext { .. } => Trouble::Expired,
            _ => Trouble::BadCertificate,
        },
        Tls::AlertReceived(Alert::ProtocolVersion | Alert::InsufficientSecurity | Alert::HandshakeFailure)
        | Tls::InvalidMessage(_)
        | Tls::PeerIncompatible(_)
        | Tls::PeerMisbehaved(_) => Trouble::NotTls,
        Tls::AlertReceived(_) => Trouble::TurnedAway,
        _ => Trouble::Broken,
    }
}

/// The first error of type `E` in the chain of `error`, including what an `io::Error` wraps and hides from `source()`.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}
