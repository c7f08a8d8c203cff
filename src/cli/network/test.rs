//! `network test`.
//!
//! Reads and writes: what `kube::network_test` does.

use super::super::args::network::TestArgs;
use super::super::session::Session;
use super::super::status;
use super::outcome::Outcome;
use super::text;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::interrupt::Interrupt;
use crate::kube::Cluster;
use crate::kube::network_test::{self, Options};
use crate::state::quorum;
use std::time::Duration;

const INTERRUPTED: &str =
    "interrupted: removing what the test created; press Ctrl-C again to leave that to the next test\n";

pub fn run(args: &TestArgs, session: &mut Session) -> Result<ExitCode> {
    let kubeconfig = session.kubeconfig(args.kubeconfig.as_deref());
    let mut cx = session.context(false);
    quorum::require_for(&cx, &kubeconfig)?;
    let cluster = cx.running_cluster(&kubeconfig)?;
    let events = session.events.clone();
    let interrupt = Interrupt::listen(move || events.error(INTERRUPTED));
    run_on(&cluster, args, &|| interrupt.is_noted(), session)
}

pub fn run_on(cluster: &Cluster, args: &TestArgs, stop: &dyn Fn() -> bool, session: &mut Session) -> Result<ExitCode> {
    let options = Options {
        nodes: args.nodes.clone(),
        binary: args.binary.clone(),
        limit: Duration::from_secs(args.timeout),
        suffix: network_test::suffix(&session.env.random)?,
        stop,
    };
    let start = session.env.clock.monotonic();
    let tested = network_test::run(cluster, &options, &session.env.clock, &session.events)?;
    let took = session.env.clock.monotonic().saturating_sub(start);
    let outcome = Outcome::of(tested, took);
    let text = text::text(&outcome, status::width(session), session.paint());
    let code = outcome.code();
    session.print(&outcome, &text)?;
    Ok(code)
}
