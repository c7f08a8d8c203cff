//! Layer 6: what each phase means, one file each. The registry below joins the names that
//! `phases/*.yaml` use to the actions, tables and conditions.

mod conditions;

use crate::pipeline::{Each, Item, PipelineError, Registry, Workflow};

/// The actions, tables and conditions that phase lists may name.
pub fn registry() -> Registry {
    Registry { action: |_| None, items, holds: conditions::holds }
}

fn items(_: Each) -> Vec<Item> {
    Vec::new()
}

/// The phases of `init`.
///
/// # Errors
/// Never in a build that passed its tests, which load every list.
pub fn init_workflow() -> Result<Workflow, PipelineError> {
    Workflow::load(include_str!("../../phases/init.yaml"), &registry())
}
