//! The facts about certificates that plans show.

use crate::config::model::KeyAlgorithm;
use crate::pki::{Cert, moment};
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateFacts {
    pub subject: String,
    pub issuer: String,
    pub is_ca: bool,
    /// `server auth` and `client auth`; empty for a CA.
    pub usages: Vec<&'static str>,
    pub sans: Vec<String>,
    pub expires: String,
    pub serial: String,
    /// The algorithm of its key.
    pub algorithm: Option<&'static str>,
}

impl CertificateFacts {
    /// The certificates in PEM text; None if there are none, or one is damaged.
    pub fn bundle(text: &str) -> Option<Vec<Self>> {
        let certs = Cert::bundle_from_pem(text.as_bytes()).ok()?;
        Some(certs.iter().map(Self::of).collect())
    }

    /// The facts about one certificate.
    pub fn of(cert: &Cert) -> Self {
        let usages = [(cert.for_servers, "server auth"), (cert.for_clients, "client auth")];
        let usages = usages.into_iter().filter(|(has, _)| *has && !cert.is_ca).map(|(_, name)| name).collect();
        let addresses = cert.sans.ips.iter().map(ToString::to_string);
        Self {
            subject: cert.subject.to_string(),
            issuer: cert.issuer.clone(),
            is_ca: cert.is_ca,
            usages,
            sans: cert.sans.dns.iter().cloned().chain(addresses).collect(),
            expires: moment::text(cert.not_after),
            serial: cert.serial.clone(),
            algorithm: cert.algorithm().map(KeyAlgorithm::name),
        }
    }

    /// The facts in one sentence, and the SANs if there are any.
    pub fn sentences(&self) -> Vec<String> {
        let mut words = vec![self.subject.clone()];
        if self.issuer == self.subject {
            words.push("self-signed".into());
        } else {
            words.push(format!("issued by {}", self.issuer));
        }
        words.extend(self.is_ca.then(|| "CA".to_owned()));
        words.extend(self.usages.iter().map(|usage| (*usage).to_owned()));
        words.push(format!("expires {}", day(&self.expires)));
        let mut sentences = vec![words.join(", ")];
        // kubeadm gives CAs their own name as a SAN.
        let is_own_name = self.is_ca && self.sans.iter().all(|san| self.subject == format!("CN={san}"));
        if !is_own_name && !self.sans.is_empty() {
            sentences.push(format!("SANs {}", self.sans.join(", ")));
        }
        sentences
    }

    /// One fact a line, to be compared with those of another certificate.
    pub fn lines(&self) -> String {
        let usages = if self.is_ca { "CA".to_owned() } else { self.usages.join(", ") };
        format!(
            "subject {}\nissuer {}\nusages {usages}\nSANs {}\nkey {}\nexpires {}\nserial {}\n",
            self.subject,
            self.issuer,
            self.sans.join(", "),
            self.algorithm.unwrap_or("unknown"),
            day(&self.expires),
            self.serial
        )
    }
}

/// The day of a moment such as `2027-11-21T05:21:00Z`.
pub fn day(moment: &str) -> &str {
    moment.split('T').next().unwrap_or(moment)
}
