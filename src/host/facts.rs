//! What this host is: gathered once, before anything is judged or changed.
//!
//! Reads: /proc, /etc, the kubelet's version. Writes nothing. A fact that cannot be had is None; the
//! check that needs it says so.

use super::command::{Command, Host};
use super::error::HostError;
use super::kernel::{self, Cgroups};
use super::service::{InitSystem, Services};
use super::swap::{self, Swap};
use crate::versions::Version;
use serde::Serialize;
use std::path::Path;

/// See the module's text.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The host's name, in lower case.
    pub hostname: String,
    /// The operating system's name and version: `Debian GNU/Linux 12 (bookworm)`.
    pub os: Option<String>,
    /// The kernel's release.
    pub kernel: String,
    /// Memory in MiB.
    pub memory: Option<u64>,
    /// CPUs this process may use.
    pub cpus: usize,
    /// Control groups.
    pub cgroups: Option<Cgroups>,
    /// Swap that is on.
    pub swap: Vec<Swap>,
    /// What starts services.
    pub init: InitSystem,
    /// The installed kubelet's version.
    #[serde(serialize_with = "as_text")]
    pub kubelet: Option<Version>,
    /// systemd-resolved runs, so that pods must not get its local address as their name server.
    pub resolved: bool,
}

impl Facts {
    /// Gathers them.
    ///
    /// # Errors
    /// When a file of /proc or /etc is there and cannot be read. A kubelet that is missing is a fact.
    pub fn gather(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            hostname: hostname(host)?,
            os: os_name(host)?,
            kernel: kernel::release(host)?,
            memory: memory(host)?,
            cpus: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            cgroups: kernel::cgroups(host)?,
            swap: swap::active(host)?,
            init: Services::of(host).init_system(),
            kubelet: kubelet_version(host).ok(),
            resolved: has_resolved(host),
        })
    }
}

/// The host's name in lower case, as the kubelet would register it.
///
/// # Errors
/// When /proc or /etc cannot be read.
pub fn hostname(host: &Host) -> Result<String, HostError> {
    let files = host.files();
    let text = match files.read_text(Path::new("/proc/sys/kernel/hostname"))? {
        Some(text) => text,
        None => files.read_text(Path::new("/etc/hostname"))?.unwrap_or_default(),
    };
    Ok(text.trim().to_lowercase())
}

/// The version of the kubelet on the search path.
///
/// # Errors
/// When it is not installed, does not run, or says something else than a version.
pub fn kubelet_version(host: &Host) -> Result<Version, HostError> {
    let command = Command::new(["kubelet", "--version"]);
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

/// True when this host is a machine of Amazon's EC2, as far as its firmware tells.
pub fn is_ec2(host: &Host) -> bool {
    let read = |path: &str| host.files().read_text(Path::new(path)).ok().flatten().unwrap_or_default().to_lowercase();
    let names = ["sys_vendor", "bios_vendor", "bios_version", "board_vendor", "product_version"];
    names.iter().any(|name| read(&format!("/sys/class/dmi/id/{name}")).contains("amazon"))
        // Virtual machines of the Xen generation.
        || read("/sys/hypervisor/uuid").starts_with("ec2")
}

/// Memory in MiB; None where /proc does not tell.
///
/// # Errors
/// When /proc cannot be read.
pub fn memory(host: &Host) -> Result<Option<u64>, HostError> {
    let text = host.files().read_text(Path::new("/proc/meminfo"))?.unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    Ok(line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).map(|kib| kib / 1024))
}

fn os_name(host: &Host) -> Result<Option<String>, HostError> {
    let text = host.files().read_text(Path::new("/etc/os-release"))?.unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    Ok(value.map(|value| value.trim_matches(['"', '\'']).to_owned()))
}

#[expect(clippy::ref_option, reason = "the signature is serde's")]
fn as_text<S: serde::Serializer>(version: &Option<Version>, to: S) -> Result<S::Ok, S::Error> {
    version.as_ref().map(ToString::to_string).serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    #[test]
    fn facts_are_gathered_from_files_and_the_kubelet() {
        let fake = FakeHost::new()
            .systemd()
            .file("/proc/sys/kernel/hostname", "Node-1\n")
            .file("/proc/meminfo", "MemTotal:        2097152 kB\nMemFree: 1 kB\n")
            .file("/etc/os-release", "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n")
            .on("kubelet --version", "Kubernetes v1.20.2\n")
            .on(
                "systemctl show -p LoadState,ActiveState,UnitFileState systemd-resolved",
                "LoadState=masked\nActiveState=inactive\nUnitFileState=masked\n",
            );
        let facts = Facts::gather(&fake.live()).unwrap();
        assert_eq!(facts.hostname, "node-1");
        assert_eq!(facts.memory, Some(2048));
        assert_eq!(facts.kubelet, Some(Version::new(20, 2)));
        assert!(!facts.resolved);
        assert_eq!(serde_json::to_value(&facts).unwrap()["kubelet"], "v1.20.2");
    }

    #[test]
    fn a_kubelet_that_says_something_else_is_quoted() {
        let fake = FakeHost::new().on("kubelet --version", "kubelet: wrong libc\n");
        let error = kubelet_version(&fake.live()).unwrap_err();
        assert!(error.to_string().contains("\"kubelet: wrong libc\""), "{error}");
    }
}
