//! Prints a plan.

use super::text;
use crate::base::fault::Result;
use crate::cli::session::Session;
use crate::fleet::plan::Plan;
use serde::Serialize;

/// The result of `plan` for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Planned<'a> {
    /// `apply` would change something.
    changes: bool,
    hash: String,
    #[serde(flatten)]
    plan: &'a Plan,
}

pub(super) fn show(plan: &Plan, session: &mut Session) -> Result<()> {
    let planned = Planned { changes: plan.changes(), hash: plan.hash(), plan };
    session.print(&planned, &text::plan(plan))
}
