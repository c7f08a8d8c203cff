//! From a list of phases and what the user chose to the steps of this run.

use super::action::{Action, Registry, Target};
use super::error::PipelineError;
use super::spec::{PhaseSpec, When, Workflow, join};
use crate::base::fault::Result;
use crate::base::nearest::nearest;
use crate::context::Context;

/// The steps of one run, in order.
pub struct Plan {
    /// The workflow's name.
    pub workflow: String,
    /// What will run.
    pub steps: Vec<Step>,
    /// Paths that need a running host and were left out because there is none.
    pub left_for_host: Vec<String>,
}

/// One action for one target.
pub struct Step {
    /// What it is run for.
    pub target: Target,
    /// What is run.
    pub action: &'static dyn Action,
    needs: Vec<String>,
}

/// What the user chose.
#[derive(Debug, Default)]
pub struct Choice {
    /// Only this phase (`certs`, `certs/all`, `certs/ca`); None for the whole workflow.
    pub only: Option<String>,
    /// Phases to leave out, groups included.
    pub skip: Vec<String>,
}

impl Plan {
    /// Chooses the steps: those selected, not skipped, and whose condition holds.
    ///
    /// # Errors
    /// When the choice names a phase that does not exist, or a step needs what is not there.
    pub fn new(workflow: &Workflow, registry: &Registry, choice: &Choice, cx: &mut Context) -> Result<Self> {
        let paths = workflow.paths(registry);
        let exists = |path: &str| {
            if paths.iter().any(|p| p == path) {
                return Ok(());
            }
            Err(PipelineError::NoSuchPhase {
                workflow: workflow.workflow.clone(),
                path: path.into(),
                nearest: nearest(path, paths.iter().map(String::as_str)).map(str::to_owned),
            })
        };
        let only = choice.only.as_deref().map(|path| path.strip_suffix("/all").unwrap_or(path));
        only.map_or(Ok(()), exists)?;
        choice.skip.iter().try_for_each(|path| exists(path))?;

        let mut plan = Self { workflow: workflow.workflow.clone(), steps: Vec::new(), left_for_host: Vec::new() };
        let chosen = Chosen { registry, only, skip: &choice.skip, holds: &|when| (registry.holds)(when, cx) };
        plan.add(&workflow.phases, "", &[], &chosen);
        if !cx.files.is_live() {
            plan.leave_host_phases();
        }
        // Looking and checking come before the first change.
        debug_assert!(plan.steps.is_sorted_by_key(|step| step.action.changes()) || only.is_some());
        plan.check_needs(workflow, registry, cx)?;
        Ok(plan)
    }

    fn add(&mut self, phases: &[PhaseSpec], above: &str, needs: &[String], chosen: &Chosen<'_>) {
        for phase in phases {
            let path = join(above, &phase.name);
            if !chosen.includes(&path) || !(chosen.holds)(phase.when) {
                continue;
            }
            let needs: Vec<String> = needs.iter().chain(&phase.needs).cloned().collect();
            self.add(&phase.phases, &path, &needs, chosen);
            let Some(action) = phase.action.as_deref().and_then(chosen.registry.action) else { continue };
            let mut add = |target: Target| self.steps.push(Step { target, action, needs: needs.clone() });
            match phase.each {
                None => add(Target { path, item: None }),
                Some(each) => {
                    for item in (chosen.registry.items)(each) {
                        let path = join(&path, item.name);
                        if chosen.includes(&path) {
                            add(Target { path, item: Some(item.name) });
                        }
                    }
                }
            }
        }
    }

    fn leave_host_phases(&mut self) {
        let (left, kept) =
            std::mem::take(&mut self.steps).into_iter().partition(|s: &Step| s.action.needs_running_host());
        self.steps = kept;
        self.left_for_host = left.into_iter().map(|step| step.target.path).collect();
    }

    /// A need is met by a step of this run or by what is on the host already.
    fn check_needs(&self, workflow: &Workflow, registry: &Registry, cx: &mut Context) -> Result<()> {
        for step in &self.steps {
            for need in &step.needs {
                let below = format!("{need}/");
                let in_run = self.steps.iter().any(|s| s.target.path == *need || s.target.path.starts_with(&below));
                if in_run {
                    continue;
                }
                let chosen = Chosen { registry, only: Some(need), skip: &[], holds: &|_| true };
                let mut needed =
                    Self { workflow: workflow.workflow.clone(), steps: Vec::new(), left_for_host: Vec::new() };
                needed.add(&workflow.phases, "", &[], &chosen);
                for other in &needed.steps {
                    if !other.action.done(cx, &other.target)? {
                        return Err(PipelineError::Unmet {
                            phase: step.target.path.clone(),
                            needs: need.clone(),
                            workflow: workflow.workflow.clone(),
                        }
                        .into());
                    }
                }
            }
        }
        Ok(())
    }
}

struct Chosen<'a> {
    registry: &'a Registry,
    only: Option<&'a str>,
    skip: &'a [String],
    holds: &'a dyn Fn(When) -> bool,
}

impl Chosen<'_> {
    /// True for what is chosen, for what lies below it, and for the groups on the way to it.
    fn includes(&self, path: &str) -> bool {
        let within = |inner: &str, outer: &str| inner == outer || inner.starts_with(&format!("{outer}/"));
        self.only.is_none_or(|only| within(path, only) || within(only, path))
            && !self.skip.iter().any(|skipped| within(path, skipped))
    }
}

#[cfg(test)]
mod tests;
