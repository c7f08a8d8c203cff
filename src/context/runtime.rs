//! The container runtime of this host: which one, and the images that it pulls while other work goes on.
//!
//! Reads: the runtime's sockets. Writes: images, through the gate.

use super::Context;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::host::Host;
use crate::host::cri::{self, Cri, Endpoint, Policy, Pulls};

/// The phase to which the pulls belong, whatever runs while they go on.
const PULL_PHASE: &str = "preflight";
/// The check by whose name failed pulls can be ignored.
const PULL_CHECK: &str = "ImagePull";

/// What pulls the images has ended without saying whether they are there.
#[derive(Debug, thiserror::Error)]
#[error("the pull of the images ended by an internal error, so some of them may be missing")]
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
    /// The container runtime that answers.
    ///
    /// # Errors
    /// When the one that was chosen does not answer, or none does, or several do.
    pub fn runtime(&self) -> Result<Cri> {
        Ok(cri::find(&self.host, self.node()?.cri_socket.as_deref())?)
    }

    /// The container runtime's socket, as the minor writes it: the one that was given; on a running host the one
    /// that answers; for a folder of files the minor's default.
    ///
    /// # Errors
    /// When no runtime answers, or several do.
    pub fn cri_socket(&self) -> Result<String> {
        if let Some(given) = &self.node()?.cri_socket {
            return Ok(given.clone());
        }
        let facts = self.facts()?;
        if !self.files.is_live() {
            return Ok(facts.default_cri_socket.to_owned());
        }
        if let Some(found) = self.socket.get() {
            return Ok(found.clone());
        }
        let found = cri::find(&self.host, None)?.endpoint().written(facts.cri_socket_scheme);
        Ok(self.socket.get_or_init(|| found).clone())
    }

    /// Takes the socket of a service that would run by now, had this run really changed the host.
    ///
    /// # Errors
    /// When the command has no cluster configuration.
    pub fn expect_runtime(&self, service: &str) -> Result<()> {
        if let Some(endpoint) = Endpoint::of_service(service) {
            let _ = self.socket.set(endpoint.written(self.facts()?.cri_socket_scheme));
        }
        Ok(())
    }

    /// Starts to pull the images that are missing; [`Context::finish_pulls`] waits for them.
    ///
    /// # Errors
    /// When no runtime answers.
    pub fn start_pulls(&mut self, images: Vec<String>) -> Result<()> {
        let node = self.node()?;
        let policy = Policy::find(&node.image_pull_policy).unwrap_or(Policy::IfNotPresent);
        let pulls = Pulls { policy, serial: node.image_pull_serial, limit: Pulls::LIMIT };
        let host = Host::new(&self.vars, self.clock.clone(), self.files.clone(), self.gate.of_phase(PULL_PHASE));
        let cri = cri::find(&host, node.cri_socket.as_deref())?;
        if pulls.missing(&cri, &images)?.is_empty() {
            return Ok(());
        }
        let events = self.events.of_phase(PULL_PHASE);
        self.pulling = Some(std::thread::spawn(move || pulls.run(&cri, &images, &events)));
        Ok(())
    }

    /// Waits for the images. Where the user chose to ignore that some are missing, that is a warning.
    ///
    /// # Errors
    /// When images could not be pulled.
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

    /// The command went on without images, and failed minutes later elsewhere.
    #[test]
    fn a_pull_that_crashed_is_not_taken_for_one_that_is_done() {
        let mut cx = Context::for_tests("/");
        cx.pulling = Some(std::thread::spawn(|| std::panic::resume_unwind(Box::new("crashed"))));
        assert_eq!(cx.finish_pulls().unwrap_err().exit_code(), ExitCode::Internal);
        cx.pulling = Some(std::thread::spawn(|| Ok(1)));
        cx.finish_pulls().unwrap();
    }
}
