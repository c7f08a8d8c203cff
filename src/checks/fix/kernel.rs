//! Kernel modules and parameters, now and at boot.

use super::steps::Bench;
use crate::base::fault::Result;
use crate::host::{modules, sysctl};
use crate::journal::Inverse;
use std::path::Path;

/// Modules listed here are loaded at boot (modules-load.d(5)).
const MODULES: &str = "/etc/modules-load.d/kubewright.conf";
/// Parameters listed here are set at boot (sysctl.d(5)); 99 comes after the distribution's own.
const PARAMETERS: &str = "/etc/sysctl.d/99-kubewright.conf";
/// The module that brings the `net.bridge` parameters.
const BRIDGE: &str = "br_netfilter";

/// Loads modules now and at boot.
pub(super) fn load_modules(bench: &mut Bench<'_>, names: &[String]) -> Result<()> {
    for name in names {
        if !modules::is_loaded(bench.host, name)? {
            modules::load(bench.host, name)?;
            // A module is not unloaded on undoing: by then something may use it, and it does no harm.
            bench.done(format!("loaded the kernel module {name}"), None)?;
        }
    }
    let before = bench.host.files().read_text(Path::new(MODULES))?.unwrap_or_default();
    let missing: Vec<&String> = names.iter().filter(|name| !before.lines().any(|line| line.trim() == **name)).collect();
    let text = missing.iter().fold(before, |text, name| format!("{text}{name}\n"));
    if missing.is_empty() {
        return Ok(());
    }
    bench.write(Path::new(MODULES), &text, "the kernel modules are loaded at boot", None)?;
    Ok(())
}

/// Sets a parameter now and at boot, loading the module that brings it.
pub(super) fn set_parameter(bench: &mut Bench<'_>, key: &str, value: &str) -> Result<()> {
    if key.starts_with("net.bridge.") && !modules::is_loaded(bench.host, BRIDGE)? {
        load_modules(bench, &[BRIDGE.to_owned()])?;
    }
    let before = sysctl::value(bench.host, key)?;
    if before.as_deref() != Some(value) {
        sysctl::set(bench.host, key, value)?;
        // A parameter that came with its module has no former value to go back to.
        let inverse = before.map(|value| Inverse::SetSysctl { key: key.into(), value });
        bench.done(format!("set {key} to {value}"), inverse)?;
    }
    let former = bench.host.files().read_text(Path::new(PARAMETERS))?.unwrap_or_default();
    let kept: String = former.lines().filter(|line| !assigns(line, key)).flat_map(|line| [line, "\n"]).collect();
    let text = format!("{kept}{key} = {value}\n");
    bench.write(Path::new(PARAMETERS), &text, &format!("{key} is set at boot"), None)?;
    Ok(())
}

fn assigns(line: &str, key: &str) -> bool {
    line.split_once('=').is_some_and(|(name, _)| name.trim() == key)
}
