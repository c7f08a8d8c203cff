//! This host as a node: what `InitConfiguration` and `JoinConfiguration` share.

use super::component;
use super::section::{Given, Section};
use crate::base::nearest::nearest;
use crate::config::facts::Facts;
use crate::config::model::{ApiEndpoint, NodeConfig, Timeouts};
use crate::config::problem::{Complaint, Place, Report};
use crate::config::validate::{Judged, choice, endpoint, name};
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

/// The node that `document` (an init or join configuration) describes. A flag wins over its field; lists are joined.
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
    let name = given_name.unwrap_or(host_name).judge(node_name, report);
    let patches = set("--patches", flags.patches);
    let mut ignored = section.texts("ignorePreflightErrors");
    ignored.extend(Given::flags("--ignore-preflight-errors", flags.ignore_preflight_errors));
    let mut skipped = document.texts("skipPhases");
    skipped.extend(Given::flags("--skip-phases", flags.skip_phases));
    let policy = section.text("imagePullPolicy");
    let policy = policy.and_then(|given| given.judge(|t| choice::one_of(t, &choice::PULL_POLICIES), report));
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

fn node_name(text: &str) -> Judged<String> {
    name::node(text).map_err(|complaint| Complaint {
        // The name as typed, not in the lower case in which it is judged.
        what: format!(
            "not good for a node's name: {}",
            complaint.what.replace(&format!("{:?}", text.trim().to_lowercase()), &format!("{text:?}"))
        ),
        help: complaint.help.or_else(|| Some("give one with --node-name or nodeRegistration.name".into())),
    })
}

/// The socket, with `unix://` in front where the minor writes it so.
pub(super) fn cri_socket(given: Option<Given>, minor: Option<&'static Minor>, report: &mut Report) -> Option<String> {
    let given = given?;
    let with_scheme = minor.is_none_or(|minor| minor.cri_socket_scheme);
    let (socket, added) = given.judge(|text| endpoint::cri_socket(text, with_scheme), report)?;
    if added {
        let complaint = Complaint::with_help("has no scheme; unix:// is added", format!("write '{socket}'"));
        report.warn(&given.place, complaint);
    }
    Some(socket)
}

/// Checks to ignore, in lower case, each once.
pub(super) fn ignored_checks(given: &[Given], report: &mut Report) -> Vec<String> {
    let names: BTreeSet<String> = given.iter().map(|g| g.text.to_lowercase()).collect();
    if let Some(all) = given.iter().find(|g| g.text.eq_ignore_ascii_case("all"))
        && names.len() > 1
    {
        let complaint =
            Complaint::with_help("'all' leaves nothing else to ignore", "name either 'all' or single checks");
        report.problem(all.place.clone(), complaint);
    }
    names.into_iter().collect()
}

/// None where the default is meant, as opposed to an empty list: no taints at all.
fn taints(section: &Section<'_>, report: &mut Report) -> Option<Vec<Value>> {
    let items = section.sections("taints")?;
    for item in &items {
        match item.text("key") {
            Some(key) => {
                key.judge(name::qualified, report);
            }
            None => report.problem(item.place(), Complaint::with_help("the taint has no key", "add 'key: …'")),
        }
        if let Some(value) = item.text("value").filter(|given| !name::is_label_value(&given.text)) {
            let what = format!("{:?} is not a value that a taint can have", value.text);
            report.problem(value.place, Complaint::new(what));
        }
        if let Some(effect) = item.text("effect") {
            effect.judge(|text| choice::one_of(text, &choice::TAINT_EFFECTS), report);
        } else {
            let near = item.node().and_then(|n| nearest("effect", n.entries().iter().map(|e| e.key.as_str())));
            let help = near.map_or_else(|| "add 'effect: NoSchedule'".to_owned(), |near| format!("is it '{near}'?"));
            report.problem(item.place(), Complaint::with_help("the taint has no effect", help));
        }
    }
    Some(items.iter().filter_map(|item| item.node().map(crate::config::tree::Node::to_json)).collect())
}
