//! Connects to hosts and reports what was found: for `kubewright ssh check`, and as the first look of a run over many
//! hosts.

use super::connector::Connector;
use super::error::SshError;
use super::facts::Facts;
use super::privilege::{Privilege, Way};
use super::target::Target;
use crate::base::fault::Fault;
use crate::base::parallel;
use crate::base::secret::Secret;

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

/// How hosts are checked.
pub struct Checking<'a> {
    pub connector: &'a Connector,
    pub privilege: Privilege,
    /// The password for `sudo`; asked only if a host asks for one.
    pub password: &'a (dyn Fn() -> Option<Secret<String>> + Sync),
    pub at_once: usize,
}

impl Checking<'_> {
    /// Looks at all hosts at once; the results are in the order of the targets. Nothing on a host is changed.
    pub fn all(&self, targets: &[Target]) -> Vec<Result<Reached, SshError>> {
        parallel::for_each_of(targets, self.at_once, |target| self.one(target))
    }

    fn one(&self, target: &Target) -> Result<Reached, SshError> {
        let mut host = self.connector.connect(target)?;
        let facts = host.facts()?;
        let way = match host.become_root(self.privilege, &mut || (self.password)()) {
            Ok(way) => Ok(way),
            Err(error @ SshError::Sudo(_)) => Err(Refused::of(&error)),
            Err(error) => return Err(error),
        };
        Ok(Reached { established: host.established().cloned(), facts, way })
    }
}
