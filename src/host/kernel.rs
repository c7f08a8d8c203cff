//! The kernel: release, build options, control groups.
//!
//! Reads: /proc, /sys/fs/cgroup, /boot. Writes nothing.

use super::command::{Command, Host};
use super::error::HostError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Control groups as the kubelet will find them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroups {
    /// 1 or 2.
    pub version: u8,
    /// The controllers that are on.
    pub controllers: Vec<String>,
}

/// How a kernel option was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Built {
    /// Into the kernel.
    In,
    /// As a module.
    Module,
    /// Not at all.
    Out,
}

/// The kernel's release, such as `6.1.0-18-amd64`; empty if /proc does not contain it.
pub fn release(host: &Host) -> Result<String, HostError> {
    let text = host.files.read_text(Path::new("/proc/sys/kernel/osrelease"))?;
    Ok(text.unwrap_or_default().trim().to_owned())
}

/// The options the kernel was built with (without `CONFIG_`); None when no list of them is found.
pub fn options(host: &Host) -> Result<Option<BTreeMap<String, Built>>, HostError> {
    let release = release(host)?;
    // The places where distributions keep the list.
    let places = [
        format!("/boot/config-{release}"),
        format!("/usr/src/linux-{release}/.config"),
        "/usr/src/linux/.config".into(),
        format!("/usr/lib/modules/{release}/config"),
        format!("/usr/lib/ostree-boot/config-{release}"),
        format!("/usr/lib/kernel/config-{release}"),
        format!("/usr/src/linux-headers-{release}/.config"),
        format!("/lib/modules/{release}/build/.config"),
    ];
    for place in places {
        if let Some(text) = host.files.read_text(Path::new(&place))? {
            return Ok(Some(parse_options(&text)));
        }
    }
    let list = Path::new("/proc/config.gz");
    if host.find("gzip").is_none() {
        return Ok(None);
    }
    if host.files.exists(list) {
        return compressed(host, list).map(Some);
    }
    // The list may be in a module. It is unloaded immediately, so that reading does not change the host.
    if host.find("modprobe").is_none() || !host.read(&Command::new(["modprobe", "configs"]))?.is_success() {
        return Ok(None);
    }
    let options = host.files.exists(list).then(|| compressed(host, list)).transpose();
    host.read(&Command::new(["modprobe", "-r", "configs"]))?;
    options
}

/// The options in a compressed list.
fn compressed(host: &Host, list: &Path) -> Result<BTreeMap<String, Built>, HostError> {
    let path = host.files.real(list)?.display().to_string();
    Ok(parse_options(&host.read_text(&Command::new(["gzip", "-dc", &path]))?))
}

fn parse_options(text: &str) -> BTreeMap<String, Built> {
    text.lines()
        .filter_map(|line| {
            let (name, value) = line.trim().strip_prefix("CONFIG_")?.split_once('=')?;
            let built = match value {
                "y" => Built::In,
                "m" => Built::Module,
                _ => Built::Out,
            };
            Some((name.to_owned(), built))
        })
        .collect()
}

/// The control groups; None where none are mounted.
pub fn cgroups(host: &Host) -> Result<Option<Cgroups>, HostError> {
    let files = &host.files;
    let mounts = files.read_text(Path::new("/proc/mounts"))?.unwrap_or_default();
    let Some((root, version)) = cgroup_root(host, &mounts) else { return Ok(None) };
    let mut controllers: Vec<String> = Vec::new();
    if version == 2 {
        let list = files.read_text(&root.join("cgroup.controllers"))?.unwrap_or_default();
        controllers.extend(list.split_whitespace().map(str::to_owned));
        // Not controllers of version 2 but always part of it: devices by BPF since 4.15, freezing since 5.2.
        controllers.extend(["devices".into(), "freezer".into()]);
    } else {
        let table = files.read_text(Path::new("/proc/cgroups"))?.unwrap_or_default();
        controllers.extend(table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [name, _, _, enabled] = fields[..] else { return None };
            (enabled != "0").then(|| name.to_owned())
        }));
    }
    controllers.sort();
    Ok(Some(Cgroups { version, controllers }))
}

/// Where control groups are mounted, and in which version.
fn cgroup_root(host: &Host, mounts: &str) -> Option<(PathBuf, u8)> {
    const USUAL: &str = "/sys/fs/cgroup";
    let mut first_v1 = None;
    for line in mounts.lines() {
        let mut fields = line.split_whitespace().skip(1);
        let (Some(place), Some(kind)) = (fields.next(), fields.next()) else { continue };
        match kind {
            // A tmpfs holds one mount per controller of version 1, unless nothing is in it yet.
            "tmpfs" if place == USUAL => {
                let v1 = host.files.exists(&Path::new(USUAL).join("memory"));
                return Some((USUAL.into(), if v1 { 1 } else { 2 }));
            }
            "cgroup2" if place == USUAL => return Some((USUAL.into(), 2)),
            "cgroup2" if first_v1.is_none() => return Some((place.into(), 2)),
            "cgroup" if first_v1.is_none() => first_v1 = Some((PathBuf::from(place), 1)),
            _ => {}
        }
    }
    first_v1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    #[test]
    fn both_versions_of_control_groups_are_distinguished() {
        let v2 = FakeHost::new()
            .file("/proc/mounts", "sysfs /sys sysfs rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n")
            .file("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n");
        let found = cgroups(&v2.live()).unwrap().unwrap();
        assert_eq!(found.version, 2);
        assert!(found.controllers.contains(&"freezer".to_owned()));

        let v1 = FakeHost::new()
            .file("/proc/mounts", "tmpfs /sys/fs/cgroup tmpfs ro 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw 0 0\n")
            .file("/sys/fs/cgroup/memory/tasks", "")
            .file("/proc/cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t26\t1\nmemory\t4\t42\t0\n");
        let found = cgroups(&v1.live()).unwrap().unwrap();
        assert_eq!(found, Cgroups { version: 1, controllers: vec!["cpu".into()] });
    }

    #[test]
    fn options_are_read_from_the_boot_directory() {
        let fake = FakeHost::new()
            .file("/proc/sys/kernel/osrelease", "6.1.0\n")
            .file("/boot/config-6.1.0", "# CONFIG_AUFS_FS is not set\nCONFIG_INET=y\nCONFIG_OVERLAY_FS=m\n");
        let options = options(&fake.live()).unwrap().unwrap();
        assert_eq!(options.get("INET"), Some(&Built::In));
        assert_eq!(options.get("OVERLAY_FS"), Some(&Built::Module));
        assert_eq!(options.get("AUFS_FS"), None);
    }

    #[test]
    fn options_that_only_a_module_shows_are_read_and_the_module_goes_again() {
        let fake = FakeHost::new()
            .file("/proc/sys/kernel/osrelease", "7.2.0\n")
            .on_computed("modprobe configs", |root| {
                std::fs::write(root.join("proc/config.gz"), "").unwrap();
                crate::host::command::Output { code: Some(0), ..Default::default() }
            })
            .on("modprobe -r configs", "");
        let list = fake.root().join("proc/config.gz").display().to_string();
        let fake = fake.on(&format!("gzip -dc {list}"), "CONFIG_MEMCG=y\n");
        let options = options(&fake.live()).unwrap().unwrap();
        assert_eq!(options.get("MEMCG"), Some(&Built::In));
        assert_eq!(fake.ran().last().unwrap(), "modprobe -r configs");

        let without = FakeHost::new().program("gzip").on_result("modprobe configs", 1, "", "not found");
        assert!(super::options(&without.live()).unwrap().is_none());
    }
}
