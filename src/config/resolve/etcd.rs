//! The cluster's etcd, local or external.

use super::component::args;
use super::section::{Given, Section, validate_all};
use crate::config::model::{Component, Etcd, ExternalEtcd, ImageOverride, LocalEtcd};
use crate::config::problem::{Complaint, Report};
use crate::config::validate::{endpoint, image, name, path};
use std::path::PathBuf;

/// kubeadm's default.
const DEFAULT_DATA_DIR: &str = "/var/lib/etcd";

/// The etcd of the configuration; a local one by default.
pub(super) fn etcd(cluster: &Section<'_>, report: &mut Report) -> Etcd {
    let section = cluster.child("etcd");
    let (local, external) = (section.child("local"), section.child("external"));
    if local.exists() && external.exists() {
        let complaint =
            Complaint::with_help("etcd.local and etcd.external are mutually exclusive", "remove one of the two");
        report.problem(external.place(), complaint);
    }
    if external.exists() {
        Etcd::External(external_etcd(&external, report))
    } else {
        Etcd::Local(local_etcd(&local, report))
    }
}

fn local_etcd(section: &Section<'_>, report: &mut Report) -> LocalEtcd {
    let mut component: Component = super::component::component(section, report);
    component.extra_args = args(section, "extraArgs", report);
    let data_dir = section.text("dataDir").and_then(|given| given.validate(path::absolute, report));
    LocalEtcd {
        data_dir: data_dir.unwrap_or_else(|| PathBuf::from(DEFAULT_DATA_DIR)),
        image: image_override(section, report),
        component,
        server_cert_sans: validate_all(&section.texts("serverCertSANs"), name::certificate_name, report),
        peer_cert_sans: validate_all(&section.texts("peerCertSANs"), name::certificate_name, report),
    }
}

/// `imageRepository` and `imageTag` of a section.
pub(super) fn image_override(section: &Section<'_>, report: &mut Report) -> ImageOverride {
    let repository = section.text("imageRepository").and_then(|given| given.validate(image::repository, report));
    let tag = section.text("imageTag").and_then(|given| given.validate(image::tag, report));
    ImageOverride { repository: repository.unwrap_or_default(), tag: tag.unwrap_or_default() }
}

fn external_etcd(section: &Section<'_>, report: &mut Report) -> ExternalEtcd {
    let files = ["caFile", "certFile", "keyFile"].map(|name| section.text(name));
    let [ca, cert, key] = &files;
    for given in files.iter().flatten() {
        given.validate(path::absolute, report);
    }
    match (ca, cert, key) {
        (_, Some(_), None) => {
            let complaint = Complaint::with_help("keyFile is required with certFile", "add keyFile");
            section.complain("certFile", complaint, report);
        }
        (_, None, Some(_)) => {
            let complaint = Complaint::with_help("certFile is required with keyFile", "add certFile");
            section.complain("keyFile", complaint, report);
        }
        (None, Some(_), Some(_)) => {
            let complaint = Complaint::with_help("caFile is required with certFile and keyFile", "add caFile");
            report.problem(section.place(), complaint);
        }
        _ => {}
    }
    let https_only = files.iter().any(Option::is_some);
    let given = section.texts("endpoints");
    if given.is_empty() && section.field("endpoints").is_none_or(|node| node.items().is_empty()) {
        let complaint = Complaint::with_help(
            "an external etcd requires at least one endpoint",
            "add 'endpoints: [https://HOST:2379]'",
        );
        section.complain("endpoints", complaint, report);
    }
    let endpoints = validate_all(&given, |text| endpoint::etcd_url(text, https_only), report);
    let http_endpoints = validate_all(&section.texts("httpEndpoints"), |text| endpoint::etcd_url(text, false), report);
    let text = |given: &Option<Given>| given.as_ref().map(|g| g.text.clone()).unwrap_or_default();
    ExternalEtcd { endpoints, http_endpoints, ca_file: text(ca), cert_file: text(cert), key_file: text(key) }
}
