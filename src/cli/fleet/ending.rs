//! How a run over many hosts is named and reported.

use super::{page, text};
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::cli::session::Session;
use crate::fleet::outcome::{self, HostResult};
use serde::Serialize;

/// The result of `apply` and `remove` for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Applied<'a> {
    /// Names the run on the hosts.
    pub id: &'a str,
    pub hosts: &'a [HostResult],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<&'a str>,
}

/// An id for the runs of this command.
pub(super) fn new_id(session: &Session) -> Result<String> {
    let random = session.env.random.text(6, b"abcdefghijklmnopqrstuvwxyz0123456789").map_err(NoRandom)?;
    Ok(format!("{}-{random}", session.env.clock.now()))
}

/// The kernel has no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the kernel gives no random bytes")]
struct NoRandom(#[source] std::io::Error);

impl Fault for NoRandom {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Host
    }
}

/// Prints the results; the exit code is that of the worst host.
pub(super) fn finish(
    id: &str,
    results: &[HostResult],
    context: Option<&str>,
    session: &mut Session,
) -> Result<ExitCode> {
    let mut shown = text::results(results, id);
    if let Some(context) = context {
        shown += &format!("kubectl's context is {context}.\n");
    }
    session.print(&Applied { id, hosts: results, context }, &shown)?;
    if let Some(page) = &session.page {
        page::ended(results, page, &session.events);
        page.closing(&text::done(results, id));
    }
    Ok(outcome::exit_code(results))
}
