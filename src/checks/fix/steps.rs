//! One step for each finding that can be mended.

use super::{containerd, hosts, kernel};
use crate::base::fault::Result;
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

/// Mends every finding that can be mended; warnings too. The checks should be made again afterwards.
///
/// # Errors
/// When a step fails. What was done before it is in the journal and can be undone.
pub fn apply(host: &Host, journal: &mut Journal, report: &Report) -> Result<Vec<Fixed>> {
    let mut bench = Bench { host, journal, check: String::new(), fixed: Vec::new() };
    let mut done: Vec<&Repair> = Vec::new();
    for finding in &report.findings {
        let Some(repair) = finding.repair.as_ref().filter(|repair| !done.contains(repair)) else { continue };
        bench.check.clone_from(&finding.id);
        mend(&mut bench, repair)?;
        done.push(repair);
    }
    Ok(bench.fixed)
}

fn mend(bench: &mut Bench<'_>, repair: &Repair) -> Result<()> {
    match repair {
        Repair::CgroupDriver { driver } => containerd::set_cgroup_driver(bench, driver),
        Repair::EnableService { service } => {
            Services::of(bench.host).enable(service)?;
            let inverse = Inverse::DisableService { service: service.clone() };
            bench.done(format!("{service} starts at boot"), Some(inverse))
        }
        Repair::HostsEntry { name, ip } => hosts::add(bench, name, *ip),
        Repair::Modules { modules } => kernel::load_modules(bench, modules),
        Repair::SandboxImage { image } => containerd::set_sandbox_image(bench, image),
        Repair::StartService { service } => {
            Services::of(bench.host).start(service)?;
            // A runtime that was found stopped is not stopped again: others may use it by now.
            bench.done(format!("started {service}"), None)
        }
        Repair::Swap => turn_swap_off(bench),
        Repair::SwitchCriOn => containerd::switch_on(bench),
        Repair::Sysctl { key, value } => kernel::set_parameter(bench, key, value),
    }
}

fn turn_swap_off(bench: &mut Bench<'_>) -> Result<()> {
    for area in swap::active(bench.host)? {
        swap::turn_off(bench.host, &area)?;
        let what = format!("turned swap on {} off", area.path.display());
        bench.done(what, Some(Inverse::SwapOn { path: area.path }))?;
    }
    let path = Path::new("/etc/fstab");
    let Some(before) = bench.host.files().read_text(path)? else { return Ok(()) };
    if fstab::swap_lines(&before).is_empty() {
        return Ok(());
    }
    bench.write(path, &fstab::without_swap(&before), "swap stays off at boot", None)?;
    Ok(())
}

/// What the steps work with: the host, the journal, and what was done so far.
pub(super) struct Bench<'a> {
    /// The host.
    pub host: &'a Host,
    journal: &'a mut Journal,
    check: String,
    fixed: Vec<Fixed>,
}

impl Bench<'_> {
    /// Writes a file of the host, keeping its former content in the journal. `restart` names the
    /// service that must read it again, on undoing too. False: it was right already.
    pub fn write(&mut self, path: &Path, text: &str, what: &str, restart: Option<&str>) -> Result<bool> {
        let files = self.host.files();
        let before = files.read_text(path)?;
        if before.as_deref() == Some(text) {
            return Ok(false);
        }
        let mode = files.mode(path).unwrap_or(0o644);
        let inverse = Inverse::RestoreFile {
            path: path.to_path_buf(),
            before,
            mode,
            written: crate::journal::sha256(text.as_bytes()),
            restart: restart.map(str::to_owned),
        };
        // First the journal: a run that is killed in between can still be undone, because undoing
        // leaves a file alone that is not what the fix wrote.
        self.done(what.to_owned(), Some(inverse))?;
        files.write(path, &content(text), mode)?;
        Ok(true)
    }

    /// Notes what was done, in the journal and for the user.
    pub fn done(&mut self, what: String, inverse: Option<Inverse>) -> Result<()> {
        if let Some(inverse) = inverse {
            let at = self.host.clock.now();
            self.journal.add_change(HostChange { what: what.clone(), check: self.check.clone(), at, inverse });
            self.journal.save(self.host.files())?;
        }
        self.fixed.push(Fixed { id: self.check.clone(), what });
        Ok(())
    }
}

/// A registry's credentials may stand in containerd's configuration; a plan does not show them.
fn content(text: &str) -> Content {
    const SECRETS: [&str; 4] = ["password", "auth", "identitytoken", "Authorization"];
    let mask = |line: &str| match line.split_once('=') {
        Some((key, value)) if SECRETS.contains(&key.trim().trim_matches('"')) && !value.trim().is_empty() => {
            format!("{key}= ***\n")
        }
        _ => format!("{line}\n"),
    };
    let shown: String = text.lines().map(mask).collect();
    if shown == text { Content::public(text) } else { Content::secret(text.as_bytes().to_vec(), shown) }
}

#[cfg(test)]
mod tests;
