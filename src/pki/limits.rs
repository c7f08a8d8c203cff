//! What a CA certificate may sign: its path length, name constraints and extended key usages.
//!
//! Clients apply these limits to every certificate below the CA. A certificate that a CA may not sign is therefore
//! refused before its key is written.

use super::catalog::{self, CertSpec, Usage};
use super::cert::Cert;
use super::error::PkiError;
use super::kubeconfigs::CA;
use super::rule::Rule;
use super::sans::Sans;
use super::store::LoadedCa;
use super::validity::minor_of;
use crate::config::model::{ClusterConfig, NodeConfig};
use std::net::IpAddr;
use x509_parser::extensions::{GeneralName, GeneralSubtree, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

/// The extensions that clients know, besides those that are parsed here: key usage, alternative names, distribution
/// points. Of the others, none may be critical.
const KNOWN: [&str; 6] = ["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.31", "2.5.29.37"];

/// The limits of a CA certificate.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// How many CAs may be below it in a chain; None if any number may.
    pub path_length: Option<u32>,
    /// The first critical extension that clients do not know.
    pub critical: Option<String>,
    /// Names that it permits; the list of a kind that does not occur does not limit that kind.
    permitted: Names,
    excluded: Names,
    /// It constrains directory names, which no client can check.
    directory_names: bool,
    usages: Vec<Usage>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Names {
    dns: Vec<String>,
    /// Address and mask.
    ips: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Limits {
    /// The limits in a certificate. One that cannot be parsed has none: it is no certificate of ours.
    pub fn of(cert: &Cert) -> Self {
        let mut limits = Self { usages: cert.usages(), ..Self::default() };
        let Ok((_, x509)) = X509Certificate::from_der(&cert.der) else { return limits };
        for extension in x509.extensions() {
            let id = extension.oid.to_id_string();
            if extension.critical && !KNOWN.contains(&id.as_str()) {
                limits.critical.get_or_insert(id);
            }
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(basic) => limits.path_length = basic.path_len_constraint,
                ParsedExtension::NameConstraints(names) => {
                    limits.permitted = limits.learn(names.permitted_subtrees.as_deref());
                    limits.excluded = limits.learn(names.excluded_subtrees.as_deref());
                }
                _ => {}
            }
        }
        limits
    }

    fn learn(&mut self, subtrees: Option<&[GeneralSubtree<'_>]>) -> Names {
        let mut names = Names::default();
        for subtree in subtrees.into_iter().flatten() {
            match &subtree.base {
                GeneralName::DNSName(name) => names.dns.push(name.to_lowercase()),
                GeneralName::IPAddress(bytes) => {
                    let (address, mask) = bytes.split_at(bytes.len() / 2);
                    names.ips.push((address.to_vec(), mask.to_vec()));
                }
                GeneralName::DirectoryName(_) => self.directory_names = true,
                // Certificates of a cluster have no e-mail addresses and no URIs.
                _ => {}
            }
        }
        names
    }

    /// The rule that a certificate with these SANs and usages, `below` CAs below this one, would break.
    pub fn broken_by(&self, sans: &Sans, usages: &[Usage], below: usize) -> Option<Rule> {
        if let Some(extension) = &self.critical {
            return Some(Rule::Critical { extension: extension.clone() });
        }
        if let Some(allowed) =
            self.path_length.filter(|allowed| usize::try_from(*allowed).is_ok_and(|most| below > most))
        {
            return Some(Rule::PathLength { allowed, below });
        }
        let usages: Vec<_> = usages.iter().filter(|usage| !self.usages.contains(usage)).map(|u| u.name()).collect();
        if !usages.is_empty() {
            return Some(Rule::Usages { usages });
        }
        if self.directory_names {
            return Some(Rule::DirectoryNames);
        }
        let dns = sans.dns.iter().filter(|name| !self.permits_dns(name)).cloned();
        let ips = sans.ips.iter().filter(|ip| !self.permits_ip(**ip)).map(ToString::to_string);
        let names: Vec<String> = dns.chain(ips).collect();
        if names.is_empty() { None } else { Some(Rule::Names { names, constraints: self.constraints() }) }
    }

    fn permits_dns(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let is_in = |list: &[String]| list.iter().any(|base| is_below(&name, base));
        (self.permitted.dns.is_empty() || is_in(&self.permitted.dns)) && !is_in(&self.excluded.dns)
    }

    fn permits_ip(&self, ip: IpAddr) -> bool {
        let bytes = match ip {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let is_in = |list: &[(Vec<u8>, Vec<u8>)]| list.iter().any(|(address, mask)| is_inside(&bytes, address, mask));
        (self.permitted.ips.is_empty() || is_in(&self.permitted.ips)) && !is_in(&self.excluded.ips)
    }

    /// The name constraints for people: `permitted are example.com, 10.0.0.0/255.0.0.0`.
    fn constraints(&self) -> String {
        let shown = |what: &str, names: &Names| {
            let dns = names.dns.iter().map(|name| format!("{name:?}"));
            let all: Vec<String> = dns.chain(names.ips.iter().map(|(address, mask)| network(address, mask))).collect();
            (!all.is_empty()).then(|| format!("{what} {}", all.join(", ")))
        };
        let parts = [shown("it permits", &self.permitted), shown("it excludes", &self.excluded)];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

/// True for a name that is `base` or below it. A base with a leading dot does not include itself.
fn is_below(name: &str, base: &str) -> bool {
    let front = name.strip_suffix(base);
    front.is_some_and(|front| front.is_empty() || base.is_empty() || base.starts_with('.') || front.ends_with('.'))
        && !(base.starts_with('.') && name == base)
}

fn is_inside(ip: &[u8], address: &[u8], mask: &[u8]) -> bool {
    ip.len() == address.len()
        && ip.len() == mask.len()
        && ip.iter().zip(address).zip(mask).all(|((ip, address), mask)| ip & mask == address & mask)
}

fn network(address: &[u8], mask: &[u8]) -> String {
    let ip = |bytes: &[u8]| match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        (Ok(four), _) => IpAddr::from(four).to_string(),
        (_, Ok(sixteen)) => IpAddr::from(sixteen).to_string(),
        _ => "an invalid address".into(),
    };
    let ones: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
    format!("{}/{ones}", ip(address))
}

impl LoadedCa {
    /// The rule that a certificate with these SANs and usages would break, if this CA signed it; with the CA that has it.
    pub fn broken_by(&self, sans: &Sans, usages: &[Usage]) -> Option<(Cert, Rule)> {
        let mut ca = &self.cert;
        // The CAs above the one that signs, as far as the file has them.
        for below in 0..=self.certs.len() {
            if let Some(rule) = Limits::of(ca).broken_by(sans, usages, below) {
                return Some((ca.clone(), rule));
            }
            match self.certs.iter().find(|above| *above != ca && above.is_ca && ca.is_signed_by(above)) {
                // A bridge of a CA rotation leads to the other CA, and from there back.
                Some(above) if above.public_der != self.cert.public_der => ca = above,
                _ => break,
            }
        }
        None
    }

    /// Fails if this CA may not sign `what`, with these SANs and usages.
    pub fn require_permits(&self, what: &str, sans: &Sans, usages: &[Usage]) -> Result<(), PkiError> {
        match self.broken_by(sans, usages) {
            None => Ok(()),
            Some((cert, rule)) => Err(PkiError::CaLimited {
                ca: self.path.clone(),
                subject: cert.whole_subject(),
                what: what.into(),
                rule,
            }),
        }
    }

    /// Fails if this CA, with this row, may not sign everything that the host needs from it. What an external CA may sign
    /// is verified in the certificates that it has signed.
    pub fn require_permits_all(
        &self,
        spec: &CertSpec,
        cluster: &ClusterConfig,
        node: &NodeConfig,
    ) -> Result<(), PkiError> {
        if self.key.is_none() {
            return Ok(());
        }
        let minor = minor_of(cluster)?;
        for leaf in catalog::certs_of(cluster).filter(|leaf| leaf.ca == Some(spec.name)) {
            self.require_permits(leaf.name, &Sans::of(leaf.sans, "", cluster, node, minor)?, leaf.usages)?;
        }
        if spec.name == CA { self.require_permits("kubeconfigs", &Sans::default(), &[Usage::Client]) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
