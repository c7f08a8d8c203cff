//! Units of systemd that turn swap on at boot, whatever made them; /etc/fstab is looked at by `fstab`.
//!
//! Reads: what systemd knows of unit files, and the files of generators. Writes: whether a unit is started, through the
//! gate.

use super::command::{Command, Host};
use super::error::HostError;
use super::service::{InitSystem, Services};
use std::path::Path;

/// Services that turn swap on by themselves: of zram-tools, Ubuntu, systemd-swap, Raspberry Pi OS, Fedora.
const SERVICES: [&str; 5] = ["zramswap", "zram-config", "systemd-swap", "dphys-swapfile", "zram-swap"];

/// Where generators put the units that they make at each boot.
const GENERATED: [&str; 3] = ["/run/systemd/generator", "/run/systemd/generator.late", "/run/systemd/generator.early"];

/// A unit that turns swap on at the next boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwapUnit {
    /// `swapfile2.swap`, `dev-zram0.swap`, `zramswap.service`.
    pub name: String,
    /// Where it comes from, for people.
    pub origin: &'static str,
    /// It is made anew at each boot, so that only masking keeps it from starting.
    pub is_generated: bool,
}

impl SwapUnit {
    /// The command that keeps it from starting at boot.
    pub fn command(&self) -> String {
        format!("systemctl {} {}", self.verb(), self.name)
    }

    fn verb(&self) -> &'static str {
        if self.is_generated { "mask" } else { "disable" }
    }
}

/// The units that turn swap on at the next boot, without those that are made of lines of /etc/fstab. None without systemd.
pub fn at_boot(host: &Host) -> Result<Vec<SwapUnit>, HostError> {
    if Services::of(host).init_system() != InitSystem::Systemd {
        return Ok(Vec::new());
    }
    let mut words: Vec<String> =
        ["systemctl", "list-unit-files", "--plain", "--no-legend", "--no-pager", "*.swap"].map(Into::into).into();
    words.extend(SERVICES.map(|service| format!("{service}.service")));
    // Where no unit matches, some versions end with code 1 and print nothing.
    let listed = host.read(&Command::new(words))?.stdout;
    let mut units = Vec::new();
    for line in listed.lines() {
        let mut words = line.split_whitespace();
        let (Some(name), Some(state)) = (words.next(), words.next()) else { continue };
        let unit = |origin, is_generated| SwapUnit { name: name.into(), origin, is_generated };
        match state {
            "enabled" | "enabled-runtime" => units.push(unit("a unit that is enabled", false)),
            "generated" => units.extend(origin(host, name)?.map(|origin| unit(origin, true))),
            _ => {}
        }
    }
    Ok(units)
}

/// Keeps a unit from starting at boot.
pub fn keep_off(host: &Host, unit: &SwapUnit) -> Result<(), HostError> {
    let what = format!("keep {} from starting at boot", unit.name);
    host.change(&what, &Command::new(["systemctl", unit.verb(), &unit.name])).map(|_| ())
}

/// Lets it start at boot again.
pub fn let_start(host: &Host, unit: &str, was_masked: bool) -> Result<(), HostError> {
    let verb = if was_masked { "unmask" } else { "enable" };
    host.change(&format!("let {unit} start at boot"), &Command::new(["systemctl", verb, unit])).map(|_| ())
}

/// Which generator made a unit; None for the one that reads /etc/fstab, and for a unit that is gone.
fn origin(host: &Host, name: &str) -> Result<Option<&'static str>, HostError> {
    for folder in GENERATED {
        let Some(text) = host.files().read_text(&Path::new(folder).join(name))? else { continue };
        let from_fstab = text.lines().any(|line| line.trim() == "SourcePath=/etc/fstab");
        return Ok(match () {
            () if from_fstab => None,
            () if text.contains("zram-generator") || name.starts_with("dev-zram") => Some("made by zram-generator"),
            () if text.contains("gpt-auto") => Some("made by systemd-gpt-auto-generator for a swap partition"),
            () => Some("made by a generator of systemd"),
        });
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    /// The command that lists the units.
    const LIST: &str = "systemctl list-unit-files --plain --no-legend --no-pager *.swap zramswap.service \
                        zram-config.service systemd-swap.service dphys-swapfile.service zram-swap.service";

    #[test]
    fn every_source_of_swap_but_fstab_is_named() {
        let listed = "swapfile2.swap                enabled   enabled\n\
                      off.swap                      disabled  enabled\n\
                      masked.swap                   masked    enabled\n\
                      dev-zram0.swap                generated -\n\
                      dev-sda2.swap                 generated -\n\
                      dev-disk-by\\x2dgpt.swap       generated -\n\
                      gone.swap                     generated -\n\
                      zramswap.service              enabled   enabled\n\
                      dphys-swapfile.service        disabled  enabled\n";
        let fake = FakeHost::new()
            .systemd()
            .on(LIST, listed)
            .file("/run/systemd/generator/dev-zram0.swap", "[Unit]\nDocumentation=man:zram-generator(8)\n")
            .file("/run/systemd/generator/dev-sda2.swap", "[Unit]\nSourcePath=/etc/fstab\n")
            .file(
                "/run/systemd/generator.late/dev-disk-by\\x2dgpt.swap",
                "[Unit]\nDocumentation=man:systemd-gpt-auto-generator(8)\n",
            );
        let found = at_boot(&fake.live()).unwrap();
        let commands: Vec<String> = found.iter().map(SwapUnit::command).collect();
        let expected = [
            "systemctl disable swapfile2.swap",
            "systemctl mask dev-zram0.swap",
            "systemctl mask dev-disk-by\\x2dgpt.swap",
            "systemctl disable zramswap.service",
        ];
        assert_eq!(commands, expected);
        assert!(found[2].origin.contains("gpt"), "{found:?}");
    }

    #[test]
    fn no_unit_and_no_systemd_is_none() {
        assert_eq!(at_boot(&FakeHost::new().systemd().on_result(LIST, 1, "", "").live()).unwrap(), []);
        assert_eq!(at_boot(&FakeHost::new().live()).unwrap(), []);
    }
}
