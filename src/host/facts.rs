//! What this host is: its name, memory, kubelet, resolver, firmware.
//!
//! Reads: /proc, /sys, /etc, the kubelet's version. Writes nothing.

use super::command::{Command, Host};
use super::error::HostError;
use super::service::{InitSystem, Services};
use crate::versions::Version;
use std::path::Path;
use std::time::Duration;

/// A busy host with a slow disk needs more than ten seconds to read a program of a hundred megabytes for the first time.
const FIRST_START: Duration = Duration::from_secs(30);

/// The host's name in lower case, as the kubelet would register it.
pub fn hostname(host: &Host) -> Result<String, HostError> {
    let files = &host.files;
    let text = match files.read_text(Path::new("/proc/sys/kernel/hostname"))? {
        Some(text) => text,
        None => files.read_text(Path::new("/etc/hostname"))?.unwrap_or_default(),
    };
    Ok(text.trim().to_lowercase())
}

/// The version of the kubelet on the search path.
pub fn kubelet_version(host: &Host) -> Result<Version, HostError> {
    let command = Command::new(["kubelet", "--version"]).within(FIRST_START);
    let text = host.read_text(&command)?;
    let word = text.trim().strip_prefix("Kubernetes ").unwrap_or_default().to_owned();
    word.parse().map_err(|_| HostError::Unexpected {
        command: command.shown(),
        expected: "a Kubernetes version",
        text: text.trim().into(),
    })
}

/// True when systemd-resolved is running and is the host's resolver.
pub fn has_resolved(host: &Host) -> bool {
    let services = Services::of(host);
    services.init_system() == InitSystem::Systemd
        && services.state("systemd-resolved").is_ok_and(|state| state.word == "active")
}

/// True when this host is a machine of Amazon's EC2, according to its firmware.
pub fn is_ec2(host: &Host) -> bool {
    let read = |path: &str| host.files.read_text(Path::new(path)).ok().flatten().unwrap_or_default().to_lowercase();
    let names = ["sys_vendor", "bios_vendor", "bios_version", "board_vendor", "product_version"];
    names.iter().any(|name| read(&format!("/sys/class/dmi/id/{name}")).contains("amazon"))
        // Virtual machines of the Xen generation.
        || read("/sys/hypervisor/uuid").starts_with("ec2")
}

/// Memory in MiB; None if /proc does not contain it.
pub fn memory(host: &Host) -> Result<Option<u64>, HostError> {
    let text = host.files.read_text(Path::new("/proc/meminfo"))?.unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    Ok(line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).map(|kib| kib / 1024))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    #[test]
    fn facts_are_read_from_files_and_the_kubelet() {
        let fake = FakeHost::new()
            .systemd()
            .file("/proc/sys/kernel/hostname", "Node-1\n")
            .file("/proc/meminfo", "MemTotal:        2097152 kB\nMemFree: 1 kB\n")
            .on("kubelet --version", "Kubernetes v1.20.2\n")
            .on(
                "systemctl show -p LoadState,ActiveState,UnitFileState systemd-resolved",
                "LoadState=masked\nActiveState=inactive\nUnitFileState=masked\n",
            );
        let host = fake.live();
        assert_eq!(hostname(&host).unwrap(), "node-1");
        assert_eq!(memory(&host).unwrap(), Some(2048));
        assert_eq!(kubelet_version(&host).unwrap(), Version::new(20, 2));
        assert!(!has_resolved(&host));
    }

    #[test]
    fn a_kubelet_that_says_something_else_is_quoted() {
        let fake = FakeHost::new().on("kubelet --version", "kubelet: wrong libc\n");
        let error = kubelet_version(&fake.live()).unwrap_err();
        assert!(error.to_string().contains("\"kubelet: wrong libc\""), "{error}");
    }
}
