//! From what Pods saw to what is wrong: by the pattern of what fails and what passes.
//!
//! The rules go from the ground up. What a rule concluded explains failures that follow from it, and later rules look at the
//! rest. Whatever is left at the end is named as unclear: a failure never counts as a pass.

use super::seen::{Network, Seen, What};
use super::setting::Setting;
use super::table::{self, Severity};
use serde::Serialize;
use std::collections::BTreeSet;

mod names;
mod packets;
mod pods;
mod services;

/// A cause that was named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    pub id: &'static str,
    pub severity: Severity,
    pub nodes: Vec<String>,
    pub what: String,
    /// What it was concluded from.
    pub evidence: Vec<String>,
    pub next: String,
}

/// As many observations are quoted.
const EVIDENCE: usize = 3;

/// The causes, the most basic first.
pub fn causes(setting: &Setting, seen: &[Seen]) -> Vec<Cause> {
    let mut rules = Rules { setting, seen, explained: vec![false; seen.len()], causes: Vec::new() };
    rules.pods();
    rules.packets();
    rules.nodes();
    rules.services();
    rules.names();
    rules.rest();
    rules.causes.sort_by_key(|cause| table::rank(cause.id));
    rules.causes
}

struct Rules<'a> {
    setting: &'a Setting,
    seen: &'a [Seen],
    explained: Vec<bool>,
    causes: Vec<Cause>,
}

impl<'a> Rules<'a> {
    /// Failures that nothing explains yet.
    fn failed(&self, such: impl Fn(&Seen) -> bool) -> Vec<&'a Seen> {
        let all = self.seen.iter().zip(&self.explained);
        all.filter(|(seen, explained)| !**explained && seen.failed() && such(seen)).map(|(seen, _)| seen).collect()
    }

    /// Whether a question of a Pod was answered; None if it was not put.
    fn passed(&self, network: Network, from: &str, what: &What) -> Option<bool> {
        let found = self.seen.iter().find(|seen| seen.network == network && seen.from == from && seen.what == *what)?;
        Some(!found.failed())
    }

    fn explain(&mut self, such: impl Fn(&Seen) -> bool) {
        for (seen, explained) in self.seen.iter().zip(&mut self.explained) {
            *explained |= such(seen);
        }
    }

    fn conclude(&mut self, id: &'static str, nodes: Vec<String>, because: &[&Seen], more: Vec<String>) {
        let Some(row) = table::find(id) else { return };
        let list = listed(&nodes);
        let traffic = match self.setting.plugin {
            Some(plugin) => format!("the traffic of {}: {}", plugin.name, plugin.traffic),
            None => "the traffic of your Pod network (UDP port 8472 for flannel and Cilium, UDP port 4789 for Calico with VXLAN), or \
                     route the networks of the Pods between the hosts"
                .into(),
        };
        let text = |text: &str| text.replace("{nodes}", &list).replace("{traffic}", &traffic);
        let mut evidence = more;
        evidence.extend(because.iter().take(EVIDENCE).map(|seen| seen.text()));
        if because.len() > EVIDENCE {
            evidence.push(format!("and {} more", because.len() - EVIDENCE));
        }
        let (what, next) = (text(row.what), text(row.next));
        self.causes.push(Cause { id: row.id, severity: row.severity, nodes, what, evidence, next });
    }

    /// What nothing explains.
    fn rest(&mut self) {
        let left = self.failed(|_| true);
        if !left.is_empty() {
            self.conclude("Unclear", from(&left), &left, Vec::new());
        }
    }

    /// The nodes that all of these pairs have in common, if other pairs pass; otherwise all of their nodes.
    fn common(&self, pairs: &[&Seen]) -> Vec<String> {
        let ends = |seen: &Seen| [Some(seen.from.clone()), seen.what.to().map(str::to_owned)];
        let all: BTreeSet<String> = pairs.iter().flat_map(|seen| ends(seen)).flatten().collect();
        let in_all = |node: &&String| pairs.iter().all(|seen| ends(seen).contains(&Some((*node).clone())));
        let common: Vec<String> = all.iter().filter(in_all).cloned().collect();
        let others = self.setting.nodes.len() > all.len() || all.len() > 2;
        if common.is_empty() || !others { all.into_iter().collect() } else { common }
    }
}

fn from(seen: &[&Seen]) -> Vec<String> {
    let nodes: BTreeSet<String> = seen.iter().map(|seen| seen.from.clone()).collect();
    nodes.into_iter().collect()
}

fn to(seen: &[&Seen]) -> Vec<String> {
    let nodes: BTreeSet<String> = seen.iter().filter_map(|seen| seen.what.to().map(str::to_owned)).collect();
    nodes.into_iter().collect()
}

/// `a`, `a and b`, `a, b and c`; many are counted.
pub fn listed(nodes: &[String]) -> String {
    match nodes {
        [] => "the nodes".into(),
        [one] => one.clone(),
        [first @ .., last] if first.len() < 6 => format!("{} and {last}", first.join(", ")),
        [a, b, c, rest @ ..] => format!("{a}, {b}, {c} and {} more", rest.len()),
        _ => nodes.join(", "),
    }
}

#[cfg(test)]
mod tests;
