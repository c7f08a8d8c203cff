//! A workflow as its YAML file defines it: names, order and conditions.
//!
//! Reads: `phases/*.yaml`, embedded in the binary. Writes: nothing.

use super::action::{Action, Registry};
use super::error::PipelineError;
use super::vocabulary::{Each, When};
use serde::Deserialize;
use std::collections::BTreeSet;

/// A list of phases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    /// The command: `init`, `join`, ….
    pub workflow: String,
    /// The phases in the order in which they run.
    pub phases: Vec<PhaseSpec>,
}

/// One phase, or a group of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseSpec {
    /// One word of the path.
    pub name: String,
    /// One line for help.
    pub short: String,
    /// The action that implements it.
    pub action: Option<String>,
    /// When it applies.
    #[serde(default)]
    pub when: When,
    /// Paths whose result must exist.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Paths that it runs directly after. They and it run before the rest of the list if no result of the rest exists.
    #[serde(default)]
    pub after: Vec<String>,
    /// One sub-phase for each row of a table.
    pub each: Option<Each>,
    /// Sub-phases.
    #[serde(default)]
    pub phases: Vec<PhaseSpec>,
    /// True when it is not a subcommand.
    #[serde(default)]
    pub hidden: bool,
    /// True for a check that no run can skip. A run of single phases includes it if one of them needs it.
    #[serde(default)]
    pub always: bool,
    /// A second path, `GROUP/NAME`, under which it can be selected and skipped, alone or with its group.
    pub also: Option<String>,
    /// Another name that some minor versions of kubeadm use for it.
    pub alias: Option<String>,
}

impl Workflow {
    /// Reads a list and validates it against the available actions.
    pub fn load(text: &str, registry: &Registry) -> Result<Self, PipelineError> {
        let workflow: Self = serde_yaml::from_str(text)
            .map_err(|e| PipelineError::BadSpec { workflow: "?".into(), what: e.to_string() })?;
        let mut problems = Vec::new();
        check(&workflow.phases, registry, &mut problems);
        let paths: BTreeSet<String> = workflow.paths(registry).into_iter().collect();
        for named in workflow.phases.iter().flat_map(PhaseSpec::all_named) {
            if !paths.contains(named) {
                problems.push(format!("needs or comes after '{named}', which does not exist"));
            }
        }
        let groups: BTreeSet<&str> =
            workflow.phases.iter().filter(|phase| !phase.phases.is_empty()).map(|phase| phase.name.as_str()).collect();
        for also in workflow.phases.iter().filter_map(|phase| phase.also.as_deref()) {
            if !also.split_once('/').is_some_and(|(group, name)| groups.contains(group) && !name.contains('/')) {
                problems.push(format!("'{also}' is not a path below a group of phases"));
            }
        }
        if workflow.phases.iter().flat_map(|phase| &phase.phases).any(|phase| phase.always) {
            problems.push("a phase with 'always' is in a group, with which it would be skipped".to_owned());
        }
        if problems.is_empty() {
            Ok(workflow)
        } else {
            Err(PipelineError::BadSpec { workflow: workflow.workflow, what: problems.join("; ") })
        }
    }

    /// Every path, groups included, in order.
    pub fn paths(&self, registry: &Registry) -> Vec<String> {
        fn collect(phases: &[PhaseSpec], above: &str, registry: &Registry, paths: &mut Vec<String>) {
            for phase in phases {
                let path = join(above, &phase.name);
                paths.push(path.clone());
                paths.extend(phase.also.clone());
                if let Some(each) = phase.each {
                    paths.extend((registry.items)(each).into_iter().map(|item| join(&path, item.name)));
                }
                collect(&phase.phases, &path, registry, paths);
            }
        }
        let mut paths = Vec::new();
        collect(&self.phases, "", registry, &mut paths);
        paths
    }
}

impl Workflow {
    /// The path with aliases replaced by the names in this list.
    pub fn canonical(&self, path: &str) -> String {
        let mut phases = self.phases.as_slice();
        let mut words = Vec::new();
        for word in path.split('/') {
            let phase = phases.iter().find(|phase| phase.name == word || phase.alias.as_deref() == Some(word));
            words.push(phase.map_or(word, |phase| phase.name.as_str()));
            phases = phase.map_or(&[], |phase| phase.phases.as_slice());
        }
        words.join("/")
    }
}

impl PhaseSpec {
    fn all_named(&self) -> Vec<&String> {
        self.needs.iter().chain(&self.after).chain(self.phases.iter().flat_map(Self::all_named)).collect()
    }
}

/// `above/name`, or only the name at the top level.
pub fn join(above: &str, name: &str) -> String {
    if above.is_empty() { name.to_owned() } else { format!("{above}/{name}") }
}

fn check(phases: &[PhaseSpec], registry: &Registry, problems: &mut Vec<String>) {
    let mut names = BTreeSet::new();
    for phase in phases {
        if !names.insert(&phase.name) {
            problems.push(format!("'{}' appears twice", phase.name));
        }
        match &phase.action {
            Some(action) if (registry.action)(action).is_none() => {
                problems.push(format!("'{}' names the action '{action}', which does not exist", phase.name));
            }
            Some(_) if !phase.phases.is_empty() => {
                problems.push(format!("'{}' has an action and sub-phases", phase.name));
            }
            None if phase.phases.is_empty() || phase.each.is_some() => {
                problems.push(format!("'{}' has neither an action nor sub-phases", phase.name));
            }
            Some(action) if phase.always && (registry.action)(action).is_some_and(Action::changes) => {
                problems.push(format!("'{}' cannot be skipped, so it must only check", phase.name));
            }
            _ => {}
        }
        check(&phase.phases, registry, problems);
    }
}

#[cfg(test)]
mod tests {
    use super::super::action::fakes;
    use super::*;

    fn problem(text: &str) -> String {
        Workflow::load(text, &fakes::registry()).unwrap_err().to_string()
    }

    #[test]
    fn a_typo_is_refused_when_the_list_is_loaded() {
        assert!(
            problem("workflow: x\nphases: [{name: a, short: s, action: nope}]")
                .contains("'nope', which does not exist")
        );
        assert!(problem("workflow: x\nphases: [{name: a, short: s, akshun: note}]").contains("unknown field `akshun`"));
        assert!(
            problem("workflow: x\nphases: [{name: a, short: s, action: note, when: sometimes}]").contains("sometimes")
        );
        assert!(problem("workflow: x\nphases: [{name: a, short: s}]").contains("neither an action nor sub-phases"));
        assert!(problem("workflow: x\nphases: [{name: a, short: s, action: note, needs: [b]}]").contains("'b'"));
        assert!(problem("workflow: x\nphases: [{name: a, short: s, action: note, after: [c]}]").contains("'c'"));
        let nowhere = "workflow: x\nphases: [{name: a, short: s, action: note, also: b/c}]";
        assert!(problem(nowhere).contains("'b/c' is not a path"));
        let changes = "workflow: x\nphases: [{name: a, short: s, action: note, always: true}]";
        assert!(problem(changes).contains("must only check"));
        let twice = "workflow: x\nphases: [{name: a, short: s, action: note}, {name: a, short: s, action: note}]";
        assert!(problem(twice).contains("appears twice"));
    }

    #[test]
    fn paths_are_expanded_from_the_tables() {
        let text = "workflow: x\nphases: [{name: control-plane, short: s, action: note, each: component}]";
        let workflow = Workflow::load(text, &fakes::registry()).unwrap();
        assert_eq!(workflow.paths(&fakes::registry()), ["control-plane", "control-plane/one", "control-plane/two"]);
    }
}
