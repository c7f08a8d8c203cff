//! A workflow as its YAML file defines it: names, order and conditions.
//!
//! Reads: `phases/*.yaml`, embedded in the binary. Writes: nothing.

use super::action::{Item, Registry};
use super::error::PipelineError;
use super::vocabulary::{Each, When};
use serde::Deserialize;
use std::collections::BTreeSet;

/// A list of phases, and what they do in the workflow `W`.
pub struct Workflow<W: 'static> {
    pub list: PhaseList,
    pub registry: Registry<W>,
}

/// A list of phases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseList {
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
    /// These rows.
    #[serde(skip)]
    pub items: Vec<Item>,
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

impl<W> Workflow<W> {
    /// Reads a list and validates it against what this workflow can do.
    pub fn load(text: &str, registry: Registry<W>) -> Result<Self, PipelineError> {
        let mut problems = Vec::new();
        let mut list: PhaseList = serde_yaml::from_str(text)
            .map_err(|e| PipelineError::BadSpec { workflow: "?".into(), what: e.to_string() })?;
        prepare(&mut list.phases, &registry, &mut problems);
        list.check_names(&mut problems);
        if problems.is_empty() {
            return Ok(Self { list, registry });
        }
        Err(PipelineError::BadSpec { workflow: list.workflow, what: problems.join("; ") })
    }
}

impl PhaseList {
    fn check_names(&self, problems: &mut Vec<String>) {
        let paths: BTreeSet<String> = self.paths().into_iter().collect();
        for named in self.phases.iter().flat_map(PhaseSpec::all_named) {
            if !paths.contains(named) {
                problems.push(format!("needs or comes after '{named}', which does not exist"));
            }
        }
        let groups: BTreeSet<&str> =
            self.phases.iter().filter(|phase| !phase.phases.is_empty()).map(|phase| phase.name.as_str()).collect();
        for also in self.phases.iter().filter_map(|phase| phase.also.as_deref()) {
            if !also.split_once('/').is_some_and(|(group, name)| groups.contains(group) && !name.contains('/')) {
                problems.push(format!("'{also}' is not a path below a group of phases"));
            }
        }
        if self.phases.iter().flat_map(|phase| &phase.phases).any(|phase| phase.always) {
            problems.push("a phase with 'always' is in a group, with which it would be skipped".to_owned());
        }
    }

    /// Every path, groups included, in order.
    pub fn paths(&self) -> Vec<String> {
        fn collect(phases: &[PhaseSpec], above: &str, paths: &mut Vec<String>) {
            for phase in phases {
                let path = join(above, &phase.name);
                paths.push(path.clone());
                paths.extend(phase.also.clone());
                paths.extend(phase.items.iter().map(|item| join(&path, item.name)));
                collect(&phase.phases, &path, paths);
            }
        }
        let mut paths = Vec::new();
        collect(&self.phases, "", &mut paths);
        paths
    }

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

/// Takes the rows of each table, and checks the actions.
fn prepare<W>(phases: &mut [PhaseSpec], registry: &Registry<W>, problems: &mut Vec<String>) {
    let mut names = BTreeSet::new();
    for phase in phases {
        phase.items = phase.each.map(registry.items).unwrap_or_default();
        if !names.insert(phase.name.clone()) {
            problems.push(format!("'{}' appears twice", phase.name));
        }
        match &phase.action {
            Some(action) if registry.action(action).is_none() => {
                problems
                    .push(format!("'{}' names the action '{action}', which this workflow does not have", phase.name));
            }
            Some(_) if !phase.phases.is_empty() => {
                problems.push(format!("'{}' has an action and sub-phases", phase.name));
            }
            None if phase.phases.is_empty() || phase.each.is_some() => {
                problems.push(format!("'{}' has neither an action nor sub-phases", phase.name));
            }
            Some(action) if phase.always && registry.makes_changes(action) => {
                problems.push(format!("'{}' cannot be skipped, so it must only check", phase.name));
            }
            _ => {}
        }
        prepare(&mut phase.phases, registry, problems);
    }
}

#[cfg(test)]
mod tests {
    use super::super::action::fakes;

    fn problem(text: &str) -> String {
        fakes::load(text).err().unwrap().to_string()
    }

    #[test]
    fn a_typo_is_refused_when_the_list_is_loaded() {
        assert!(
            problem("workflow: x\nphases: [{name: a, short: s, action: nope}]")
                .contains("'nope', which this workflow does not have")
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
        assert_eq!(
            fakes::load(text).unwrap().list.paths(),
            ["control-plane", "control-plane/one", "control-plane/two"]
        );
    }
}
