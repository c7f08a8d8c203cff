//! Connects to hosts and reports what was found: for `kubewright ssh check`, and as the first look of a run over many
//! hosts.

use super::connector::Connector;
use super::error::{SshError, SudoError};
use super::facts::Facts;
use super::privilege::{Privilege, Way};
use super::target::Target;
use crate::base::fault::Fault;
use crate::base::parallel;
use crate::base::secret::Secret;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A host that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// None if the system's `ssh` connected.
    pub established: Option<super::Established>,
    pub facts: Facts,
    /// The way to root, or why there is none.
    pub way: Result<Way, Refused>,
}

/// An error that is reported beside others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub message: String,
    pub hint: Option<String>,
    pub exit_code: crate::base::exit_code::ExitCode,
}

impl Refused {
    /// From any error of this layer.
    pub fn of(error: &SshError) -> Self {
        Self { message: error.to_string(), hint: error.hint(), exit_code: error.exit_code() }
    }
}

/// After so many hosts have refused a password it is wrong, or the user is about to be locked out.
const REFUSALS: usize = 3;

/// How hosts are checked.
pub struct Checking<'a> {
    connector: &'a Connector,
    password: &'a (dyn Fn() -> Option<Secret<String>> + Sync),
    at_once: usize,
    /// Hosts that refused the password.
    refusals: AtomicUsize,
}

impl<'a> Checking<'a> {
    /// `password` is that for `sudo`, and is asked for only if a host asks for one.
    pub fn new(
        connector: &'a Connector,
        password: &'a (dyn Fn() -> Option<Secret<String>> + Sync),
        at_once: usize,
    ) -> Self {
        Self { connector, password, at_once, refusals: AtomicUsize::new(0) }
    }

    /// Looks at all hosts at once, each with the way to root that it should have; the results are in the same order. Nothing
    /// on a host is changed.
    pub fn all(&self, hosts: &[(Target, Privilege)]) -> Vec<Result<Reached, SshError>> {
        parallel::for_each_of(hosts, self.at_once, |(target, privilege)| self.one(target, *privilege))
    }

    fn one(&self, target: &Target, privilege: Privilege) -> Result<Reached, SshError> {
        let mut host = self.connector.connect(target)?;
        let facts = host.facts()?;
        let mut password = || {
            let stop = self.refusals.load(Ordering::Relaxed) >= REFUSALS;
            if stop { None } else { (self.password)() }
        };
        let way = match host.become_root(privilege, &mut password) {
            Ok(way) => Ok(way),
            Err(error @ SshError::Sudo(_)) => {
                if matches!(error, SshError::Sudo(SudoError::WrongPassword { .. })) {
                    self.refusals.fetch_add(1, Ordering::Relaxed);
                }
                Err(Refused::of(&error))
            }
            Err(error) => return Err(error),
        };
        Ok(Reached { established: host.established().cloned(), facts, way })
    }
}
