//! Kernel modules: whether what they bring is there, and loading them.
//!
//! Reads: /sys/module, /proc/filesystems, /proc/sys. Writes: the kernel's state, through the gate.

use super::command::{Command, Host};
use super::error::HostError;
use std::path::Path;

/// True when the module is loaded or its work is built into the kernel.
///
/// # Errors
/// When the kernel's lists cannot be read.
pub fn is_loaded(host: &Host, module: &str) -> Result<bool, HostError> {
    let files = host.files();
    // A module's folder is there when it is loaded, or built in with parameters.
    if files.exists(&Path::new("/sys/module").join(module.replace('-', "_"))) {
        return Ok(true);
    }
    // What is built in without parameters shows only by what it does.
    Ok(match module {
        "br_netfilter" => files.exists(Path::new("/proc/sys/net/bridge/bridge-nf-call-iptables")),
        "overlay" => files
            .read_text(Path::new("/proc/filesystems"))?
            .is_some_and(|text| text.lines().any(|line| line.split_whitespace().last() == Some("overlay"))),
        "ip_vs" => files.exists(Path::new("/proc/net/ip_vs")),
        _ => is_built_in(host, module)?,
    })
}

/// Loads a module now.
///
/// # Errors
/// When the kernel has no such module, or `modprobe` is missing.
pub fn load(host: &Host, module: &str) -> Result<(), HostError> {
    host.change(&format!("load the kernel module {module}"), &Command::new(["modprobe", module])).map(|_| ())
}

/// Looks the module up in the kernel's own list of what is built in.
fn is_built_in(host: &Host, module: &str) -> Result<bool, HostError> {
    let Some(release) = host.files().read_text(Path::new("/proc/sys/kernel/osrelease"))? else { return Ok(false) };
    let list = Path::new("/lib/modules").join(release.trim()).join("modules.builtin");
    let file = format!("/{}.ko", module.replace('-', "_"));
    Ok(host
        .files()
        .read_text(&list)?
        .is_some_and(|text| text.lines().any(|line| line.replace('-', "_").ends_with(&file))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    #[test]
    fn what_is_built_in_counts_as_loaded() {
        let fake = FakeHost::new()
            .file("/proc/sys/net/bridge/bridge-nf-call-iptables", "1")
            .file("/proc/filesystems", "nodev\tsysfs\nnodev\toverlay\n\text4\n")
            .file("/proc/sys/kernel/osrelease", "6.1.0\n")
            .file("/lib/modules/6.1.0/modules.builtin", "kernel/net/netfilter/nf-conntrack.ko\n")
            .file("/sys/module/ip_vs_rr/refcnt", "0");
        let host = fake.live();
        for module in ["br_netfilter", "overlay", "nf_conntrack", "ip_vs_rr"] {
            assert!(is_loaded(&host, module).unwrap(), "{module}");
        }
        assert!(!is_loaded(&host, "ip_vs").unwrap());
        assert!(!is_loaded(&host, "ip_vs_sh").unwrap());
    }
}
