//! kubeadm's own feature gates.

use super::section::{Given, Section};
use crate::base::suggest::similar;
use crate::config::problem::{Complaint, Report};
use crate::config::tree::Value;
use crate::versions::fact::Stage;
use crate::versions::{self, Minor};
use std::collections::BTreeMap;

/// The gates of the file, or of `--feature-gates`.
pub(super) fn gates(
    cluster: &Section<'_>,
    flag: Option<&Given>,
    minor: Option<&'static Minor>,
    report: &mut Report,
) -> BTreeMap<String, bool> {
    let mut gates = BTreeMap::new();
    let from_file = cluster.pairs("featureGates").into_iter().filter_map(|(name, node)| match node.value {
        Value::Bool(on) => Some((name, on)),
        _ => None,
    });
    for (name, on) in from_file.chain(flag.map(|flag| split(flag, report)).unwrap_or_default()) {
        validate(&name, on, minor, report);
        gates.insert(name.text, on);
    }
    gates
}

/// `A=true,B=false`.
fn split(flag: &Given, report: &mut Report) -> Vec<(Given, bool)> {
    let mut gates = Vec::new();
    for part in flag.text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) =
            part.split_once('=').map_or((part, None), |(name, value)| (name.trim(), Some(value.trim())));
        // The words of Go's strconv.ParseBool.
        let on = match value {
            Some("1" | "t" | "T" | "true" | "True" | "TRUE") => true,
            Some("0" | "f" | "F" | "false" | "False" | "FALSE") => false,
            _ => {
                let complaint = Complaint::with_help(
                    format!("{part:?} is not a boolean"),
                    format!("write '{name}=true' or '{name}=false'"),
                );
                report.problem(flag.place.clone(), complaint);
                continue;
            }
        };
        gates.push((Given { text: name.to_owned(), place: flag.place.clone() }, on));
    }
    gates
}

fn validate(name: &Given, on: bool, minor: Option<&'static Minor>, report: &mut Report) {
    let Some(minor) = minor else { return };
    match minor.feature_gate(&name.text) {
        Some(gate) if gate.stage == Stage::Ga && on != gate.default => {
            let what = format!("{} can no longer be changed in v1.{}", name.text, minor.minor);
            report.warn(&name.place, Complaint::with_help(what, "remove it"));
        }
        Some(gate) if gate.stage == Stage::Deprecated => {
            let what = format!("{} is deprecated in v1.{}", name.text, minor.minor);
            report.warn(&name.place, Complaint::new(what));
        }
        Some(_) => {}
        None => {
            let what = format!("{:?} is not a feature gate of kubeadm v1.{}", name.text, minor.minor);
            report.problem(name.place.clone(), Complaint { what, help: Some(help(&name.text, minor)) });
        }
    }
}

fn help(name: &str, minor: &Minor) -> String {
    let having: Vec<u16> = (versions::OLDEST..=versions::newest())
        .filter(|m| versions::facts(*m).is_some_and(|facts| facts.feature_gate(name).is_some()))
        .collect();
    if let (Some(first), Some(last)) = (having.first(), having.last()) {
        return format!("remove it: it only exists in v1.{first} to v1.{last}");
    }
    let names: Vec<&str> = minor.feature_gates.iter().map(|gate| gate.name).collect();
    match similar(name, names.iter().copied()) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("kubeadm's feature gates are {}; set those of components in their extraArgs", names.join(", ")),
    }
}
