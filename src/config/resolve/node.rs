//! This host as a node: the part that `InitConfiguration` and `JoinConfiguration` share.

use super::component;
use super::section::{Given, Section};
use crate::base::suggest::similar;
use crate::config::facts::Facts;
use crate::config::model::{ApiEndpoint, NodeConfig, Timeouts};
use crate::config::problem::{Complaint, Place, Report};
use crate::config::validate::{Validated, choice, endpoint, name};
use crate::versions::Minor;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The flags that `init` and `join` share.
pub(super) struct NodeFlags<'a> {
    pub(super) node_name: Option<&'a str>,
    pub(super) cri_socket: Option<&'a str>,
    pub(super) patches: Option<&'a str>,
    pub(super) ignore_preflight_errors: &'a [String],
    pub(super) skip_phases: &'a [String],
}

/// The node described by `document` (an init or join configuration). Flags take precedence over fields; lists are
/// joined.
pub(super) fn node(
    document: &Section<'_>,
    flags: &NodeFlags<'_>,
    local_endpoint: ApiEndpoint,
    timeouts: Timeouts,
    minor: Option<&'static Minor>,
    facts: &Facts,
    report: &mut Report,
) -> NodeConfig {
    let section = document.child("nodeRegistration");
    let set = |flag, value: Option<&str>| Given::flag(flag, value).filter(|given| !given.text.is_empty());
    let given_name = set("--node-name", flags.node_name).or_else(|| section.text("name"));
    let host_name = Given { text: facts.hostname.clone(), place: Place::Host };
    let name = given_name.unwrap_or(host_name).validate(node_name, report);
    let patches = set("--patches", flags.patches);
    let mut ignored = section.texts("ignorePreflightErrors");
    ignored.extend(Given::flags("--ignore-preflight-errors", flags.ignore_preflight_errors));
    let mut skipped = document.texts("skipPhases");
    skipped.extend(Given::flags("--skip-phases", flags.skip_phases));
    let policy = section.text("imagePullPolicy");
    let policy = policy.and_then(|given| given.validate(|t| choice::one_of(t, &choice::PULL_POLICIES), report));
    NodeConfig {
        name: name.unwrap_or_default(),
        cri_socket: cri_socket(
            set("--cri-socket", flags.cri_socket).or_else(|| section.text("criSocket")),
            minor,
            report,
        ),
        taints: taints(&section, report),
        kubelet_extra_args: component::args(&section, "kubeletExtraArgs", report),
        image_pull_policy: policy.unwrap_or_else(|| "IfNotPresent".into()),
        image_pull_serial: section.flag("imagePullSerial").unwrap_or(true),
        local_endpoint,
        patches_dir: patches
            .map(|given| PathBuf::from(given.text))
            .or_else(|| document.child("patches").text("directory").map(|given| PathBuf::from(given.text))),
        ignore_preflight_errors: ignored_checks(&ignored, report),
        skip_phases: skipped.into_iter().map(|given| given.text).collect(),
        timeouts,
    }
}

fn node_name(text: &str) -> Validated<String> {
    name::node(text).map_err(|complaint| Complaint {
        // The name as typed, not in the lower case in which it is validated.
        what: format!(
            "invalid node name: {}",
            complaint.what.replace(&format!("{:?}", text.trim().to_lowercase()), &format!("{text:?}"))
        ),
        help: complaint.help.or_else(|| Some("set one with --node-name or nodeRegistration.name".into())),
    })
}

/// The socket, prefixed with `unix://` if the minor version writes it that way.
pub(super) fn cri_socket(given: Option<Given>, minor: Option<&'static Minor>, report: &mut Report) -> Option<String> {
    let given = given?;
    let with_scheme = minor.is_none_or(|minor| minor.cri_socket_scheme);
    let (socket, added) = given.validate(|text| endpoint::cri_socket(text, with_scheme), report)?;
    if added {
        let complaint = Complaint::with_help("the scheme is missing; unix:// is assumed", format!("write '{socket}'"));
        report.warn(&given.place, complaint);
    }
    Some(socket)
}

/// Checks to ignore, in lower case and without duplicates.
pub(super) fn ignored_checks(given: &[Given], report: &mut Report) -> Vec<String> {
    let names: BTreeSet<String> = given.iter().map(|g| g.text.to_lowercase()).collect();
    if let Some(all) = given.iter().find(|g| g.text.eq_ignore_ascii_case("all"))
        && names.len() > 1
    {
        let complaint = Complaint::with_help(
            "'all' cannot be combined with other checks",
            "list either 'all' or individual checks",
        );
        report.problem(all.place.clone(), complaint);
    }
    names.into_iter().collect()
}

/// None for the default, as opposed to an empty list: no taints.
fn taints(section: &Section<'_>, report: &mut Report) -> Option<Vec<Value>> {
    let items = section.sections("taints")?;
    for item in &items {
        match item.text("key") {
            Some(key) => {
                key.validate(name::qualified, report);
            }
            None => report.problem(item.place(), Complaint::with_help("the taint key is missing", "add 'key: …'")),
        }
        if let Some(value) = item.text("value").filter(|given| !name::is_label_value(&given.text)) {
            let what = format!("{:?} is not a valid taint value", value.text);
            report.problem(value.place, Complaint::new(what));
        }
        if let Some(effect) = item.text("effect") {
            effect.validate(|text| choice::one_of(text, &choice::TAINT_EFFECTS), report);
        } else {
            let similar = item.node().and_then(|n| similar("effect", n.entries().iter().map(|e| e.key.as_str())));
            let help = similar.map_or_else(
                || "add 'effect: NoSchedule'".to_owned(),
                |similar| format!("did you mean 'effect' instead of '{similar}'?"),
            );
            report.problem(item.place(), Complaint::with_help("the taint effect is missing", help));
        }
    }
    Some(items.iter().filter_map(|item| item.node().map(crate::config::tree::Node::to_json)).collect())
}
