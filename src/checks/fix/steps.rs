//! One step for each finding that can be fixed.

use super::bench::{Bench, FailedFix, Fixed};
use super::{containerd, docker, hosts, kernel};
use crate::base::fault::Result;
use crate::checks::finding::{Repair, Report};
use crate::host::service::Services;
use crate::host::{Host, fstab, swap, swap_units};
use crate::journal::{Inverse, Journal};
use std::path::Path;

/// The result of the steps.
#[derive(Debug, Default)]
pub struct Fixes {
    /// The completed fixes, in order.
    pub fixed: Vec<Fixed>,
    /// The failed fixes.
    pub failed: Vec<FailedFix>,
}

/// Fixes every finding that can be fixed, including warnings. A failed fix does not prevent the others. The checks
/// should be run again afterwards. The changes are in the journal and can be undone.
pub fn apply(host: &Host, journal: &mut Journal, report: &Report) -> Fixes {
    let mut bench = Bench::new(host, journal);
    let mut failed = Vec::new();
    let mut tried: Vec<&Repair> = Vec::new();
    for finding in &report.findings {
        let Some(repair) = finding.repair.as_ref().filter(|repair| !tried.contains(repair)) else { continue };
        bench.enter(&finding.id);
        if let Err(why) = fix(&mut bench, repair) {
            failed.push(FailedFix { id: finding.id.clone(), repair: Some(repair.clone()), why });
        }
        tried.push(repair);
    }
    failed.extend(bench.restart_services());
    Fixes { fixed: bench.into_fixed(), failed }
}

fn fix(bench: &mut Bench<'_>, repair: &Repair) -> Result<()> {
    match repair {
        Repair::CgroupDriver { driver } => containerd::set_cgroup_driver(bench, driver),
        Repair::DockerCgroupDriver { driver } => docker::set_cgroup_driver(bench, driver),
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
            // A runtime that was started is not stopped by undoing: it may be in use by then.
            bench.did(format!("started {service}"));
            Ok(())
        }
        Repair::Swap => turn_swap_off(bench),
        Repair::SwitchCriOn => containerd::enable_cri(bench),
        Repair::Sysctl { key, value } => kernel::set_parameter(bench, key, value),
    }
}

fn turn_swap_off(bench: &mut Bench<'_>) -> Result<()> {
    // At boot first: if turning it off now takes too long, a reboot does it.
    let path = Path::new("/etc/fstab");
    if let Some(before) = bench.host.files.read_text(path)?
        && !fstab::swap_lines(&before).is_empty()
    {
        bench.write(path, &fstab::without_swap(&before), "swap stays off at boot")?;
        // Without swap in /etc/fstab, systemd turns on the swap partitions that it finds on the disk of the system
        // (systemd-gpt-auto-generator(8)). After this, their units exist and are masked below.
        Services::of(bench.host).reload_units()?;
    }
    for unit in swap_units::at_boot(bench.host)? {
        let what = format!("{} no longer turns swap on at boot", unit.name);
        let inverse = Inverse::StartUnitAtBoot { unit: unit.name.clone(), masked: unit.only_masked };
        bench.change(what, inverse, |host| Ok(swap_units::keep_off(host, &unit)?))?;
    }
    for area in swap::active(bench.host)? {
        let what = format!("turned swap on {} off", area.path.display());
        let inverse = Inverse::SwapOn { path: area.path.clone() };
        bench.change(what, inverse, |host| Ok(swap::turn_off(host, &area)?))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
