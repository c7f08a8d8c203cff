//! The container runtime of this host: which one it is, and image pulls in the background.
//!
//! Reads: the runtime's sockets. Writes: images, through the gate.

use super::Context;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::host::Host;
use crate::host::cri::{self, Cri, Endpoint, Policy, Pulls};

/// The phase that the pulls are recorded under, whichever phase runs meanwhile.
const PULL_PHASE: &str = "preflight";
/// The name with which --ignore-preflight-errors ignores failed pulls.
const PULL_CHECK: &str = "ImagePull";

/// The thread that pulls the images ended without a result.
#[derive(Debug, thiserror::Error)]
#[error("the pull of the images ended with an internal error, so some of them may be missing")]
struct PullsCrashed;

impl Fault for PullsCrashed {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Internal
    }
    fn hint(&self) -> Option<String> {
        Some("run 'kubewright config images pull', then the same command again".into())
    }
}

impl Context {
    /// The container runtime that responds.
    pub fn runtime(&self) -> Result<Cri> {
        let chosen = self.node()?.cri_socket.as_deref();
        if let (Some(chosen), Ok(facts)) = (chosen.filter(|socket| !socket.is_empty()), self.facts()) {
            Endpoint::parse(chosen)?.require_usable(facts.minor)?;
        }
        Ok(cri::find(&self.host, chosen)?)
    }

    /// The container runtime's socket, in the form of the minor version: the configured one; on a running host the one
    /// that responds; in a root directory the default of the minor version.
    pub fn cri_socket(&self) -> Result<String> {
        if let Some(given) = &self.node()?.cri_socket {
            return Ok(given.clone());
        }
        let facts = self.facts()?;
        if !self.host.files.is_live() {
            return Ok(facts.default_cri_socket.to_owned());
        }
        if let Some(found) = self.socket.get() {
            return Ok(found.clone());
        }
        let found = cri::find(&self.host, None)?.endpoint().written(facts.cri_socket_scheme);
        Ok(self.socket.get_or_init(|| found).clone())
    }

    /// Uses the socket of a service that this dry run would have started.
    pub fn expect_runtime(&self, service: &str) -> Result<()> {
        if let Some(endpoint) = Endpoint::of_service(service) {
            let _ = self.socket.set(endpoint.written(self.facts()?.cri_socket_scheme));
        }
        Ok(())
    }

    /// Starts to pull the images that are missing; [`Context::finish_pulls`] waits for them.
    pub fn start_pulls(&mut self, images: Vec<String>) -> Result<()> {
        let node = self.node()?;
        let policy = Policy::find(&node.image_pull_policy).unwrap_or(Policy::IfNotPresent);
        let pulls = Pulls { policy, serial: node.image_pull_serial, limit: Pulls::LIMIT };
        let host = Host::new(
            &self.vars,
            self.host.clock.clone(),
            self.host.files.clone(),
            self.host.gate.of_phase(PULL_PHASE),
        );
        let cri = cri::find(&host, node.cri_socket.as_deref())?;
        if pulls.missing(&cri, &images)?.is_empty() {
            return Ok(());
        }
        let events = self.events.of_phase(PULL_PHASE);
        self.pulling = Some(std::thread::spawn(move || pulls.run(&cri, &images, &events)));
        Ok(())
    }

    /// Waits for the images. Missing ones are a warning if the user ignores that check.
    pub fn finish_pulls(&mut self) -> Result<()> {
        let Some(pulling) = self.pulling.take() else { return Ok(()) };
        let errors = match pulling.join() {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(errors)) => errors,
            Err(_) => return Err(PullsCrashed.into()),
        };
        let list = &self.node()?.ignore_preflight_errors;
        if list.iter().any(|id| id.eq_ignore_ascii_case(PULL_CHECK) || id.eq_ignore_ascii_case("all")) {
            self.events.of_phase(PULL_PHASE).warning(errors.to_string());
            return Ok(());
        }
        Err(errors.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The command continued without images, and failed minutes later elsewhere.
    #[test]
    fn a_crashed_pull_is_an_error() {
        let mut cx = Context::for_tests("/");
        cx.pulling = Some(std::thread::spawn(|| std::panic::resume_unwind(Box::new("crashed"))));
        assert_eq!(cx.finish_pulls().unwrap_err().exit_code(), ExitCode::Internal);
        cx.pulling = Some(std::thread::spawn(|| Ok(1)));
        cx.finish_pulls().unwrap();
    }
}
