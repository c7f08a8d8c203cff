//! The shared state of the fixes: the host, the journal, the completed fixes, and the services to restart.
//!
//! If a service does not start with a changed file, or the change has no effect, the old file is restored, and the service
//! is restarted with it.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Fault, Result};
use crate::base::files::Content;
use crate::base::masked::Format;
use crate::checks::finding::Repair;
use crate::host::service::Services;
use crate::host::{Host, HostError};
use crate::journal::{HostChange, Inverse, Journal};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A completed fix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fixed {
    /// The check of the finding.
    pub id: String,
    /// The change.
    pub what: String,
}

/// A fix that failed.
#[derive(Debug)]
pub struct FailedFix {
    /// The check.
    pub id: String,
    /// The fix; None if a service did not start with its changed configuration.
    pub repair: Option<Repair>,
    /// The reason.
    pub why: Failure,
}

pub(super) struct Bench<'a> {
    /// The host.
    pub host: &'a Host,
    journal: &'a mut Journal,
    check: String,
    fixed: Vec<Fixed>,
    restarts: Vec<Restart>,
}

/// Looks whether a service that was restarted has the wanted setting; otherwise what it still has.
pub(super) type Proof = Box<dyn Fn(&Host) -> Result<(), String>>;

/// A service that must reload its configuration.
struct Restart {
    service: &'static str,
    /// The first check that needs it.
    check: String,
    writes: Vec<FormerFile>,
    proofs: Vec<Proof>,
    /// The fixes that are complete once the service runs with it.
    fixed: Vec<Fixed>,
}

/// A file before a fix changed it.
struct FormerFile {
    path: PathBuf,
    text: Option<String>,
    format: Format,
    mode: u32,
    inverse: Inverse,
}

/// A service cannot use its changed configuration. `trouble` is the reason.
#[derive(Debug, thiserror::Error)]
enum RestartError {
    /// The rollback succeeded.
    #[error("{trouble}, so the old content was restored and {service} was restarted")]
    RolledBack {
        service: &'static str,
        trouble: String,
        #[source]
        why: Option<HostError>,
    },
    /// The service does not start after the rollback either.
    #[error("{trouble}; the old content was restored, but it does not start with that either: {again}")]
    StaysDown {
        service: &'static str,
        trouble: String,
        again: String,
        #[source]
        why: Option<HostError>,
    },
    /// The rollback failed.
    #[error("{trouble}, and the old content could not be restored: {again}")]
    NotPutBack {
        trouble: String,
        again: String,
        #[source]
        why: Option<HostError>,
    },
}

impl Fault for RestartError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Host
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::RolledBack { why: None, .. } => {
                "change the file that holds this value by hand, then run the checks again".into()
            }
            Self::RolledBack { service, .. } | Self::StaysDown { service, .. } => {
                format!("run 'journalctl -u {service} -n 50' to see why")
            }
            Self::NotPutBack { .. } => "run 'kubewright preflight --undo-fix', which restores it".into(),
        })
    }
}

impl<'a> Bench<'a> {
    /// Without any fix yet.
    pub fn new(host: &'a Host, journal: &'a mut Journal) -> Self {
        Self { host, journal, check: String::new(), fixed: Vec::new(), restarts: Vec::new() }
    }

    /// Sets the check of the next fix.
    pub fn enter(&mut self, check: &str) {
        check.clone_into(&mut self.check);
    }

    /// The completed fixes, in order.
    pub fn into_fixed(self) -> Vec<Fixed> {
        self.fixed
    }

    /// Writes a file of the host, and records its former content in the journal.
    pub fn write(&mut self, path: &Path, text: &str, what: &str) -> Result<()> {
        if self.write_file((path, text, Format::Words), what, None)?.is_some() {
            self.did(what.to_owned());
        }
        Ok(())
    }

    /// Writes a file that `service` reads only at its start, and restarts the service after all fixes; also if
    /// the file was up to date, because a service that does not behave accordingly has not loaded it yet. After the
    /// restart the setting must be in effect.
    pub fn write_and_restart(
        &mut self,
        (path, text): (&Path, &str),
        what: &str,
        service: &'static str,
        proof: Proof,
    ) -> Result<()> {
        let former = self.write_file((path, text, Format::of(path, text)), what, Some(service))?;
        let place = self.restarts.iter().position(|known| known.service == service).unwrap_or_else(|| {
            let check = self.check.clone();
            self.restarts.push(Restart { service, check, writes: Vec::new(), proofs: Vec::new(), fixed: Vec::new() });
            self.restarts.len() - 1
        });
        if let Some(restart) = self.restarts.get_mut(place) {
            restart.proofs.push(proof);
            if let Some(former) = former {
                restart.writes.push(former);
                restart.fixed.push(Fixed { id: self.check.clone(), what: what.to_owned() });
            }
        }
        Ok(())
    }

    /// None if the file already has this content.
    fn write_file(
        &mut self,
        (path, text, format): (&Path, &str, Format),
        what: &str,
        restart: Option<&str>,
    ) -> Result<Option<FormerFile>> {
        let files = &self.host.files;
        let before = files.read_text(path)?;
        if before.as_deref() == Some(text) {
            return Ok(None);
        }
        let mode = files.mode(path).unwrap_or(0o644);
        let inverse = Inverse::RestoreFile {
            path: path.to_path_buf(),
            before: before.clone(),
            mode,
            written: crate::journal::sha256(text.as_bytes()),
            restart: restart.map(str::to_owned),
        };
        self.journal.add_missing_directories(files, path);
        self.note(what, inverse.clone())?;
        files.write(path, &Content::masked(text, format), mode)?;
        Ok(Some(FormerFile { path: path.to_path_buf(), text: before, format, mode, inverse }))
    }

    /// Makes a change, and reports it.
    pub fn change(&mut self, what: String, inverse: Inverse, act: impl FnOnce(&Host) -> Result<()>) -> Result<()> {
        self.note(&what, inverse)?;
        act(self.host)?;
        self.did(what);
        Ok(())
    }

    /// The inverse is recorded first: a killed run can still be undone, because undoing checks whether the change was
    /// made.
    fn note(&mut self, what: &str, inverse: Inverse) -> Result<()> {
        let at = self.host.clock.now();
        self.journal.add_change(HostChange { what: what.to_owned(), check: self.check.clone(), at, inverse });
        self.journal.keep(self.host)
    }

    /// Reports the completed fixes.
    pub fn did(&mut self, what: String) {
        self.fixed.push(Fixed { id: self.check.clone(), what });
    }

    /// Restarts every service with a changed configuration.
    pub fn restart_services(&mut self) -> Vec<FailedFix> {
        let restarts = std::mem::take(&mut self.restarts);
        let mut failed = Vec::new();
        for Restart { service, check, writes, proofs, fixed } in restarts {
            let mut names: Vec<String> = writes.iter().map(|former| former.path.display().to_string()).collect();
            names.dedup();
            let files = names.join(", ");
            let outcome =
                match Services::of(self.host).restart(service) {
                    Ok(()) => self.host.gate.effect(|| proofs.iter().try_for_each(|proof| proof(self.host))).map_err(
                        |still| (format!("{service} was restarted with the changed {files}, but {still}"), None),
                    ),
                    Err(error) => Err((format!("{service} did not start with the changed {files}"), Some(error))),
                };
            match outcome {
                Ok(_) => {
                    self.fixed.extend(fixed);
                    self.fixed.push(Fixed { id: check, what: format!("restarted {service}") });
                }
                // Nothing was written, so there is nothing to restore; the checks that follow find what is still wrong.
                Err((_, None)) if writes.is_empty() => {
                    self.fixed.push(Fixed { id: check, what: format!("restarted {service}") });
                }
                Err((_, Some(error))) if writes.is_empty() => {
                    failed.push(FailedFix { id: check, repair: None::<Repair>, why: error.into() });
                }
                Err((trouble, why)) => {
                    let why = self.roll_back(service, &writes, trouble, why).into();
                    failed.push(FailedFix { id: check, repair: None, why });
                }
            }
        }
        failed
    }

    fn roll_back(
        &mut self,
        service: &'static str,
        writes: &[FormerFile],
        trouble: String,
        why: Option<HostError>,
    ) -> RestartError {
        if let Err(error) = writes.iter().rev().try_for_each(|former| self.put_back(former)) {
            return RestartError::NotPutBack { trouble, again: error.to_string(), why };
        }
        match Services::of(self.host).restart(service) {
            Ok(()) => RestartError::RolledBack { service, trouble, why },
            Err(error) => RestartError::StaysDown { service, trouble, again: error.to_string(), why },
        }
    }

    fn put_back(&mut self, former: &FormerFile) -> Result<()> {
        let files = &self.host.files;
        if let Some(text) = &former.text {
            files.write(&former.path, &Content::masked(text, former.format), former.mode)?;
        } else {
            files.remove(&former.path)?;
            self.journal.remove_empty_directories(self.host, &former.path)?;
        }
        self.journal.forget_change(&former.inverse);
        self.journal.keep(self.host)
    }
}
