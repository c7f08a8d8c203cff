//! Determines the kind of a document from its `apiVersion` and `kind`.

use super::kind::Kind;
use crate::base::suggest::similar;
use crate::config::problem::{Complaint, Place, Report};
use crate::config::tree::{Mark, Node, Value};
use crate::versions::ApiVersion;

/// A document of a known kind.
#[derive(Clone, Debug)]
pub struct Document {
    pub kind: Kind,
    /// Its version of kubeadm's API; the newest for another kind.
    pub api: ApiVersion,
    pub root: Node,
}

impl Document {
    /// The place of a top-level field, or of the document if the field does not exist.
    pub fn mark_of(&self, field: &str) -> Mark {
        self.root.entry(field).map_or(self.root.mark, |entry| entry.value.mark)
    }
}

/// What a document turned out to be.
pub(in crate::config) enum Identified {
    /// A supported document.
    Known(Document),
    /// A document of another program. A warning says that it is ignored.
    Foreign,
    /// Anything else; the error is reported.
    Unknown,
}

/// The API groups of supported documents.
const GROUPS: [&str; 4] = [ApiVersion::GROUP, "kubelet.config.k8s.io", "kubeproxy.config.k8s.io", "kubewright.io"];

/// The kind of `root`.
pub(in crate::config) fn identify(root: Node, report: &mut Report) -> Identified {
    if !matches!(root.value, Value::Map(_)) {
        let what = format!("a document must be a map with apiVersion and kind, not {}", root.describe());
        report.problem(Place::File { mark: root.mark, path: String::new() }, Complaint::new(what));
        return Identified::Unknown;
    }
    let api_version = header(&root, "apiVersion", report);
    let kind_name = header(&root, "kind", report);
    let (Some(api_version), Some(kind_name)) = (api_version, kind_name) else { return Identified::Unknown };
    if is_foreign(&api_version, &kind_name) {
        let place = Place::File { mark: root.mark, path: String::new() };
        report.warn(&place, Complaint::new(format!("the document {kind_name} of {api_version} is ignored")));
        return Identified::Foreign;
    }
    known(root, &api_version, &kind_name, report).map_or(Identified::Unknown, Identified::Known)
}

/// True if neither the API group nor the kind is a supported one or similar to one.
fn is_foreign(api_version: &str, kind: &str) -> bool {
    let Some((group, _)) = api_version.split_once('/') else {
        return api_version == "v1" && Kind::find(kind).is_none();
    };
    let label = |group: &'static str| group.split('.').next().unwrap_or(group);
    let first = group.split('.').next().unwrap_or(group);
    // Whole groups end alike, so that every one would be near to every other. Other programs have a Cluster too.
    Kind::find(kind).is_none_or(|kind| kind == Kind::Hosts)
        && !GROUPS.iter().any(|known| label(known) == first)
        && similar(first, GROUPS.map(label)).is_none()
}

fn known(root: Node, api_version: &str, kind_name: &str, report: &mut Report) -> Option<Document> {
    if let Some(old) = older(api_version) {
        complain(&root, "apiVersion", old, report);
        return None;
    }
    let kind = find_kind(&root, kind_name, report)?;
    let api = match kind.fixed_api() {
        None => kubeadm_version(kind, &root, api_version, report)?,
        Some(expected) if expected == api_version => ApiVersion::V1Beta4,
        Some(expected) => {
            let what = format!("{api_version:?} is not the apiVersion of {}", kind.name());
            complain(&root, "apiVersion", Complaint::with_help(what, format!("write '{expected}'")), report);
            return None;
        }
    };
    Some(Document { kind, api, root })
}

/// The error for an API version before v1beta1, with the releases that convert it: each reads the version before its own.
fn older(api_version: &str) -> Option<Complaint> {
    let version = api_version.strip_prefix(ApiVersion::GROUP)?.strip_prefix('/')?;
    let releases = match version {
        "v1alpha1" => "of kubeadm v1.11, then its result with that of v1.12, then of v1.13",
        "v1alpha2" => "of kubeadm v1.12, then its result with that of v1.13",
        "v1alpha3" => "of kubeadm v1.13",
        _ => return None,
    };
    Some(Complaint::with_help(
        format!("{version} is not supported; supported versions are v1beta1 to v1beta4"),
        format!("convert it with 'kubeadm config migrate' {releases}"),
    ))
}

fn header(root: &Node, field: &str, report: &mut Report) -> Option<String> {
    match root.entry(field).map(|e| &e.value) {
        Some(node) if node.text().is_some_and(|t| !t.is_empty()) => return node.text().map(str::to_owned),
        Some(node) if node.value != Value::Null && node.text().is_none() => {
            let what = format!("must be text, not {}", node.describe());
            complain(root, field, Complaint::new(what), report);
        }
        _ => {
            let what = format!("{field} is missing");
            let similar = similar(field, root.entries().iter().map(|e| e.key.as_str()));
            let help = match similar {
                Some(similar) => format!("did you mean '{field}' instead of '{similar}'?"),
                None if field == "kind" => "add 'kind: ClusterConfiguration', or another kind".to_owned(),
                None => format!("add 'apiVersion: {}'", ApiVersion::V1Beta4),
            };
            report.problem(Place::File { mark: root.mark, path: String::new() }, Complaint::with_help(what, help));
        }
    }
    None
}

fn find_kind(root: &Node, name: &str, report: &mut Report) -> Option<Kind> {
    let found = Kind::find(name);
    if found.is_none() {
        let names: Vec<&str> = Kind::ALL.iter().map(|k| k.name()).collect();
        // 'ClusterConfig' and 'cluster' are too short for a typo, and still clear.
        let begun = names.iter().find(|n| n.to_lowercase().starts_with(&name.to_lowercase())).copied();
        let help = match similar(name, names.iter().copied()).or(begun) {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("supported kinds are {}", names.join(", ")),
        };
        complain(root, "kind", Complaint::with_help(format!("{name:?} is not a supported kind"), help), report);
    }
    found
}

fn kubeadm_version(kind: Kind, root: &Node, text: &str, report: &mut Report) -> Option<ApiVersion> {
    let Some(api) = ApiVersion::find(text) else {
        let known: Vec<String> = ApiVersion::ALL.iter().map(ToString::to_string).collect();
        let help = match similar(text, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("use one of {}", known.join(", ")),
        };
        let complaint = Complaint::with_help(format!("{text:?} is not an apiVersion of {}", kind.name()), help);
        complain(root, "apiVersion", complaint, report);
        return None;
    };
    let (first, last) = kind.versions();
    if api < first || api > last {
        let range =
            if first == last { first.name().to_owned() } else { format!("{} to {}", first.name(), last.name()) };
        let complaint = Complaint::with_help(
            format!("{} does not exist in {}", kind.name(), api.name()),
            format!("it exists in {range}"),
        );
        complain(root, "apiVersion", complaint, report);
        return None;
    }
    Some(api)
}

fn complain(root: &Node, field: &str, complaint: Complaint, report: &mut Report) {
    let mark = root.entry(field).map_or(root.mark, |entry| entry.value.mark);
    report.problem(Place::File { mark, path: field.to_owned() }, complaint);
}
