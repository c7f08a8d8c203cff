//! Builds the steps of a run from a list of phases and the user's selection.

use super::action::{Phase, Target};
use super::error::PipelineError;
use super::spec::{PhaseSpec, Workflow, join};
use crate::base::fault::Result;
use crate::base::suggest::similar;
use crate::context::Run;

/// The steps of one run, in order.
pub struct Plan<W: 'static> {
    /// The workflow's name.
    pub workflow: String,
    /// The steps.
    pub steps: Vec<Step<W>>,
    /// Paths that need a running host and were skipped because there is none.
    pub left_for_host: Vec<String>,
}

/// One action for one target.
pub struct Step<W: 'static> {
    /// The target of the action.
    pub target: Target,
    /// The action.
    pub action: &'static dyn Phase<W>,
    needs: Vec<String>,
    after: Vec<String>,
    /// It is part of the run only because of the other steps.
    is_added: bool,
}

/// The user's selection.
#[derive(Debug, Default)]
pub struct Choice {
    /// Only this phase (`certs`, `certs/all`, `certs/ca`); None for the whole workflow.
    pub only: Option<String>,
    /// Phases to skip, groups included.
    pub skip: Vec<String>,
}

impl<W> Plan<W> {
    /// Selects the steps: those chosen, not skipped, and whose condition holds.
    pub fn new(workflow: &Workflow<W>, choice: &Choice, run: &mut Run<W>) -> Result<Self> {
        let Workflow { list, registry } = workflow;
        let paths = list.paths();
        let exists = |path: &str| {
            if paths.iter().any(|p| p == path) {
                return Ok(());
            }
            Err(PipelineError::NoSuchPhase {
                workflow: list.workflow.clone(),
                path: path.into(),
                nearest: similar(path, paths.iter().map(String::as_str)).map(str::to_owned),
            })
        };
        let only = choice.only.as_deref().map(|path| list.canonical(path.strip_suffix("/all").unwrap_or(path)));
        let only = only.as_deref();
        let skip: Vec<String> = choice.skip.iter().map(|path| list.canonical(path)).collect();
        only.map_or(Ok(()), exists)?;
        skip.iter().try_for_each(|path| exists(path))?;
        if let Some(path) = skip.iter().find(|path| list.phases.iter().any(|p| p.always && p.name == **path)) {
            return Err(PipelineError::NotSkippable { workflow: list.workflow.clone(), path: path.clone() }.into());
        }

        let mut plan = Self { workflow: list.workflow.clone(), steps: Vec::new(), left_for_host: Vec::new() };
        let applies = |phase: &PhaseSpec, row: Option<&str>| (registry.holds)(phase.when, row, run);
        let chosen = Chosen { workflow, only, skip: &skip, always: true, applies: &applies };
        plan.add(&list.phases, "", &[], &chosen);
        if !plan.steps.iter().any(|step| step.action.is_guarded()) {
            plan.steps.retain(|step| !step.is_added);
        }
        plan.advance(run)?;
        if !run.host.files.is_live() {
            plan.leave_host_phases();
        }
        if only.is_none() && !plan.steps.is_sorted_by_key(|step| step.action.changes()) {
            let what = "a phase that only checks comes after one that makes changes".into();
            return Err(PipelineError::BadSpec { workflow: plan.workflow, what }.into());
        }
        plan.check_needs(workflow, run)?;
        Ok(plan)
    }

    fn add(&mut self, phases: &[PhaseSpec], above: &str, needs: &[String], chosen: &Chosen<'_, W>) {
        for phase in phases {
            let path = join(above, &phase.name);
            let is_included = chosen.includes(&path, phase.also.as_deref());
            let is_added = !is_included && phase.always && chosen.always;
            if !(is_included || is_added) || !(chosen.applies)(phase, None) {
                continue;
            }
            let needs: Vec<String> = needs.iter().chain(&phase.needs).cloned().collect();
            self.add(&phase.phases, &path, &needs, chosen);
            let Some(action) = phase.action.as_deref().and_then(|name| chosen.workflow.registry.action(name)) else {
                continue;
            };
            let mut add = |target: Target| {
                self.steps.push(Step { target, action, needs: needs.clone(), after: phase.after.clone(), is_added });
            };
            if phase.each.is_none() {
                add(Target { path, item: None });
                continue;
            }
            for item in &phase.items {
                let path = join(&path, item.name);
                if chosen.includes(&path, None) && (chosen.applies)(phase, Some(item.name)) {
                    add(Target { path, item: Some(item.name) });
                }
            }
        }
    }

    /// Moves steps with `after`, and the steps they follow, in front of all other steps that make changes.
    /// If a result of a step that they would overtake exists, the order stays: that result may be invalid, and the run
    /// must then fail before they change anything.
    fn advance(&mut self, run: &mut Run<W>) -> Result<()> {
        let wanted: Vec<(String, Vec<String>)> = self
            .steps
            .iter()
            .filter(|s| !s.after.is_empty())
            .map(|s| (s.target.path.clone(), s.after.clone()))
            .collect();
        for (path, after) in wanted {
            let is_before = |step: &Step<W>| after.iter().any(|before| is_within(&step.target.path, before));
            let Some(place) = self.steps.iter().position(|step| step.target.path == path) else { continue };
            let mut is_free = true;
            for step in self.steps[..place].iter().filter(|step| step.action.changes() && !is_before(step)) {
                is_free &= !step.action.done(run, &step.target)?;
            }
            if is_free {
                // 0: read-only; 1: the steps it follows; 2: the step; 3: the rest. The order within each stays.
                self.steps.sort_by_key(|step| match step {
                    step if !step.action.changes() => 0,
                    step if is_before(step) => 1,
                    step if step.target.path == path => 2,
                    _ => 3,
                });
            }
        }
        Ok(())
    }

    fn leave_host_phases(&mut self) {
        let (left, kept) =
            std::mem::take(&mut self.steps).into_iter().partition(|s: &Step<W>| s.action.needs_running_host());
        self.steps = kept;
        self.left_for_host = left.into_iter().map(|step| step.target.path).collect();
    }

    /// A need is met by a step of this run or by a result that exists on the host.
    fn check_needs(&self, workflow: &Workflow<W>, run: &mut Run<W>) -> Result<()> {
        for step in &self.steps {
            for need in &step.needs {
                if self.steps.iter().any(|s| is_within(&s.target.path, need)) {
                    continue;
                }
                let chosen = Chosen { workflow, only: Some(need), skip: &[], always: false, applies: &|_, _| true };
                let mut needed = Self { workflow: self.workflow.clone(), steps: Vec::new(), left_for_host: Vec::new() };
                needed.add(&workflow.list.phases, "", &[], &chosen);
                for other in &needed.steps {
                    if !other.action.done(run, &other.target)? {
                        return Err(PipelineError::Unmet {
                            phase: step.target.path.clone(),
                            needs: need.clone(),
                            workflow: self.workflow.clone(),
                        }
                        .into());
                    }
                }
            }
        }
        Ok(())
    }
}

struct Chosen<'a, W: 'static> {
    workflow: &'a Workflow<W>,
    only: Option<&'a str>,
    skip: &'a [String],
    /// Adds the phases with `always`.
    always: bool,
    applies: &'a dyn Fn(&PhaseSpec, Option<&str>) -> bool,
}

impl<W> Chosen<'_, W> {
    /// True for a selected path, for paths below it, and for its parent groups. Skipping a group does not skip phases
    /// that are in it only under a second path.
    fn includes(&self, path: &str, also: Option<&str>) -> bool {
        let is_chosen =
            |only| is_within(path, only) || is_within(only, path) || also.is_some_and(|also| is_within(also, only));
        self.only.is_none_or(is_chosen)
            && !self.skip.iter().any(|skipped| is_within(path, skipped) || also == Some(skipped))
    }
}

/// True for the path itself and for paths below it.
fn is_within(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
