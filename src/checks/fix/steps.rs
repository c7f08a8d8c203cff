//! One step for each finding that can be mended.

use super::{containerd, hosts, kernel};
use crate::base::fault::{Failure, Result};
use crate::base::files::Content;
use crate::checks::finding::{Repair, Report};
use crate::host::service::Services;
use crate::host::{Host, fstab, swap};
use crate::journal::{HostChange, Inverse, Journal};
use serde::Serialize;
use std::path::Path;

/// What was mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fixed {
    /// The check whose finding it was.
    pub id: String,
    /// What was done.
    pub what: String,
}

/// What mending came to.
#[derive(Debug, Default)]
pub struct Mended {
    /// What was done, in its order.
    pub fixed: Vec<Fixed>,
    /// What could not be done.
    pub failed: Vec<Unmended>,
}

/// A finding that could not be mended.
#[derive(Debug)]
pub struct Unmended {
    /// Its check.
    pub id: String,
    /// What was tried; None where that was done and a service did not start again with it.
    pub repair: Option<Repair>,
    /// Why it cannot be done.
    pub why: Failure,
}

/// Mends every finding that can be mended; warnings too. One that cannot be mended does not keep the others from it.
/// The checks should be made again afterwards. What was done is in the journal and can be undone.
pub fn apply(host: &Host, journal: &mut Journal, report: &Report) -> Mended {
    let mut bench = Bench { host, journal, check: String::new(), fixed: Vec::new(), restarts: Vec::new() };
    let mut failed = Vec::new();
    let mut tried: Vec<&Repair> = Vec::new();
    for finding in &report.findings {
        let Some(repair) = finding.repair.as_ref().filter(|repair| !tried.contains(repair)) else { continue };
        bench.check.clone_from(&finding.id);
        if let Err(why) = mend(&mut bench, repair) {
            failed.push(Unmended { id: finding.id.clone(), repair: Some(repair.clone()), why });
        }
        tried.push(repair);
    }
    for (check, service) in std::mem::take(&mut bench.restarts) {
        match Services::of(host).restart(service) {
            Ok(()) => bench.fixed.push(Fixed { id: check, what: format!("restarted {service}") }),
            Err(error) => failed.push(Unmended { id: check, repair: None, why: error.into() }),
        }
    }
    Mended { fixed: bench.fixed, failed }
}

fn mend(bench: &mut Bench<'_>, repair: &Repair) -> Result<()> {
    match repair {
        Repair::CgroupDriver { driver } => containerd::set_cgroup_driver(bench, driver),
        Repair::EnableService { service } => {
            let inverse = Inverse::DisableService { service: service.clone() };
            let what = format!("{service} starts at boot");
            bench.change(what, inverse, |host| Ok(Services::of(host).enable(service)?))
        }
        Repair::HostsEntry { name, ip } => hosts::add(bench, name, *ip),
        Repair::Modules { modules } => kernel::load_modules(bench, modules),
        Repair::SandboxImage { image } => containerd::set_sandbox_image(bench, image),
        Repair::StartService { service } => {
            Services::of(bench.host).start(service)?;
            // A runtime that was found stopped is not stopped again: others may use it by now.
            bench.did(format!("started {service}"));
            Ok(())
        }
        Repair::Swap => turn_swap_off(bench),
        Repair::SwitchCriOn => containerd::switch_on(bench),
        Repair::Sysctl { key, value } => kernel::set_parameter(bench, key, value),
    }
}

fn turn_swap_off(bench: &mut Bench<'_>) -> Result<()> {
    // First at boot: should turning it off now take too long, a reboot does it.
    let path = Path::new("/etc/fstab");
    if let Some(before) = bench.host.files().read_text(path)?
        && !fstab::swap_lines(&before).is_empty()
    {
        bench.write(path, &fstab::without_swap(&before), "swap stays off at boot")?;
    }
    for area in swap::active(bench.host)? {
        let what = format!("turned swap on {} off", area.path.display());
        let inverse = Inverse::SwapOn { path: area.path.clone() };
        bench.change(what, inverse, |host| Ok(swap::turn_off(host, &area)?))?;
    }
    Ok(())
}

/// What the steps work with: the host, the journal, and what was done so far.
pub(super) struct Bench<'a> {
    /// The host.
    pub host: &'a Host,
    journal: &'a mut Journal,
    check: String,
    fixed: Vec<Fixed>,
    /// Services that must read their configuration again, each with the first check that wants it.
    restarts: Vec<(String, &'static str)>,
}

impl Bench<'_> {
    /// Writes a file of the host, keeping its former content in the journal.
    pub fn write(&mut self, path: &Path, text: &str, what: &str) -> Result<()> {
        self.write_for(path, text, what, None)
    }

    /// Writes a file that `service` reads only when it starts, and has it start again once all is mended; also
    /// where the file was right already, because a service that does not do as it says has not read it yet.
    pub fn write_and_restart(&mut self, path: &Path, text: &str, what: &str, service: &'static str) -> Result<()> {
        self.write_for(path, text, what, Some(service))?;
        if !self.restarts.iter().any(|(_, known)| *known == service) {
            self.restarts.push((self.check.clone(), service));
        }
        Ok(())
    }

    fn write_for(&mut self, path: &Path, text: &str, what: &str, restart: Option<&str>) -> Result<()> {
        let files = self.host.files();
        let before = files.read_text(path)?;
        if before.as_deref() == Some(text) {
            return Ok(());
        }
        let mode = files.mode(path).unwrap_or(0o644);
        let inverse = Inverse::RestoreFile {
            path: path.to_path_buf(),
            before,
            mode,
            written: crate::journal::sha256(text.as_bytes()),
            restart: restart.map(str::to_owned),
        };
        self.change(what.to_owned(), inverse, |host| {
            host.files().write(path, &Content::masked(text), mode)?;
            Ok(())
        })
    }

    /// Makes a change. First it is noted how it is undone: a run that is killed in between can still be undone,
    /// because undoing looks whether the change was made.
    pub fn change(&mut self, what: String, inverse: Inverse, act: impl FnOnce(&Host) -> Result<()>) -> Result<()> {
        let at = self.host.clock.now();
        self.journal.add_change(HostChange { what: what.clone(), check: self.check.clone(), at, inverse });
        self.journal.keep(self.host)?;
        act(self.host)?;
        self.did(what);
        Ok(())
    }

    /// Tells the user what was done.
    pub fn did(&mut self, what: String) {
        self.fixed.push(Fixed { id: self.check.clone(), what });
    }
}

#[cfg(test)]
mod tests;
