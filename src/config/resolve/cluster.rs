//! `ClusterConfiguration` and the component configurations.

use super::section::{Given, Section, validate_all};
use super::{authorization, component, etcd, gates, networking, version};
use crate::config::documents::Documents;
use crate::config::facts::Facts;
use crate::config::flags::InitFlags;
use crate::config::model::{Addon, ClusterConfig, HostPort, KeyAlgorithm};
use crate::config::problem::{Complaint, Place, Report};
use crate::config::schema::Kind;
use crate::config::validate::{choice, duration, endpoint, image, name, path};
use crate::versions::Minor;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// kubeadm's default.
const DEFAULT_CERTIFICATES_DIR: &str = "/etc/kubernetes/pki";
/// kubeadm's `DefaultClusterName`.
const DEFAULT_NAME: &str = "kubernetes";
/// kubeadm's `CertificateValidityPeriod`: one year.
const DEFAULT_VALIDITY: Duration = Duration::from_hours(8760);
/// kubeadm's `CACertificateValidityPeriod`: ten years.
const DEFAULT_CA_VALIDITY: Duration = Duration::from_hours(87600);

/// The cluster described by documents from its own ConfigMap objects.
pub(in crate::config) fn cluster(documents: &Documents, facts: &Facts, report: &mut Report) -> ClusterConfig {
    let section = Section::of(documents.document(Kind::Cluster));
    if !section.exists() {
        report.problem(section.place(), Complaint::new("ClusterConfiguration is missing"));
    }
    read(documents, &InitFlags::default(), super::endpoint::DEFAULT_PORT, facts, report)
}

/// The cluster of `init`; `bind_port` is the port of this host's API server.
pub(super) fn read(
    documents: &Documents,
    flags: &InitFlags,
    bind_port: u16,
    facts: &Facts,
    report: &mut Report,
) -> ClusterConfig {
    let section = Section::of(documents.document(Kind::Cluster));
    let text = |flag: &'static str, value: &Option<String>, field: &str| {
        Given::flag(flag, value.as_deref()).filter(|given| !given.text.is_empty()).or_else(|| section.text(field))
    };
    let version = text("--kubernetes-version", &flags.kubernetes_version, "kubernetesVersion");
    let version = version::choose(version.as_ref(), facts, report);
    let minor = version::minor(&version);
    let gates_typed = (!flags.feature_gates.is_empty()).then(|| flags.feature_gates.join(","));
    let gate_flag = Given::flag("--feature-gates", gates_typed.as_deref());
    let feature_gates = gates::gates(&section, gate_flag.as_ref(), minor, report);
    let controller_manager = component::component(&section.child("controllerManager"), report);
    let networking =
        networking::networking(&section, flags, &controller_manager.extra_args, &feature_gates, minor, report);
    let api_server = section.child("apiServer");
    let mut sans = api_server.texts("certSANs");
    sans.extend(Given::flags("--apiserver-cert-extra-sans", &flags.apiserver_cert_extra_sans));
    let endpoint = text("--control-plane-endpoint", &flags.control_plane_endpoint, "controlPlaneEndpoint");
    let certificates_dir = text("--cert-dir", &flags.cert_dir, "certificatesDir");
    let repository = text("--image-repository", &flags.image_repository, "imageRepository");
    let default_repository = minor.map_or("registry.k8s.io", |minor| minor.image_repository.at(version.patch));
    let (certificate_validity, ca_certificate_validity) = validity(&section, report);
    warn_of_hyperkube(&section, report);
    authorization::modes(&api_server, report);
    ClusterConfig {
        version,
        cluster_name: section.text("clusterName").map_or_else(|| DEFAULT_NAME.into(), |given| given.text),
        control_plane_endpoint: endpoint.and_then(|g| g.validate(endpoint::host_port, report)).map(|given| {
            // kubeadm stores the port here, so that it is the same for nodes whose API server uses another one.
            HostPort { port: given.port.or(Some(bind_port)), ..given }
        }),
        networking,
        certificates_dir: certificates_dir
            .and_then(|given| given.validate(path::directory, report))
            .unwrap_or_else(|| PathBuf::from(DEFAULT_CERTIFICATES_DIR)),
        image_repository: repository
            .and_then(|given| given.validate(image::repository, report))
            .unwrap_or_else(|| default_repository.to_owned()),
        encryption_algorithm: algorithm(&section, &feature_gates, minor, report),
        certificate_validity,
        ca_certificate_validity,
        feature_gates,
        api_server: component::component(&api_server, report),
        api_server_cert_sans: validate_all(&sans, name::certificate_name, report),
        controller_manager,
        scheduler: component::component(&section.child("scheduler"), report),
        etcd: etcd::etcd(&section, report),
        dns: dns(&section, report),
        proxy: Addon { disabled: section.child("proxy").flag("disabled").unwrap_or(false), ..Addon::default() },
        kubelet: own_document(documents, Kind::Kubelet),
        kube_proxy: own_document(documents, Kind::KubeProxy),
    }
}

/// A component configuration without apiVersion and kind.
fn own_document(documents: &Documents, kind: Kind) -> Map<String, Value> {
    let mut map = documents.document(kind).map(|d| d.root.to_json_map()).unwrap_or_default();
    map.shift_remove("apiVersion");
    map.shift_remove("kind");
    map
}

fn dns(cluster: &Section<'_>, report: &mut Report) -> Addon {
    let section = cluster.child("dns");
    if let Some(given) = section.text("type").filter(|given| given.text != "CoreDNS") {
        let what = format!("{:?} is not a supported DNS server", given.text);
        report.problem(given.place, Complaint::with_help(what, "write 'CoreDNS', or remove the line"));
    }
    Addon { disabled: section.flag("disabled").unwrap_or(false), image: etcd::image_override(&section, report) }
}

/// The old feature gate for ECDSA takes precedence, as in kubeadm.
fn algorithm(
    cluster: &Section<'_>,
    gates: &BTreeMap<String, bool>,
    minor: Option<&'static Minor>,
    report: &mut Report,
) -> KeyAlgorithm {
    let given = cluster.text("encryptionAlgorithm");
    let place = given.as_ref().map(|g| g.place.clone());
    let chosen = given.and_then(|given| given.validate(choice::key_algorithm, report));
    if let (Some(place), Some(KeyAlgorithm::EcdsaP384), Some(minor)) = (&place, chosen, minor)
        && !minor.ecdsa_p384
    {
        let what = format!("kubeadm v1.{} does not support ECDSA-P384 and could not manage this cluster", minor.minor);
        report.warn(place, Complaint::with_help(what, "use ECDSA-P256 if kubeadm should be able to manage it"));
    }
    if gates.get("PublicKeysECDSA") != Some(&true) {
        return chosen.unwrap_or(KeyAlgorithm::Rsa2048);
    }
    if let (Some(place), Some(other)) = (place, chosen.filter(|c| *c != KeyAlgorithm::EcdsaP256)) {
        let what = format!("the feature gate PublicKeysECDSA takes precedence over {}", other.name());
        report.warn(&place, Complaint::with_help(what, "remove the feature gate"));
    }
    KeyAlgorithm::EcdsaP256
}

fn validity(cluster: &Section<'_>, report: &mut Report) -> (Duration, Duration) {
    const LEAF: &str = "certificateValidityPeriod";
    const CA: &str = "caCertificateValidityPeriod";
    let mut read = |field: &str, default: Duration| {
        let given = cluster.text(field);
        let value = given.as_ref().and_then(|g| g.validate(duration::parse_positive, report)).unwrap_or(default);
        if value > default {
            let what =
                format!("{} is longer than the recommended {}", duration::format(value), duration::format(default));
            report.warn(&cluster.place_of(field), Complaint::new(what));
        }
        value
    };
    let (leaf, ca) = (read(LEAF, DEFAULT_VALIDITY), read(CA, DEFAULT_CA_VALIDITY));
    if leaf > ca {
        let (leaf, ca) = (duration::format(leaf), duration::format(ca));
        let what = format!("certificates valid for {leaf} outlive their CA, which is valid for {ca}");
        let field = if cluster.field(LEAF).is_some() { LEAF } else { CA };
        report.warn(&cluster.place_of(field), Complaint::with_help(what, format!("set a longer {CA}")));
    }
    (leaf, ca)
}

fn warn_of_hyperkube(cluster: &Section<'_>, report: &mut Report) {
    if cluster.flag("useHyperKubeImage") == Some(true) {
        let place: Place = cluster.place_of("useHyperKubeImage");
        let complaint = Complaint::with_help("is ignored: hyperkube images are no longer built", "remove the line");
        report.warn(&place, complaint);
    }
}
