//! Kernel modules: whether what they bring is there, and loading them.
//!
//! Reads: /sys/module, /proc, the lists of modules to load at boot. Writes: the kernel's state, through the gate.

use super::command::{Command, Host};
use super::drop_ins;
use super::error::HostError;
use std::path::{Path, PathBuf};

/// The module that brings the `net.bridge` parameters.
pub const BRIDGE: &str = "br_netfilter";

/// True when the module is loaded or its work is built into the kernel.
pub fn is_loaded(host: &Host, module: &str) -> Result<bool, HostError> {
    let files = &host.files;
    // A module's directory is there when it is loaded, or built in with parameters.
    if files.exists(&Path::new("/sys/module").join(module.replace('-', "_"))) {
        return Ok(true);
    }
    // What is built in without parameters shows only by what it does.
    Ok(match module {
        BRIDGE => files.exists(Path::new("/proc/sys/net/bridge/bridge-nf-call-iptables")),
        "overlay" => files
            .read_text(Path::new("/proc/filesystems"))?
            .is_some_and(|text| text.lines().any(|line| line.split_whitespace().last() == Some("overlay"))),
        "ip_vs" => files.exists(Path::new("/proc/net/ip_vs")),
        _ => is_built_in(host, module)?,
    })
}

/// Where modules that are to be loaded at boot are listed, the strongest last (modules-load.d(5)), and Debian's older list.
const DIRECTORIES: [&str; 4] =
    ["/usr/lib/modules-load.d", "/usr/local/lib/modules-load.d", "/run/modules-load.d", "/etc/modules-load.d"];
const DEBIANS_LIST: &str = "/etc/modules";

/// True when the module will be there after the next boot: it is listed for that, or built into the kernel.
pub fn comes_at_boot(host: &Host, module: &str) -> Result<bool, HostError> {
    let files = &host.files;
    let loaded = files.read_text(Path::new("/proc/modules"))?.unwrap_or_default();
    let is_it = |word: Option<&str>| word.is_some_and(|word| word.replace('-', "_") == module.replace('-', "_"));
    let is_module = loaded.lines().any(|line| is_it(line.split(' ').next()));
    if !is_module && is_loaded(host, module)? {
        return Ok(true);
    }
    let listed = drop_ins::files(host, &DIRECTORIES)?.into_values();
    for list in listed.chain([PathBuf::from(DEBIANS_LIST)]) {
        let text = files.read_text(&list)?.unwrap_or_default();
        if text.lines().any(|line| is_it(line.split_whitespace().next())) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Loads a module now.
pub fn load(host: &Host, module: &str) -> Result<(), HostError> {
    host.change(&format!("load the kernel module {module}"), &Command::new(["modprobe", module])).map(|_| ())
}

/// Looks the module up in the kernel's own list of what is built in.
fn is_built_in(host: &Host, module: &str) -> Result<bool, HostError> {
    let Some(release) = host.files.read_text(Path::new("/proc/sys/kernel/osrelease"))? else { return Ok(false) };
    let list = Path::new("/lib/modules").join(release.trim()).join("modules.builtin");
    let file = format!("/{}.ko", module.replace('-', "_"));
    Ok(host
        .files
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

    #[test]
    fn a_module_that_was_loaded_by_hand_is_gone_after_a_boot() {
        let loaded = || {
            FakeHost::new()
                .file("/sys/module/br_netfilter/refcnt", "0")
                .file("/proc/modules", "br_netfilter 32768 0 - Live 0x0\n")
        };
        let comes = |fake: FakeHost| comes_at_boot(&fake.live(), "br_netfilter").unwrap();
        assert!(!comes(loaded()));
        assert!(!comes(loaded().file("/etc/modules-load.d/k8s.conf", "# br_netfilter\noverlay\n")));
        assert!(comes(loaded().file("/usr/lib/modules-load.d/k8s.conf", "overlay\nbr_netfilter\n")));
        assert!(comes(loaded().file("/etc/modules", "br_netfilter\n")));
        assert!(comes(FakeHost::new().file("/sys/module/br_netfilter/parameters", "")), "it is built in");
    }
}
