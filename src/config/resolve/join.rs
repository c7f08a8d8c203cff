//! `join`: this host as a new node, and how it discovers and verifies the cluster.

use super::node::{NodeFlags, node};
use super::section::{Given, Section, validate_all};
use super::{endpoint, flag_conflicts, timeouts, version};
use crate::base::secret::Secret;
use crate::config::documents::Documents;
use crate::config::facts::Facts;
use crate::config::flags::JoinFlags;
use crate::config::model::{ControlPlaneJoin, Discovery, DiscoverySource, JoinConfig};
use crate::config::problem::{Complaint, Place, Report};
use crate::config::schema::Kind;
use crate::config::tree::Mark;
use crate::config::validate::endpoint::{discovery_location, host_and_port};
use crate::config::validate::{path, token};
use std::path::PathBuf;

/// kubeadm's `DefaultCACertPath`.
const DEFAULT_CA_CERT_PATH: &str = "/etc/kubernetes/pki/ca.crt";

/// The configuration of `join`, and whether it is a dry run.
pub(in crate::config) fn join(
    documents: &Documents,
    flags: &JoinFlags,
    facts: &Facts,
    report: &mut Report,
) -> (JoinConfig, bool) {
    let document = documents.document(Kind::Join);
    let section = Section::of(document);
    let from_file = documents.has_file();
    if from_file {
        flag_conflicts::refuse(&flags.with_field(), report);
        if documents.lacks(&[Kind::Join]) {
            let complaint = Complaint::with_help("JoinConfiguration is missing", "add 'kind: JoinConfiguration'");
            report.problem(Place::File { mark: Mark::START, path: String::new() }, complaint);
        }
    }
    // The version in the file counts; without one, that of the installed kubelet is assumed.
    let cluster = Section::of(documents.document(Kind::Cluster)).text("kubernetesVersion");
    let version = version::choose(cluster.as_ref(), facts, report);
    version::warn_of_old_api(document, &version, report);

    let (control_plane, local_endpoint) = control_plane(&section.child("controlPlane"), flags, facts, report);
    let mut deadlines = timeouts::timeouts(&section.child("timeouts"), report);
    if let Some(legacy) = timeouts::legacy(&section.child("discovery"), "timeout", report) {
        deadlines.discovery = legacy;
    }
    let node_flags = NodeFlags {
        node_name: flags.node_name.as_deref(),
        cri_socket: flags.cri_socket.as_deref(),
        patches: flags.patches.as_deref(),
        ignore_preflight_errors: &flags.ignore_preflight_errors,
        skip_phases: &flags.skip_phases,
    };
    let ca_cert_path = section.text("caCertPath").and_then(|given| given.validate(path::certificate, report));
    let discovery = if from_file && document.is_none() {
        nothing_to_discover()
    } else {
        discovery(&section.child("discovery"), flags, from_file, report)
    };
    let config = JoinConfig {
        node: node(&section, &node_flags, local_endpoint, deadlines, version::minor(&version), facts, report),
        discovery,
        ca_cert_path: ca_cert_path.unwrap_or_else(|| PathBuf::from(DEFAULT_CA_CERT_PATH)),
        control_plane,
    };
    (config, flags.dry_run || section.flag("dryRun").unwrap_or(false))
}

fn control_plane(
    section: &Section<'_>,
    flags: &JoinFlags,
    facts: &Facts,
    report: &mut Report,
) -> (Option<ControlPlaneJoin>, crate::config::model::ApiEndpoint) {
    let address = Given::flag("--apiserver-advertise-address", flags.apiserver_advertise_address.as_deref());
    let port = Given::flag("--apiserver-bind-port", flags.apiserver_bind_port.as_deref());
    let key = Given::secret_flag("--certificate-key", flags.certificate_key.as_ref());
    if !flags.control_plane && !section.exists() {
        for given in [&address, &port, &key].into_iter().flatten() {
            let complaint = Complaint::with_help("has no effect on a worker", "add --control-plane");
            report.warn(&given.place, complaint);
        }
        return (None, endpoint::worker(facts));
    }
    let local = endpoint::control_plane(&section.child("localAPIEndpoint"), address, port, facts, report);
    let key = key.or_else(|| section.text("certificateKey"));
    let certificate_key = key.and_then(|given| given.validate(token::certificate_key, report));
    (Some(ControlPlaneJoin { certificate_key }), local)
}

fn discovery(section: &Section<'_>, flags: &JoinFlags, from_file: bool, report: &mut Report) -> Discovery {
    let (by_token, by_file) = (section.child("bootstrapToken"), section.child("file"));
    let file =
        Given::flag("--discovery-file", flags.discovery_file.as_deref()).or_else(|| by_file.text("kubeConfigPath"));
    let any = Given::secret_flag("--token", flags.token.as_ref());
    let tls = Given::secret_flag("--tls-bootstrap-token", flags.tls_bootstrap_token.as_ref())
        .or_else(|| any.clone())
        .or_else(|| section.text("tlsBootstrapToken"));
    let has_token = by_token.exists() || !flags.endpoints.is_empty();
    let has_file = by_file.exists() || file.is_some();
    match (has_token, has_file) {
        (true, true) => report.problem(
            place(section, "--discovery-file", from_file),
            Complaint::with_help(
                "discovery by token and discovery by file are mutually exclusive",
                "remove one of the two",
            ),
        ),
        (false, false) => {
            let (place, help) = if from_file {
                (section.place(), "add discovery.bootstrapToken or discovery.file")
            } else {
                (Place::Flag("HOST:PORT"), "run the command that 'kubewright token create --print-join-command' prints")
            };
            report.problem(place, Complaint::with_help("the discovery method is missing", help));
        }
        _ => {}
    }
    if has_file && !has_token {
        let location = file.and_then(|given| given.validate(discovery_location, report));
        if location.is_none() && flags.discovery_file.is_none() && by_file.field("kubeConfigPath").is_none() {
            report
                .problem(by_file.place(), Complaint::with_help("kubeConfigPath is missing", "add 'kubeConfigPath: …'"));
        }
        return Discovery {
            source: DiscoverySource::File { location: location.unwrap_or_default() },
            tls_bootstrap_token: tls.and_then(|given| given.validate(token::bootstrap_token, report)),
        };
    }
    if !has_token {
        return nothing_to_discover();
    }
    token_discovery(&by_token, flags, any, tls, from_file, report)
}

fn token_discovery(
    section: &Section<'_>,
    flags: &JoinFlags,
    any: Option<Given>,
    tls: Option<Given>,
    from_file: bool,
    report: &mut Report,
) -> Discovery {
    let discovery_token = Given::secret_flag("--discovery-token", flags.discovery_token.as_ref())
        .or(any)
        .or_else(|| section.text("token"));
    let Some(discovery_token) = discovery_token else {
        let complaint = Complaint::with_help(
            "the discovery token is missing",
            "run 'kubewright token create' on a control plane to create one",
        );
        report.problem(place(section, "--token", from_file), complaint);
        return nothing_to_discover();
    };
    let parsed = discovery_token.validate(token::bootstrap_token, report);
    let tls = match tls {
        Some(given) => given.validate(token::bootstrap_token, report),
        None => parsed.clone(),
    };
    let mut endpoints = Given::flags("HOST:PORT", &flags.endpoints);
    endpoints.extend(section.text("apiServerEndpoint"));
    if endpoints.is_empty() && section.field("apiServerEndpoint").is_none_or(|node| node.text() == Some("")) {
        let complaint = Complaint::with_help("apiServerEndpoint is missing", "add 'apiServerEndpoint: HOST:6443'");
        report.problem(section.place(), complaint);
    }
    let mut pins = section.texts("caCertHashes");
    pins.extend(Given::flags("--discovery-token-ca-cert-hash", &flags.discovery_token_ca_cert_hash));
    let skip =
        flags.discovery_token_unsafe_skip_ca_verification || section.flag("unsafeSkipCAVerification").unwrap_or(false);
    if pins.is_empty() && !skip {
        let what = "without a CA certificate hash, anyone who has the token could impersonate the cluster";
        let help = if from_file {
            "add caCertHashes; 'kubewright token create --print-join-command' on a control plane prints the hash"
        } else {
            "add --discovery-token-ca-cert-hash sha256:…; 'kubewright token create --print-join-command' prints it"
        };
        let place =
            if from_file { section.place_of("caCertHashes") } else { Place::Flag("--discovery-token-ca-cert-hash") };
        report.problem(place, Complaint::with_help(what, help));
    }
    Discovery {
        source: DiscoverySource::Token {
            endpoints: validate_all(&endpoints, host_and_port, report),
            token: parsed.unwrap_or_else(|| Secret::new(String::new())),
            ca_cert_hashes: validate_all(&pins, token::ca_pin, report),
            unsafe_skip_ca_verification: skip,
        },
        tls_bootstrap_token: tls,
    }
}

fn place(section: &Section<'_>, flag: &'static str, from_file: bool) -> Place {
    if from_file { section.place() } else { Place::Flag(flag) }
}

/// A placeholder for a value whose error has already been reported.
fn nothing_to_discover() -> Discovery {
    Discovery { source: DiscoverySource::File { location: String::new() }, tls_bootstrap_token: None }
}
