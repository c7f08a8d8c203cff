//! Fetches the certificates that a TLS server presents, without verifying it.
//!
//! Reads: the server's side of a handshake. Nothing is sent over the connection. Callers compare the certificate with
//! the one on disk.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The certificate of the server at `address`, as DER.
pub fn fetch(address: SocketAddr, limit: Duration) -> io::Result<Vec<u8>> {
    fetch_chain(address, limit).map(|mut chain| chain.swap_remove(0))
}

/// The certificate of the server at `address` and the intermediates that it sends, as DER; at least one.
pub fn fetch_chain(address: SocketAddr, limit: Duration) -> io::Result<Vec<Vec<u8>>> {
    let seen =
        Arc::new(Watcher { seen: Mutex::default(), provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()) });
    let config = ClientConfig::builder_with_provider(seen.provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(seen.clone())
        .with_no_client_auth();
    let mut connection =
        ClientConnection::new(Arc::new(config), ServerName::from(address.ip())).map_err(io::Error::other)?;
    let mut socket = TcpStream::connect_timeout(&address, limit)?;
    socket.set_read_timeout(Some(limit))?;
    socket.set_write_timeout(Some(limit))?;
    // A server that requires a client certificate aborts the handshake, but only after it has sent its own certificate.
    let end = connection.complete_io(&mut socket);
    let seen = seen.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (seen, end) {
        (Some(chain), _) => Ok(chain),
        // The message of a read timeout on Linux ("Resource temporarily unavailable") is misleading.
        (None, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no certificate within {limit:?}")))
        }
        (None, Err(error)) => Err(error),
        (None, Ok(_)) => Err(io::Error::other("the server did not send a certificate")),
    }
}

/// Records the certificate and accepts everything: no data follows.
#[derive(Debug)]
struct Watcher {
    seen: Mutex<Option<Vec<Vec<u8>>>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Watcher {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(std::iter::once(certificate).chain(intermediates).map(|der| der.to_vec()).collect());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::test_server::{TestCa, TestServer};

    fn address(url: &str) -> SocketAddr {
        let port = url.rsplit(':').next().unwrap().parse().unwrap();
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn the_certificate_is_seen_although_its_ca_is_unknown_and_a_client_certificate_is_required() {
        let (ca, clients) = (TestCa::new("ca"), TestCa::new("clients"));
        for wants in [None, Some(&clients)] {
            let server = TestServer::start(&ca.local_leaf(), wants, |_| (200, String::new()));
            let der = fetch(address(&server.url()), Duration::from_secs(5)).unwrap();
            assert!(der.len() > 100 && der[0] == 0x30);
        }
    }

    #[test]
    fn a_closed_port_is_an_error() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(fetch(port, Duration::from_secs(1)).is_err());
    }
}
