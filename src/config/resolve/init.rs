//! `init`: the cluster, and this host as its first node.

use super::node::{NodeFlags, node};
use super::section::{Given, Section};
use super::{cluster, endpoint, flag_conflicts, timeouts, tokens, version};
use crate::config::documents::Documents;
use crate::config::facts::Facts;
use crate::config::flags::InitFlags;
use crate::config::model::InitConfig;
use crate::config::problem::{Complaint, Place, Report};
use crate::config::schema::Kind;
use crate::config::tree::Mark;
use crate::config::validate::token;
use std::net::IpAddr;

/// The configuration of `init`, and whether it is a dry run.
pub(in crate::config) fn init(
    documents: &Documents,
    flags: &InitFlags,
    facts: &Facts,
    report: &mut Report,
) -> (InitConfig, bool) {
    if documents.has_file() {
        flag_conflicts::refuse(&flags.with_field(), report);
        require_documents(documents, report);
    }
    let section = Section::of(documents.document(Kind::Init));
    let local_endpoint = endpoint::control_plane(
        &section.child("localAPIEndpoint"),
        Given::flag("--apiserver-advertise-address", flags.apiserver_advertise_address.as_deref()),
        Given::flag("--apiserver-bind-port", flags.apiserver_bind_port.as_deref()),
        facts,
        report,
    );
    let cluster = cluster::read(documents, flags, local_endpoint.bind_port, facts, report);
    let kinds = [Kind::Init, Kind::Cluster, Kind::ClusterStatus];
    version::warn_of_old_api(kinds.into_iter().filter_map(|kind| documents.document(kind)), &cluster.version, report);
    if let Some(document) = documents.document(Kind::ClusterStatus) {
        let place = Place::File { mark: document.mark_of("kind"), path: "kind".into() };
        report.warn(&place, Complaint::new("ClusterStatus is ignored; the state of the cluster is used"));
    }
    let minor = version::minor(&cluster.version);
    if let Some(minor) = minor {
        documents.check_components(Some(minor.minor), report);
    }
    let mut deadlines = timeouts::timeouts(&section.child("timeouts"), report);
    let api_server = Section::of(documents.document(Kind::Cluster)).child("apiServer");
    if let Some(legacy) = timeouts::legacy(&api_server, "timeoutForControlPlane", report) {
        deadlines.control_plane_component_health_check = legacy;
    }
    let node_flags = NodeFlags {
        node_name: flags.node_name.as_deref(),
        cri_socket: flags.cri_socket.as_deref(),
        patches: flags.patches.as_deref(),
        ignore_preflight_errors: &flags.ignore_preflight_errors,
        skip_phases: &flags.skip_phases,
    };
    warn_of_families(&cluster.networking.service_subnets, local_endpoint.advertise_address, &section, report);
    let certificate_key = Given::secret_flag("--certificate-key", flags.certificate_key.as_ref())
        .or_else(|| section.text("certificateKey"))
        .and_then(|given| given.validate(token::certificate_key, report));
    let config = InitConfig {
        node: node(&section, &node_flags, local_endpoint, deadlines, minor, facts, report),
        bootstrap_tokens: tokens::tokens(&section, documents.has_file(), flags, facts, report),
        generated_token: tokens::is_generated(&section, flags),
        certificate_key,
        pod_network: flags.chosen_network.clone(),
        cluster,
    };
    (config, flags.dry_run || section.flag("dryRun").unwrap_or(false))
}

fn require_documents(documents: &Documents, report: &mut Report) {
    if documents.lacks(&[Kind::Init, Kind::Cluster]) {
        let names: Vec<&str> = documents.kinds().iter().map(|kind| kind.name()).collect();
        let what = format!(
            "InitConfiguration and ClusterConfiguration are missing; the file only contains {}",
            names.join(", ")
        );
        let help = "add a document with 'kind: ClusterConfiguration'";
        report.problem(Place::File { mark: Mark::START, path: String::new() }, Complaint::with_help(what, help));
    }
}

/// The API server does not start if its address and its first Service network belong to different IP families.
fn warn_of_families(services: &[ipnet::IpNet], address: IpAddr, init: &Section<'_>, report: &mut Report) {
    let Some(first) = services.first() else { return };
    if first.addr().is_ipv4() != address.is_ipv4() && !address.is_unspecified() {
        let what =
            format!("the API server at {address} will not start with the Service network {first} of another IP family");
        let help = "list a Service network of the same family first (--service-cidr, networking.serviceSubnet)";
        let section = init.child("localAPIEndpoint");
        let place = if section.exists() { section.place() } else { Place::Host };
        report.warn(&place, Complaint::with_help(what, help));
    }
}
