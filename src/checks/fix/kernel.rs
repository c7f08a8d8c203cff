//! Kernel modules and parameters, now and at boot.

use super::bench::Bench;
use crate::base::fault::Result;
use crate::host::modules::{self, BRIDGE};
use crate::host::{Host, sysctl};
use crate::journal::Inverse;
use std::path::Path;

/// Modules listed here are loaded at boot (modules-load.d(5)).
const MODULES: &str = "/etc/modules-load.d/kubewright.conf";
/// Parameters listed here are set at boot (sysctl.d(5)). The last file by name has priority, and on many distributions
/// `99-sysctl.conf` is a link to /etc/sysctl.conf, which may disable a parameter that is enabled here.
const PARAMETERS: &str = "/etc/sysctl.d/99-z-kubewright.conf";

/// Loads modules now and at boot.
pub(super) fn load_modules(bench: &mut Bench<'_>, names: &[String]) -> Result<()> {
    for name in names {
        if !modules::is_loaded(bench.host, name)? {
            modules::load(bench.host, name)?;
            // Undoing does not unload a module: it may be in use by then, and does no harm.
            bench.did(format!("loaded the kernel module {name}"));
        }
    }
    let before = bench.host.files.read_text(Path::new(MODULES))?.unwrap_or_default();
    let missing: Vec<&String> = names.iter().filter(|name| !before.lines().any(|line| line.trim() == **name)).collect();
    let text = missing.iter().fold(before, |text, name| format!("{text}{name}\n"));
    if missing.is_empty() {
        return Ok(());
    }
    bench.write(Path::new(MODULES), &text, "the kernel modules are loaded at boot")
}

/// Sets a parameter now and at boot, and loads its module.
pub(super) fn set_parameter(bench: &mut Bench<'_>, key: &str, value: &str) -> Result<()> {
    // A module that was loaded by hand is not loaded at the next boot, and its parameter does not exist then.
    if key.starts_with("net.bridge.")
        && !(modules::is_loaded(bench.host, BRIDGE)? && modules::comes_at_boot(bench.host, BRIDGE)?)
    {
        load_modules(bench, &[BRIDGE.to_owned()])?;
    }
    let before = sysctl::value(bench.host, key)?;
    if before.as_deref() != Some(value) {
        let what = format!("set {key} to {value}");
        let set = |host: &Host| Ok(sysctl::set(host, key, value)?);
        if let Some(before) = before {
            bench.change(what, Inverse::SetSysctl { key: key.into(), value: before }, set)?;
        } else {
            // A parameter that did not exist before its module was loaded has no former value.
            set(bench.host)?;
            bench.did(what);
        }
    }
    let former = bench.host.files.read_text(Path::new(PARAMETERS))?.unwrap_or_default();
    let kept: String = former.lines().filter(|line| !assigns(line, key)).flat_map(|line| [line, "\n"]).collect();
    let text = format!("{kept}{key} = {value}\n");
    bench.write(Path::new(PARAMETERS), &text, &format!("{key} is set at boot"))
}

fn assigns(line: &str, key: &str) -> bool {
    line.split_once('=').is_some_and(|(name, _)| name.trim() == key)
}
