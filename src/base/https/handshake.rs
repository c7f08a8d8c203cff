//! Why the other side closes a connection: the TLS alert that it sends before. A client of HTTP/2 only reports that the
//! connection is closed, as an alert about the client's certificate comes after its own part of the handshake.

use super::{Credentials, Trust};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

/// What an alert says about the client's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objection {
    /// None was sent, and one is wanted.
    Missing,
    /// It is of a CA that is not trusted there.
    UnknownCa,
    /// It has expired.
    Expired,
    /// It was revoked.
    Revoked,
    /// It is not accepted; the alert does not say why.
    Unsaid,
}

/// What the server at `address` (`HOST:PORT`) objects to in our certificate; None where it objects to nothing, or nothing is
/// known of it.
pub fn objection(address: &str, trust: &Trust, credentials: &Credentials, limit: Duration) -> Option<Objection> {
    let Trust::Only(ca) = trust else { return None };
    let config = config(ca, credentials)?;
    let host = address.rsplit_once(':')?.0.trim_matches(['[', ']']).to_owned();
    let target = address.to_socket_addrs().ok()?.next()?;
    let stream = TcpStream::connect_timeout(&target, limit).ok()?;
    stream.set_read_timeout(Some(limit)).ok()?;
    stream.set_write_timeout(Some(limit)).ok()?;
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from(host).ok()?).ok()?;
    let mut stream = StreamOwned::new(connection, stream);
    let request = format!("GET /version HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    // What was sent may be answered by an alert in any later step.
    let error = stream.write_all(request.as_bytes()).err().or_else(|| stream.read(&mut [0; 64]).err())?;
    let tls = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    match tls {
        rustls::Error::AlertReceived(alert) => of(*alert, matches!(credentials, Credentials::Certificate { .. })),
        _ => None,
    }
}

fn of(alert: AlertDescription, has_certificate: bool) -> Option<Objection> {
    use AlertDescription as Alert;
    Some(match alert {
        Alert::CertificateRequired => Objection::Missing,
        Alert::BadCertificate if !has_certificate => Objection::Missing,
        Alert::UnknownCA => Objection::UnknownCa,
        Alert::CertificateExpired => Objection::Expired,
        Alert::CertificateRevoked => Objection::Revoked,
        Alert::BadCertificate | Alert::CertificateUnknown | Alert::UnsupportedCertificate | Alert::AccessDenied => {
            Objection::Unsaid
        }
        _ => return None,
    })
}

fn config(ca: &[u8], credentials: &Credentials) -> Option<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for cert in CertificateDer::pem_slice_iter(ca) {
        roots.add(cert.ok()?).ok()?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    let builder = builder.with_root_certificates(roots);
    let Credentials::Certificate { certificate, key } = credentials else {
        return Some(builder.with_no_client_auth());
    };
    let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<Vec<_>, _>>().ok()?;
    builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.expose()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::test_server::{TestCa, TestServer, dead_address};

    #[test]
    fn the_alert_about_our_certificate_is_read() {
        let [servers, clients, other] = ["servers", "clients", "other"].map(TestCa::new);
        let server = TestServer::start(&servers.local_leaf(), Some(&clients), |_| (200, "{}".into()));
        let trust = Trust::Only(servers.pem());
        let ask = |credentials: &Credentials| {
            objection(&server.address.to_string(), &trust, credentials, Duration::from_secs(5))
        };
        let with = |ca: &TestCa| {
            let leaf = ca.local_leaf();
            Credentials::Certificate { certificate: leaf.certificate, key: leaf.key.into() }
        };
        assert_eq!(ask(&with(&clients)), None);
        assert_eq!(ask(&Credentials::Anonymous), Some(Objection::Missing));
        assert!(matches!(ask(&with(&other)), Some(Objection::UnknownCa | Objection::Unsaid)));
        let dead = dead_address().to_string();
        assert_eq!(objection(&dead, &trust, &with(&clients), Duration::from_secs(5)), None);
    }
}
