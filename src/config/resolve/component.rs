//! Flags, environment variables and host paths of components that run as static Pods, and of the kubelet.

use super::section::{Given, Section};
use crate::base::suggest::similar;
use crate::config::model::{Arg, Component, HostPathMount};
use crate::config::problem::{Complaint, Report};
use crate::config::tree::Value;
use crate::config::validate::{choice, name, path};
use std::collections::HashSet;

/// A component's `extraArgs`, `extraEnvs` and `extraVolumes`.
pub(super) fn component(section: &Section<'_>, report: &mut Report) -> Component {
    Component {
        extra_args: args(section, "extraArgs", report),
        extra_envs: envs(section, report),
        extra_volumes: volumes(section, report),
    }
}

/// Flags: since v1beta4 a list in the given order; before that a map, sorted by name as in kubeadm.
pub(super) fn args(section: &Section<'_>, field: &str, report: &mut Report) -> Vec<Arg> {
    if let Some(items) = section.sections(field) {
        return items.iter().filter_map(|item| arg(item, report)).collect();
    }
    let mut args: Vec<Arg> = Vec::new();
    for (key, value) in section.pairs(field) {
        if let Some(name) = key.validate(name::flag, report) {
            args.push(Arg { name, value: value.text().unwrap_or_default().to_owned() });
        }
    }
    args.sort_by(|a, b| a.name.cmp(&b.name));
    args
}

fn arg(item: &Section<'_>, report: &mut Report) -> Option<Arg> {
    let Some(given) = item.text("name") else {
        let complaint = Complaint::with_help("the argument name is missing", "add 'name: …'");
        report.problem(item.place(), complaint);
        return None;
    };
    let name = given.validate(name::flag, report)?;
    Some(Arg { name, value: item.text("value").map(|given| given.text).unwrap_or_default() })
}

fn envs(section: &Section<'_>, report: &mut Report) -> Vec<serde_json::Value> {
    let mut envs = Vec::new();
    for item in section.sections("extraEnvs").unwrap_or_default() {
        match item.text("name") {
            Some(given) => {
                given.validate(name::variable, report);
            }
            None => {
                report.problem(item.place(), Complaint::with_help("the variable name is missing", "add 'name: …'"));
            }
        }
        if item.text("value").is_some() && item.child("valueFrom").exists() {
            item.complain("valueFrom", Complaint::new("value and valueFrom are mutually exclusive"), report);
        }
        envs.extend(item.node().map(env_with_defaults));
    }
    envs
}

/// The variable with the API server's defaults: a `fieldRef` without a version refers to `v1`.
fn env_with_defaults(node: &crate::config::tree::Node) -> serde_json::Value {
    let mut env = node.to_json();
    if let Some(reference) = env.pointer_mut("/valueFrom/fieldRef").and_then(serde_json::Value::as_object_mut) {
        reference.entry("apiVersion").or_insert_with(|| "v1".into());
    }
    env
}

fn volumes(section: &Section<'_>, report: &mut Report) -> Vec<HostPathMount> {
    let mut names = HashSet::new();
    let items = section.sections("extraVolumes").unwrap_or_default();
    let mounts = items.iter().map(|item| {
        let name = required(item, "name", report);
        if let Some(given) = &name {
            given.validate(name::label, report);
            if !names.insert(given.text.clone()) {
                let what = format!("duplicate volume name {:?}", given.text);
                report.problem(given.place.clone(), Complaint::new(what));
            }
        }
        let mut absolute = |field: &str| {
            let given = required(item, field, report)?;
            given.validate(path::absolute, report)?;
            Some(given.text)
        };
        let (host_path, mount_path) = (absolute("hostPath"), absolute("mountPath"));
        let path_type = item.text("pathType");
        let path_type = path_type.and_then(|given| given.validate(|t| choice::one_of(t, &choice::PATH_TYPES), report));
        HostPathMount {
            name: name.map(|given| given.text).unwrap_or_default(),
            host_path: host_path.unwrap_or_default(),
            mount_path: mount_path.unwrap_or_default(),
            read_only: item.flag("readOnly").unwrap_or(false),
            path_type: path_type.unwrap_or_default(),
        }
    });
    mounts.collect()
}

fn required(item: &Section<'_>, field: &str, report: &mut Report) -> Option<Given> {
    let given = item.text(field);
    // A value of the wrong type has already been reported.
    if given.is_none() && item.field(field).is_none_or(|node| matches!(node.value, Value::Text(_))) {
        let keys = item.node().map(|node| node.entries().iter().map(|e| e.key.as_str())).into_iter().flatten();
        let similar = similar(field, keys.filter(|key| *key != field));
        let complaint = match similar {
            Some(similar) => Complaint::with_help(
                format!("{field} is missing"),
                format!("did you mean '{field}' instead of '{similar}'?"),
            ),
            None => Complaint::with_help(format!("{field} is missing"), format!("add '{field}: …'")),
        };
        report.problem(item.place(), complaint);
    }
    given
}
