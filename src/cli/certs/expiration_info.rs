//! The report of `check-expiration` in kubeadm's output API, with our fields added.

use crate::cli::session::OUTPUT_API;
use crate::pki::catalog::{CERTS, CLUSTER_ADMINS, CertSpec, KUBECONFIGS};
use crate::state::expiry::{Item, Report, Severity, Sort, Thresholds};
use serde::Serialize;

/// kubeadm's `CertificateExpirationInfo`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Info<'a> {
    kind: &'static str,
    api_version: &'static str,
    certificates: Vec<Row<'a>>,
    certificate_authorities: Vec<Row<'a>>,
    unreadable: &'a [String],
    thresholds: Thresholds,
    /// The worst of all certificates.
    severity: Severity,
}

/// kubeadm's `Certificate`, with our fields if it exists.
#[derive(Serialize)]
#[serde(untagged)]
enum Row<'a> {
    #[serde(rename_all = "camelCase")]
    Found {
        #[serde(flatten)]
        item: &'a Item,
        expiration_date: &'a str,
        /// In seconds.
        residual_time: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        ca_name: Option<&'static str>,
        missing: bool,
    },
    #[serde(rename_all = "camelCase")]
    Missing {
        name: &'static str,
        expiration_date: Option<&'a str>,
        residual_time: i64,
        externally_managed: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        ca_name: Option<&'static str>,
        missing: bool,
    },
}

impl<'a> Info<'a> {
    pub fn new(report: &'a Report, thresholds: Thresholds, severity: Severity) -> Self {
        let (cas, leaves): (Vec<_>, Vec<_>) = report.certificates.iter().partition(|item| item.sort == Sort::Ca);
        let rows = |items: Vec<&'a Item>| items.into_iter().map(Row::found);
        Self {
            kind: "CertificateExpirationInfo",
            api_version: OUTPUT_API,
            certificates: rows(leaves).chain(missing(report, false).into_iter().map(Row::missing)).collect(),
            certificate_authorities: rows(cas).chain(missing(report, true).into_iter().map(Row::missing)).collect(),
            unreadable: &report.unreadable,
            thresholds,
            severity,
        }
    }
}

impl<'a> Row<'a> {
    fn found(item: &'a Item) -> Self {
        Self::Found {
            item,
            expiration_date: &item.expires,
            residual_time: item.seconds_left,
            ca_name: ca_name(item),
            missing: false,
        }
    }

    fn missing((name, ca_name): Expected) -> Self {
        Self::Missing {
            name,
            expiration_date: None,
            residual_time: 0,
            externally_managed: false,
            ca_name,
            missing: true,
        }
    }
}

/// The name of a certificate, and that of its CA unless it is one.
type Expected = (&'static str, Option<&'static str>);

/// The name of the CA that signs a certificate; None for CAs and self-signed certificates.
fn ca_name(item: &Item) -> Option<&'static str> {
    match item.sort {
        Sort::Ca | Sort::SelfMade => None,
        Sort::Certificate => CERTS.iter().find(|spec| spec.name == item.name).and_then(|spec| spec.ca),
        Sort::Kubeconfig => Some("ca"),
        Sort::Kubelet => (!item.issuer.contains("-ca@")).then_some("ca"),
    }
}

/// The certificates of a control plane that do not exist. A worker has none of them and misses none, nor does a cluster
/// with external etcd miss those of etcd.
pub fn missing(report: &Report, cas: bool) -> Vec<Expected> {
    let has = |name: &str| report.certificates.iter().any(|item| item.name == name);
    let unreadable = |base: &str| report.unreadable.iter().any(|reason| reason.contains(base));
    if !has("apiserver") && !has("ca") {
        return Vec::new();
    }
    let needed = |spec: &CertSpec| has("etcd-ca") || (spec.name != "etcd-ca" && spec.ca != Some("etcd-ca"));
    let certs = CERTS.iter().filter(|spec| spec.is_ca() == cas && needed(spec));
    let certs = certs.filter(|spec| !has(spec.name) && !unreadable(spec.base));
    let mut missing: Vec<Expected> = certs.map(|spec| (spec.name, spec.ca)).collect();
    if !cas {
        // kubelet.conf is not in kubeadm's list. super-admin.conf exists if admin.conf is not in system:masters.
        let is_split = |item: &Item| item.name == "admin.conf" && item.subject.contains(CLUSTER_ADMINS);
        let split = report.certificates.iter().any(is_split);
        let needed = |file: &str| file != "kubelet.conf" && (file != "super-admin.conf" || split);
        let files = KUBECONFIGS.iter().map(|spec| spec.file).filter(|file| needed(file));
        missing.extend(files.filter(|file| !has(file) && !unreadable(file)).map(|file| (file, Some("ca"))));
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::env::{Clock, Random};
    use crate::base::files::{Content, HostFiles};
    use crate::base::gate::Gate;
    use crate::pki::PkiStore;
    use crate::state::expiry::list;
    use std::path::Path;

    fn report_of(paths: &[&str]) -> Report {
        let root = tempfile::tempdir().unwrap();
        let files = HostFiles::new(root.path(), Gate::open());
        let ca = crate::base::https::test_server::TestCa::new("kubernetes").pem();
        for path in paths {
            files.write(Path::new(path), &Content::public(String::from_utf8(ca.clone()).unwrap()), 0o600).unwrap();
        }
        let store =
            PkiStore::new(files.clone(), Path::new("/etc/kubernetes/pki"), &Clock::fixed(0), &Random::seeded(1));
        list(&files, &store, 0).unwrap()
    }

    #[test]
    fn a_control_plane_misses_what_kubeadm_expects_and_a_worker_nothing() {
        let report = report_of(&["/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/apiserver.crt"]);
        let names: Vec<&str> = missing(&report, false).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names[..2], ["apiserver-kubelet-client", "front-proxy-client"]);
        assert!(names.contains(&"admin.conf") && !names.contains(&"etcd-server"), "{names:?}");
        assert_eq!(missing(&report, true), [("front-proxy-ca", None)]);
        assert_eq!(missing(&report_of(&["/var/lib/kubelet/pki/kubelet.crt"]), false), []);
    }

    #[test]
    fn the_fields_are_kubeadms_and_each_key_is_there_once() {
        let report = report_of(&["/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/apiserver.crt"]);
        let info = Info::new(&report, Thresholds { warn: 1, critical: 1 }, Severity::Ok);
        let text = serde_json::to_string(&info).unwrap();
        assert!(
            text.starts_with(r#"{"kind":"CertificateExpirationInfo","apiVersion":"output.kubeadm.k8s.io/v1alpha3""#)
        );
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        for (row, ca, is_missing) in [
            (&value["certificates"][0], "ca".into(), false),
            (&value["certificates"][1], "ca".into(), true),
            (&value["certificateAuthorities"][0], serde_json::Value::Null, false),
        ] {
            for key in ["name", "expirationDate", "residualTime", "externallyManaged", "missing"] {
                assert!(row.get(key).is_some(), "no {key} in {row}");
            }
            assert_eq!((&row["caName"], &row["missing"]), (&ca, &is_missing.into()), "{row}");
        }
        assert_eq!(text.matches("\"name\":\"apiserver\"").count(), 1, "{text}");
        assert_eq!(value["certificates"][0]["residualTime"], value["certificates"][0]["secondsLeft"]);
    }
}
