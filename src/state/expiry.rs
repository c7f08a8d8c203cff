//! When the certificates and keys of this host expire, and whether the components serve the ones on the disk.
//!
//! Reads: the certificates directory, /etc/kubernetes/*.conf, /var/lib/kubelet/pki, the static Pods' manifests, and
//! the certificates that the components serve on their ports. Writes: nothing.

mod signing;

use super::not_yaml::NotYaml;
use super::static_pod::StaticPod;
use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::config::kubeconfig::Kubeconfig;
use crate::pki::catalog::{CERTS, KUBECONFIGS};
use crate::pki::cert::Cert;
use crate::pki::{PkiStore, moment};
use serde::Serialize;
use signing::Problem;
use std::path::{Path, PathBuf};

/// The kubelet's certificates directory.
const KUBELET_PKI: &str = "/var/lib/kubelet/pki";
/// The directory of the kubeconfigs.
pub const KUBECONFIG_DIR: &str = "/etc/kubernetes";
/// The name of the kubelet's serving certificate in reports.
pub const KUBELET_SERVER: &str = "kubelet-server";

/// The name of the client certificate for an external etcd in reports. It is signed by another CA.
pub const EXTERNAL_ETCD_CLIENT: &str = "external-etcd-client";

/// The kind of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    /// A CA, which is not renewed.
    Ca,
    /// A certificate of the control plane.
    Certificate,
    /// The client certificate of a kubeconfig.
    Kubeconfig,
    /// A certificate that the kubelet renews itself.
    Kubelet,
    /// A certificate that a component generated at its start, without a file.
    SelfMade,
}

/// A certificate and its expiry.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Its name for `certs renew`, if it has one.
    pub name: String,
    /// Its kind.
    pub sort: Sort,
    /// The file; None for a certificate without a file.
    pub path: Option<PathBuf>,
    /// Its subject.
    pub subject: String,
    /// Its issuer.
    pub issuer: String,
    /// Its serial number, hexadecimal.
    pub serial: String,
    /// `notBefore`, in seconds since the epoch.
    pub not_before: i64,
    /// `notAfter`, in seconds since the epoch.
    pub not_after: i64,
    /// `notAfter` as text.
    pub expires: String,
    /// Seconds until the expiry; negative if expired.
    pub seconds_left: i64,
    /// True if this host cannot renew it, because the CA's key is not here.
    pub externally_managed: bool,
    /// What the component serves on its port; None if it has no port or was not checked.
    pub served: Option<Served>,
    /// Why it is not accepted everywhere, whatever its dates are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The severity, once assessed.
    pub severity: Severity,
}

/// The certificate served on a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Served {
    /// The address.
    pub address: String,
    /// The serial number; None if nothing responded.
    pub serial: Option<String>,
    /// The expiry of the served certificate.
    pub not_after: Option<i64>,
    /// How it compares with the file.
    pub state: State,
}

/// How the served certificate compares with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The certificate of the file is served.
    InUse,
    /// Another one is served: the component has not loaded the file.
    NotYetInUse,
    /// Nothing responded.
    Unreachable,
}

/// The severity of an expiry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Far away.
    #[default]
    Ok,
    /// Soon, or the served certificate is not the one on the disk.
    Warning,
    /// Very soon, or expired.
    Critical,
}

/// Thresholds for the remaining validity, in seconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Thresholds {
    /// Below this: a warning.
    pub warn: i64,
    /// Below this: critical.
    pub critical: i64,
}

/// The certificates of a host.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// All certificates, CAs last.
    pub certificates: Vec<Item>,
    /// Files without a valid certificate, and the problem.
    pub unreadable: Vec<String>,
}

/// Reads every certificate of the host at the time `now`, without network access.
pub fn list(files: &HostFiles, store: &PkiStore, now: i64) -> Result<Report> {
    let external_etcd_client = external_etcd_client(files)?;
    all(files, store, now, external_etcd_client)
}

/// The same, but the certificate that a manifest names is left out if that cannot be parsed, because the caller reports it.
pub fn list_readable(files: &HostFiles, store: &PkiStore, now: i64) -> Result<Report> {
    let external_etcd_client = match external_etcd_client(files) {
        Err(failure) if failure.downcast_ref::<NotYaml>().is_some() => None,
        read => read?,
    };
    all(files, store, now, external_etcd_client)
}

fn all(
    files: &HostFiles,
    store: &PkiStore,
    now: i64,
    external_etcd_client: Option<(PathBuf, Found)>,
) -> Result<Report> {
    let mut report = Report::default();
    for spec in CERTS {
        let path = store.cert_path(spec);
        let sort = if spec.is_ca() { Sort::Ca } else { Sort::Certificate };
        let ca = spec.ca.and_then(|name| CERTS.iter().find(|ca| ca.name == name)).unwrap_or(spec);
        let external = !files.exists(&store.key_path(ca));
        report.add(spec.name, sort, &path, read(files, &path)?, now, external);
    }
    if let Some((path, found)) = external_etcd_client {
        let is_listed = report.certificates.iter().any(|item| item.path.as_deref() == Some(path.as_path()));
        if !is_listed {
            report.add(EXTERNAL_ETCD_CLIENT, Sort::Certificate, &path, found, now, true);
        }
    }
    let signer = CERTS.first().is_none_or(|ca| !files.exists(&store.key_path(ca)));
    for spec in KUBECONFIGS {
        let path = Path::new(KUBECONFIG_DIR).join(spec.file);
        if let Some(bytes) = files.read(&path)? {
            let cert = embedded(store, &path, &bytes);
            report.add(spec.file, Sort::Kubeconfig, &path, cert, now, signer);
        }
    }
    for (name, files_in_turn) in [
        ("kubelet-client", ["kubelet-client-current.pem", "kubelet-client.crt"]),
        (KUBELET_SERVER, ["kubelet-server-current.pem", "kubelet.crt"]),
    ] {
        for file in files_in_turn {
            let path = Path::new(KUBELET_PKI).join(file);
            if let Some(cert) = read(files, &path)? {
                report.add(name, Sort::Kubelet, &path, Some(cert), now, false);
                break;
            }
        }
    }
    for item in &mut report.certificates {
        item.problem = signing::problem(files, store, &item.name, item.path.as_deref());
    }
    report.certificates.sort_by_key(|item| item.sort == Sort::Ca);
    Ok(report)
}

/// The API server's client certificate for an external etcd, and its file.
fn external_etcd_client(files: &HostFiles) -> Result<Option<(PathBuf, Found)>> {
    let Some(pod) = StaticPod::read(files, "kube-apiserver")? else { return Ok(None) };
    let Some(flag) = pod.flag("etcd-certfile").filter(|flag| !flag.is_empty()) else { return Ok(None) };
    let path = pod.on_host_or_same(Path::new(flag));
    let found = read(files, &path)?;
    Ok(Some((path, found)))
}

/// A certificate, or why it could not be read; None if the file does not exist.
type Found = Option<std::result::Result<Cert, String>>;

fn read(files: &HostFiles, path: &Path) -> Result<Found> {
    let Some(bytes) = files.read(path)? else { return Ok(None) };
    let cert = Cert::bundle_from_file(path, &bytes).map_err(|e| e.to_string());
    Ok(Some(cert.and_then(|chain| chain.into_iter().next().ok_or_else(|| "it is empty".into()))))
}

/// The client certificate of a kubeconfig; None if it uses another credential.
fn embedded(store: &PkiStore, path: &Path, bytes: &[u8]) -> Found {
    let look = || -> Result<Option<Cert>> {
        let config = Kubeconfig::parse(path, bytes)?;
        let Some(user) = config.current_user() else { return Ok(None) };
        Ok(store.client_certs(path, user)?.and_then(|chain| chain.into_iter().next()))
    };
    look().map_err(|e| e.to_string()).transpose()
}

impl Report {
    /// Assesses every certificate by the thresholds; returns the highest severity. An unreadable file counts as
    /// expired.
    pub fn assess(&mut self, limits: Thresholds) -> Severity {
        for item in &mut self.certificates {
            let left = item.seconds_left_in_use();
            let stale = item.served.as_ref().is_some_and(|served| served.state == State::NotYetInUse);
            item.severity = match left {
                _ if item.problem.as_ref().is_some_and(|problem| problem.fatal) => Severity::Critical,
                _ if item.problem.is_some() => Severity::Warning,
                left if left <= limits.critical => Severity::Critical,
                left if left <= limits.warn || stale => Severity::Warning,
                _ => Severity::Ok,
            };
        }
        let worst = self.certificates.iter().map(|item| item.severity).max().unwrap_or_default();
        if self.unreadable.is_empty() { worst } else { Severity::Critical }
    }

    /// The CA that signs the certificate with this name, if it is on this host.
    pub fn ca_of(&self, name: &str) -> Option<&Item> {
        let is_client = name == "kubelet-client" || KUBECONFIGS.iter().any(|spec| spec.file == name);
        let ca = match CERTS.iter().find(|spec| spec.name == name) {
            Some(spec) => spec.ca?,
            None if is_client => CERTS.first()?.name,
            None => return None,
        };
        self.certificates.iter().find(|item| item.sort == Sort::Ca && item.name == ca)
    }

    /// Warnings for CAs that expire within this number of seconds, or before certificates that they have signed.
    pub fn ca_warnings(&self, within: i64) -> Vec<String> {
        let cas = self.certificates.iter().filter(|item| item.sort == Sort::Ca);
        let warning = |ca: &Item| {
            let outlives = |item: &&Item| item.sort != Sort::SelfMade && item.not_after > ca.not_after;
            let signed =
                self.certificates.iter().filter(|item| self.ca_of(&item.name).is_some_and(|its| its.name == ca.name));
            let names: Vec<&str> = signed.filter(outlives).map(|item| item.name.as_str()).collect();
            let before = if names.is_empty() { String::new() } else { format!(", before {}", names.join(", ")) };
            let is_due = ca.seconds_left <= within || !names.is_empty();
            is_due.then(|| {
                format!(
                    "{} expires on {}{before}: no certificate that it signed is accepted after that, and renewing them \
                     does not help; run 'kubewright certs rotate-ca trust'",
                    ca.name, ca.expires
                )
            })
        };
        cas.filter_map(warning).collect()
    }

    fn add(&mut self, name: &str, sort: Sort, path: &Path, found: Found, now: i64, external: bool) {
        match found {
            None => {}
            Some(Err(why)) => self.unreadable.push(why),
            Some(Ok(cert)) => {
                let mut item = Item::new(name, sort, &cert, now);
                item.path = Some(path.to_path_buf());
                item.externally_managed = external;
                self.certificates.push(item);
            }
        }
    }
}

impl Item {
    pub(crate) fn new(name: &str, sort: Sort, cert: &Cert, now: i64) -> Self {
        Self {
            name: name.to_owned(),
            sort,
            path: None,
            subject: cert.subject.to_string(),
            issuer: cert.issuer.clone(),
            serial: cert.serial.clone(),
            not_before: cert.not_before,
            not_after: cert.not_after,
            expires: moment::text(cert.not_after),
            seconds_left: cert.not_after - now,
            externally_managed: false,
            served: None,
            problem: None,
            severity: Severity::Ok,
        }
    }

    /// Seconds until the expiry of the file or of the served certificate, whichever is earlier.
    pub fn seconds_left_in_use(&self) -> i64 {
        let lag = self.served.as_ref().and_then(|served| served.not_after).map(|end| self.not_after - end);
        self.seconds_left - lag.unwrap_or_default().max(0)
    }
}

#[cfg(test)]
mod tests;
