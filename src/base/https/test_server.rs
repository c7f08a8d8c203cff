//! A small TLS server and a CA for tests over real sockets.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A CA with an EC key.
pub(crate) struct TestCa(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, PEM.
#[derive(Clone)]
pub(crate) struct TestLeaf {
    pub certificate: Vec<u8>,
    pub key: Vec<u8>,
}

impl TestCa {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }

    /// A leaf for these names and addresses, with its validity as offsets from now in days.
    pub(crate) fn leaf(&self, names: &[&str], days: (i64, i64)) -> TestLeaf {
        let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        let now = time::OffsetDateTime::now_utc();
        params.not_before = now + time::Duration::days(days.0);
        params.not_after = now + time::Duration::days(days.1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        TestLeaf { certificate: certificate.pem().into_bytes(), key: key.serialize_pem().into_bytes() }
    }

    /// A client certificate that expires at a time in seconds since the epoch.
    pub(crate) fn client(&self, name: &str, not_after: i64) -> TestLeaf {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_after = time::OffsetDateTime::from_unix_timestamp(not_after).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        TestLeaf { certificate: certificate.pem().into_bytes(), key: key.serialize_pem().into_bytes() }
    }

    /// A valid leaf for 127.0.0.1.
    pub(crate) fn local_leaf(&self) -> TestLeaf {
        self.leaf(&["127.0.0.1", "localhost"], (-1, 1))
    }
}

/// A received request.
pub(crate) struct TestRequest {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl TestRequest {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// A status and a body; the body of a 302 is its target. Status 0 closes the connection.
pub(crate) type TestResponse = (u16, String);

/// Serves until the process exits.
pub(crate) struct TestServer {
    pub address: SocketAddr,
    pub connections: Arc<AtomicUsize>,
}

impl TestServer {
    /// Serves HTTP/1.1 over TLS with `leaf`, requesting a client certificate of `client_ca` if given.
    pub(crate) fn start(
        leaf: &TestLeaf,
        client_ca: Option<&TestCa>,
        answer: impl Fn(&TestRequest) -> TestResponse + Send + Sync + 'static,
    ) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match client_ca {
            None => builder.with_no_client_auth(),
            Some(ca) => {
                let mut roots = rustls::RootCertStore::empty();
                roots.add(ca.der().into()).unwrap();
                let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
                    .build()
                    .unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let chain = CertificateDer::pem_slice_iter(&leaf.certificate).collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(&leaf.key).unwrap();
        let config = Arc::new(builder.with_single_cert(chain, key).unwrap());
        let answer = Arc::new(answer);
        Self::start_raw(move |stream| {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            // A client that rejects the certificate closes the connection, which is not a failure of the server.
            let _ = serve(rustls::StreamOwned::new(connection, stream), answer.as_ref());
        })
    }

    /// Serves each connection in its own thread.
    pub(crate) fn start_raw(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (counter, serve) = (connections.clone(), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                let serve = serve.clone();
                std::thread::spawn(move || serve(stream));
            }
        });
        Self { address, connections }
    }

    /// `https://ADDRESS`.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

/// An address of this machine on which nothing listens.
pub(crate) fn dead_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn serve<S: Read + Write>(stream: S, answer: &dyn Fn(&TestRequest) -> TestResponse) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let mut request = TestRequest {
            method: words.next().unwrap_or_default(),
            path: words.next().unwrap_or_default(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        loop {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            request.headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        request.body = vec![0; length];
        stream.read_exact(&mut request.body)?;
        let (status, body) = answer(&request);
        if status == 0 {
            return Ok(());
        }
        let location = if status == 302 { format!("location: {body}\r\n") } else { String::new() };
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\n{location}content-length: {length}\r\n\r\n");
        let out = stream.get_mut();
        out.write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
        out.flush()?;
    }
}
