//! Blocking HTTPS with explicit trust: the transport of every engine that uses an API.
//!
//! Reads: PEM bytes given by the caller, never files or environment variables. On top of the library: only the given CA
//! is trusted, proxies follow [`Proxies`], each request has exactly the given timeout, and failures are classified into
//! the few kinds that a caller or user can act on.

use super::proxy::Proxies;
use super::secret::Secret;
use http::header::InvalidHeaderValue;
use http::{HeaderValue, Request, Response, header};
use reqwest::blocking::Client;
use reqwest::{ClientBuilder, Url, redirect};
use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;
use zeroize::Zeroizing;

mod error;
mod grpc;
mod grpc_stream;
mod handshake;
mod material;
mod reach;
#[cfg(test)]
pub(crate) mod test_server;
#[cfg(test)]
mod tests;

pub use error::{HttpsError, Trouble};
pub use grpc::{Answer, Grpc};
pub use handshake::{Objection, objection};
pub use reach::is_reachable;

/// The timeout for establishing a connection including TLS: long enough for a loaded control plane, short enough that a
/// dead address does not use up a whole wait.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// The largest response of an unverified peer: a ConfigMap cannot be larger.
const LONGEST_OF_STRANGERS: u64 = 1 << 20;
/// The largest response of a verified peer; a list of all objects in a cluster can be long.
const LONGEST: u64 = 512 << 20;

/// Which server certificates are accepted.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Those issued by a CA of this PEM bundle.
    Only(Vec<u8>),
    /// Those issued by a CA that this machine trusts.
    System,
    /// Any. Data read this way must be verified by other means before it is used.
    Anyone,
}

/// How the client authenticates.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Not at all.
    Anonymous,
    /// With a client certificate.
    Certificate {
        /// The certificate and its chain, PEM.
        certificate: Vec<u8>,
        /// Its private key, PEM (PKCS#1, PKCS#8 or SEC 1).
        key: Secret<Vec<u8>>,
    },
    /// With a bearer token.
    Token(Secret<String>),
}

/// An HTTPS client. Clones share their connections.
#[derive(Clone)]
pub struct Https {
    client: Client,
    proxies: Proxies,
    bearer: Option<Secret<String>>,
    longest: u64,
}

/// The options of a client.
#[derive(Clone, Debug)]
pub struct Options {
    pub trust: Trust,
    pub credentials: Credentials,
    pub proxies: Proxies,
    /// The timeout for establishing a connection.
    pub connect_limit: Duration,
    /// The maximum number of redirects (only to HTTPS) that are followed. APIs have none.
    pub redirects: usize,
    /// A name, and the addresses to connect to instead of looking it up.
    pub resolved: Option<(String, Vec<SocketAddr>)>,
    /// The largest response, in bytes.
    pub longest: u64,
}

impl Options {
    /// A client without credentials, proxies and redirects.
    pub fn new(trust: Trust) -> Self {
        let longest = match trust {
            Trust::Only(_) => LONGEST,
            Trust::System | Trust::Anyone => LONGEST_OF_STRANGERS,
        };
        Self {
            longest,
            trust,
            credentials: Credentials::Anonymous,
            proxies: Proxies::none(),
            connect_limit: CONNECT_LIMIT,
            redirects: 0,
            resolved: None,
        }
    }
}

/// The certificate of the server, as DER; an extension of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate(pub Vec<u8>);

impl Https {
    /// Creates a client without connecting.
    pub fn new(options: Options) -> Result<Self, HttpsError> {
        let bearer = match &options.credentials {
            Credentials::Token(token) => {
                // Without the header the request would be an anonymous one.
                header_of(token).map_err(|e| HttpsError::material(BEARER, e))?;
                Some(token.clone())
            }
            Credentials::Anonymous | Credentials::Certificate { .. } => None,
        };
        // The library's own limit of 30 s for everything; each request brings its own instead.
        let builder = reqwest::blocking::ClientBuilder::from(builder(&options)?).timeout(None);
        let what = what_may_be_unusable(&options.trust);
        let client = builder.build().map_err(|e| HttpsError::material(what, e))?;
        Ok(Self { client, proxies: options.proxies, bearer, longest: options.longest })
    }

    /// Sends `request`, whose URI is absolute, and reads the whole response within `limit`. Any status is a response.
    pub fn send(&self, request: Request<Vec<u8>>, limit: Duration) -> Result<Response<Vec<u8>>, HttpsError> {
        let peer = self.peer_of(request.uri());
        let fail = |e| HttpsError::transport(&peer, limit, e);
        let answer = self.execute(request, limit).map_err(fail)?;
        let mut response = Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.clone_from(answer.headers());
        }
        let shown = answer.extensions().get::<reqwest::tls::TlsInfo>();
        if let Some(der) = shown.and_then(reqwest::tls::TlsInfo::peer_certificate) {
            response = response.extension(PeerCertificate(der.to_vec()));
        }
        let mut body = Vec::new();
        answer.take(self.longest + 1).read_to_end(&mut body).map_err(|e| HttpsError::reading(&peer, limit, e))?;
        if body.len() as u64 > self.longest {
            return Err(HttpsError::too_long(&peer, self.longest));
        }
        response.body(body).map_err(|_| HttpsError::unusable_address(&peer))
    }

    fn execute(
        &self,
        mut request: Request<Vec<u8>>,
        limit: Duration,
    ) -> Result<reqwest::blocking::Response, reqwest::Error> {
        if let Some(token) = &self.bearer
            && let Ok(value) = header_of(token)
        {
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let mut request = reqwest::blocking::Request::try_from(request)?;
        *request.timeout_mut() = Some(limit);
        self.client.execute(request)
    }

    fn peer_of(&self, uri: &http::Uri) -> error::Peer {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = uri.port_u16().unwrap_or(443);
        let proxy = self.proxies.shown(uri.scheme_str().unwrap_or("https"), host, port);
        error::Peer { address: uri.authority().map(ToString::to_string).unwrap_or_default(), proxy }
    }
}

/// Text that goes into messages: what of the credentials cannot be used.
const BEARER: &str = "bearer token";

fn header_of(token: &Secret<String>) -> Result<HeaderValue, InvalidHeaderValue> {
    let text = Zeroizing::new(format!("Bearer {}", token.expose()));
    let mut value = HeaderValue::from_str(&text)?;
    value.set_sensitive(true);
    Ok(value)
}

fn what_may_be_unusable(trust: &Trust) -> &'static str {
    match trust {
        Trust::System => "system CA certificates",
        Trust::Only(_) | Trust::Anyone => "certificate and key pair",
    }
}

fn builder(options: &Options) -> Result<ClientBuilder, HttpsError> {
    let redirects = if options.redirects == 0 { redirect::Policy::none() } else { https_only(options.redirects) };
    let mut builder = reqwest::Client::builder()
        .connect_timeout(options.connect_limit)
        .tcp_nodelay(true)
        .redirect(redirects)
        .user_agent(concat!("kubewright/", env!("CARGO_PKG_VERSION")))
        .tls_info(true);
    builder = use_proxies(builder, &options.proxies);
    if let Some((name, addresses)) = &options.resolved {
        builder = builder.resolve_to_addrs(name, addresses);
    }
    builder = trust(builder, &options.trust)?;
    if let Credentials::Certificate { certificate, key } = &options.credentials {
        builder = builder.identity(material::identity(certificate, key)?);
    }
    Ok(builder)
}

/// The library would read the environment itself, by rules that differ from Go's.
fn use_proxies(builder: ClientBuilder, proxies: &Proxies) -> ClientBuilder {
    let proxies = proxies.clone();
    builder.no_proxy().proxy(reqwest::Proxy::custom(move |url: &Url| {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        proxies.choose(url.scheme(), host, url.port_or_known_default().unwrap_or(443)).map(str::to_owned)
    }))
}

fn trust(builder: ClientBuilder, trust: &Trust) -> Result<ClientBuilder, HttpsError> {
    Ok(match trust {
        Trust::Only(pem) => builder.tls_certs_only(material::ca_certificates(pem)?),
        Trust::System => builder,
        // The empty list keeps the library from loading this machine's CA certificates, which fails if there are none.
        Trust::Anyone => builder.tls_certs_only([]).tls_danger_accept_invalid_certs(true),
    })
}

fn https_only(most: usize) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        if attempt.url().scheme() != "https" {
            attempt.error("redirect to an address without TLS")
        } else if attempt.previous().len() > most {
            attempt.error("too many redirects")
        } else {
            attempt.follow()
        }
    })
}
