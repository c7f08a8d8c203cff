//! Why an etcd that others run does not accept our client certificate, in words.
//!
//! Reads: the certificate files, and the TLS alert of the server. Writes: nothing.

use super::material;
use crate::base::https::{self, Objection, Trouble};
use crate::checks::inputs::Scene;
use crate::config::model::ExternalEtcd;
use crate::etcd::EtcdError;
use crate::pki::Cert;
use crate::pki::verify::leads_to;
use std::path::Path;
use std::time::Duration;

/// How long each step of a look at a refused connection may take.
const LIMIT: Duration = Duration::from_secs(2);

/// Why etcd closes the connection, and what helps, where it is about certificates.
pub(super) fn refusal(
    scene: &Scene<'_>,
    etcd: &ExternalEtcd,
    endpoint: &str,
    error: &EtcdError,
) -> Option<(String, String)> {
    let EtcdError::Transport(transport) = error else { return None };
    match transport.trouble {
        Trouble::UnknownIssuer => Some((
            format!("its certificate is of another CA than {}", shown_ca(etcd)),
            "set etcd.external.caFile to the CA that signed the certificates of the etcd servers".into(),
        )),
        Trouble::Broken | Trouble::TurnedAway | Trouble::NoConnection | Trouble::NoAnswer(_) => {
            let (trust, credentials) = material(scene, etcd).ok()?;
            let address = endpoint.strip_prefix("https://")?.trim_end_matches('/');
            let objection = https::objection(address, &trust, &credentials, LIMIT)?;
            let ca = scene.files().read(Path::new(&etcd.ca_file)).ok().flatten().unwrap_or_default();
            let ca = Cert::bundle_from_pem(&ca).unwrap_or_default();
            Some(in_words(etcd, objection, own_certificate(scene, etcd).as_ref(), &ca))
        }
        _ => None,
    }
}

fn in_words(etcd: &ExternalEtcd, objection: Objection, own: Option<&Cert>, ca: &[Cert]) -> (String, String) {
    let file = &etcd.cert_file;
    let issue =
        format!("issue {file} by the CA that the etcd servers trust for clients (--trusted-ca-file), for clientAuth");
    let issuer = own.map_or_else(String::new, |cert| format!(" (its issuer is '{}')", cert.issuer));
    let is_other_ca = own.is_some_and(|cert| !ca.is_empty() && !leads_to(std::slice::from_ref(cert), ca));
    let what = match objection {
        Objection::Missing => {
            let fix = "set etcd.external.certFile and etcd.external.keyFile";
            return ("it wants a client certificate, and none is configured".into(), fix.into());
        }
        Objection::UnknownCa => format!("it does not trust the CA of the client certificate {file}{issuer}"),
        Objection::Expired => format!("the client certificate {file} has expired"),
        Objection::Revoked => format!("the client certificate {file} was revoked"),
        Objection::Unsaid if is_other_ca => {
            format!("it does not accept the client certificate {file}, which {} has not signed{issuer}", shown_ca(etcd))
        }
        Objection::Unsaid => format!("it does not accept the client certificate {file}{issuer}"),
    };
    (what, issue)
}

/// What is wrong with the client certificate whatever the server is.
pub(super) fn fault(own: &Cert, now: i64) -> Option<&'static str> {
    if !own.for_clients {
        return Some("is for servers only, and etcd wants one for clients (extended key usage clientAuth)");
    }
    (own.not_after < now).then_some("has expired")
}

fn shown_ca(etcd: &ExternalEtcd) -> String {
    if etcd.ca_file.is_empty() { "a CA that this machine trusts".into() } else { etcd.ca_file.clone() }
}

pub(super) fn own_certificate(scene: &Scene<'_>, etcd: &ExternalEtcd) -> Option<Cert> {
    let pem = scene.files().read(Path::new(&etcd.cert_file)).ok()??;
    Cert::bundle_from_pem(&pem).ok()?.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::test_server::TestCa;

    /// The hint was to check the network and firewalls.
    #[test]
    fn an_objection_names_the_certificate_and_the_reason() {
        let file = |name: &str| format!("/etcd/{name}");
        let etcd = ExternalEtcd {
            endpoints: vec!["https://e:2379".into()],
            http_endpoints: Vec::new(),
            ca_file: file("ca.crt"),
            cert_file: file("client.crt"),
            key_file: file("client.key"),
        };
        let [ours, theirs] = ["ours", "theirs"].map(TestCa::new);
        let certs = |pem: &[u8]| Cert::bundle_from_pem(pem).unwrap();
        let leaf = certs(&theirs.local_leaf().certificate);
        let said = |objection, ca: &TestCa| in_words(&etcd, objection, leaf.first(), &certs(&ca.pem())).0;
        assert!(said(Objection::UnknownCa, &ours).contains("trust the CA of the client certificate /etcd/client.crt"));
        assert!(said(Objection::Unsaid, &ours).contains("which /etcd/ca.crt has not signed (its issuer is 'CN=theirs"));
        assert!(!said(Objection::Unsaid, &theirs).contains("has not signed"));
        assert!(said(Objection::Missing, &ours).contains("wants a client certificate"));
    }

    #[test]
    fn a_certificate_for_servers_only_is_refused_before_etcd_is_asked() {
        let ca = TestCa::new("etcd-ca");
        let mut cert = Cert::bundle_from_pem(&ca.local_leaf().certificate).unwrap().remove(0);
        assert_eq!(fault(&cert, cert.not_before), None);
        assert_eq!(fault(&cert, cert.not_after + 1), Some("has expired"));
        cert.for_clients = false;
        assert!(fault(&cert, cert.not_before).unwrap().contains("clientAuth"));
    }
}
