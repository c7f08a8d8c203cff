//! A plan in a file.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::Content;
use crate::cli::session::Session;
use crate::fleet::error::FleetError;
use crate::fleet::plan::Plan;
use serde::{Deserialize, Serialize};
use std::path::Path;

const KIND: &str = "kubewright.io/v1alpha1 Plan";

#[derive(Serialize, Deserialize)]
struct Saved {
    kind: String,
    plan: Plan,
}

/// A plan cannot be written as JSON: a bug in this build.
#[derive(Debug, thiserror::Error)]
#[error("the plan cannot be written")]
struct Unwritable(#[source] serde_json::Error);

impl Fault for Unwritable {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Internal
    }
}

/// Writes the plan, which has no secrets.
pub(super) fn write(path: &Path, plan: &Plan, session: &Session) -> Result<()> {
    let saved = Saved { kind: KIND.into(), plan: plan.clone() };
    let text = serde_json::to_string_pretty(&saved).map_err(Unwritable)? + "\n";
    super::kubeconfig::own_files().write(&session.env.cwd.join(path), &Content::public(text), 0o644)?;
    Ok(())
}

pub(super) fn read(path: &Path, session: &mut Session) -> Result<Plan> {
    let (name, bytes) = session.read_input(path)?;
    match serde_json::from_slice::<Saved>(&bytes) {
        Ok(saved) if saved.kind == KIND => Ok(saved.plan),
        _ => Err(FleetError::NotAPlan(name).into()),
    }
}
