//! The documents of `init` and `join` for one host: those of the file, with what differs between hosts filled in.

use super::file::ClusterFile;
use super::host::{HostEntry, Role, Taint};
use crate::base::secret::Secret;
use crate::config::problem::{Complaint, Place, Report};
use crate::config::schema::{Document, Kind};
use crate::versions::ApiVersion;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// With what a host joins. Made when it joins, and short-lived.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// `HOST:PORT` of the cluster.
    pub endpoint: String,
    pub token: Secret<String>,
    /// The CA certificate hashes.
    pub pins: Vec<String>,
    /// For control planes.
    pub certificate_key: Option<Secret<String>>,
}

/// How long the token of a new cluster is valid. Later hosts get tokens of their own.
const FIRST_TOKEN: &str = "30m0s";

/// Fields that differ from host to host or are secret, and what is in their place.
const OURS: [(Kind, &[&str], &str); 9] = [
    (Kind::Init, &["bootstrapTokens"], TOKENS),
    (Kind::Init, &["certificateKey"], TOKENS),
    (Kind::Init, &["localAPIEndpoint", "advertiseAddress"], "write 'address' in the line of the host"),
    (Kind::Init, &["nodeRegistration", "name"], "write 'name' in the line of the host"),
    (Kind::Join, &["discovery"], TOKENS),
    (Kind::Join, &["controlPlane", "certificateKey"], TOKENS),
    (Kind::Join, &["controlPlane", "localAPIEndpoint", "advertiseAddress"], "write 'address' in the line of the host"),
    (Kind::Join, &["nodeRegistration", "name"], "write 'name' in the line of the host"),
    (Kind::Join, &["nodeRegistration", "taints"], "write 'taints' in the line of the host"),
];
const TOKENS: &str = "remove it: tokens and keys are made when a host joins, and expire soon after";

/// Refuses what this tool fills in, and clusters that cannot be.
pub(super) fn check(file: &ClusterFile, report: &mut Report) {
    for (kind, path, help) in OURS {
        let Some(document) = file.document(kind) else { continue };
        let mut node = &document.root;
        let mut mark = None;
        for name in path {
            let Some(entry) = node.entry(name) else {
                mark = None;
                break;
            };
            (node, mark) = (&entry.value, Some(entry.mark));
        }
        if let Some(mark) = mark {
            let place = Place::File { mark, path: path.join(".") };
            report.problem(place, Complaint::with_help("differs from host to host or is secret", help));
        }
    }
    let cluster = file.document(Kind::Cluster);
    let endpoint = cluster.and_then(|cluster| cluster.root.entry("controlPlaneEndpoint"));
    if let Some(second) = file.control_planes().nth(1)
        && cluster.is_some()
        && endpoint.is_none_or(|endpoint| endpoint.value.text().unwrap_or_default().is_empty())
    {
        let place = Place::File { mark: second.mark, path: format!("{}.role", second.path) };
        let complaint = Complaint::with_help(
            "several control planes need an address that they share",
            "add 'controlPlaneEndpoint: NAME:6443' to the ClusterConfiguration: a load balancer's, or a DNS name",
        );
        report.problem(place, complaint);
    }
}

impl ClusterFile {
    /// The documents with which `init` makes the first control plane.
    pub fn init_documents(&self, host: &HostEntry) -> Secret<String> {
        let (api, mut init) = self.base(Kind::Init);
        init["bootstrapTokens"] = json!([{ "ttl": FIRST_TOKEN, "description": "for the first hosts" }]);
        if let Some(address) = host.address {
            init["localAPIEndpoint"]["advertiseAddress"] = json!(address.to_string());
        }
        register(&mut init, host, api);
        let shared = [Kind::Cluster, Kind::Kubelet, Kind::KubeProxy].into_iter().filter_map(|kind| self.document(kind));
        joined(std::iter::once(init).chain(shared.map(|document| document.root.to_json())))
    }

    /// The document with which a host joins.
    pub fn join_documents(&self, host: &HostEntry, credentials: &Credentials) -> Secret<String> {
        let (api, mut join) = self.base(Kind::Join);
        join["discovery"] = json!({ "bootstrapToken": {
            "token": credentials.token.expose(),
            "apiServerEndpoint": credentials.endpoint,
            "caCertHashes": credentials.pins,
        } });
        if host.role == Role::ControlPlane {
            if join["controlPlane"].is_null() {
                join["controlPlane"] = json!({});
            }
            if let Some(address) = host.address {
                join["controlPlane"]["localAPIEndpoint"]["advertiseAddress"] = json!(address.to_string());
            }
            if let Some(key) = &credentials.certificate_key {
                join["controlPlane"]["certificateKey"] = json!(key.expose());
            }
        } else if let Some(fields) = join.as_object_mut() {
            fields.shift_remove("controlPlane");
        }
        register(&mut join, host, api);
        joined(std::iter::once(join))
    }

    /// The document of the file, or one without fields.
    fn base(&self, kind: Kind) -> (ApiVersion, Value) {
        if let Some(Document { api, root, .. }) = self.document(kind) {
            return (*api, root.to_json());
        }
        let api = ApiVersion::V1Beta4;
        (api, json!({ "apiVersion": api.to_string(), "kind": kind.name() }))
    }
}

/// The fields of a node.
fn register(document: &mut Value, host: &HostEntry, api: ApiVersion) {
    if document["nodeRegistration"].is_null() {
        document["nodeRegistration"] = json!({});
    }
    let node = &mut document["nodeRegistration"];
    if let Some(name) = &host.name {
        node["name"] = json!(name);
    }
    if let Some(taints) = &host.taints {
        node["taints"] = taints.iter().map(Taint::to_json).collect();
    }
    if let Some(address) = host.address {
        let address = address.to_string();
        if api == ApiVersion::V1Beta4 {
            let args = node["kubeletExtraArgs"].as_array().cloned().unwrap_or_default();
            let others = args.into_iter().filter(|arg| arg["name"] != "node-ip");
            node["kubeletExtraArgs"] =
                others.chain(std::iter::once(json!({ "name": "node-ip", "value": address }))).collect();
        } else {
            node["kubeletExtraArgs"]["node-ip"] = json!(address);
        }
    }
}

/// The documents as one file.
fn joined(documents: impl Iterator<Item = Value>) -> Secret<String> {
    let mut text = String::new();
    for document in documents {
        // JSON is YAML, and needs no quotes that a value could end.
        let _ = writeln!(text, "---\n{document}");
    }
    Secret::new(text)
}
