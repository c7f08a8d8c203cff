//! Undoing what fixes changed on this host, newest first.
//!
//! Reads: the journal and the files as they are now. Writes: former contents and states, through the
//! gate, and the journal after each step, so that an interrupted run can be repeated.

use super::record::{HostChange, Inverse};
use super::store::{Journal, sha256};
use crate::base::fault::Result;
use crate::base::files::Content;
use crate::host::command::{Command, Host};
use crate::host::{service::Services, sysctl};

/// Undoes every change of the host that fixes made. Returns what was done and what was left alone
/// and why, one line each.
///
/// # Errors
/// When a step fails; the steps before it are undone and no longer in the journal.
pub fn undo(host: &Host, journal: &mut Journal) -> Result<Vec<String>> {
    let mut told = Vec::new();
    while let Some(change) = journal.changes().last().cloned() {
        told.push(undo_one(host, &change)?);
        journal.pop_change();
        journal.save(host.files())?;
    }
    Ok(told)
}

fn undo_one(host: &Host, change: &HostChange) -> Result<String> {
    match &change.inverse {
        Inverse::DisableService { service } => {
            Services::of(host).disable(service)?;
            Ok(format!("{service} no longer starts at boot"))
        }
        Inverse::RestoreFile { path, before, mode, written, restart } => {
            let now = host.files().read(path)?.map(|bytes| sha256(&bytes));
            if now.as_ref() != Some(written) {
                // Somebody's later work is worth more than our tidiness.
                return Ok(format!("left {} alone: it was changed since", path.display()));
            }
            match before {
                Some(text) => {
                    host.files().write(path, &Content::secret(text.clone(), "(its former content)\n"), *mode)?;
                }
                None => {
                    host.files().remove(path)?;
                }
            }
            if let Some(service) = restart {
                Services::of(host).restart(service)?;
            }
            Ok(format!("put {} back", path.display()))
        }
        Inverse::SetSysctl { key, value } => {
            sysctl::set(host, key, value)?;
            Ok(format!("set {key} back to {value}"))
        }
        Inverse::SwapOn { path } => {
            let shown = path.display().to_string();
            host.change(&format!("turn swap on {shown} on"), &Command::new(["swapon", &shown]))?;
            Ok(format!("turned swap on {shown} on again"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    fn change(inverse: Inverse) -> HostChange {
        HostChange { what: "x".into(), check: "Swap".into(), at: 0, inverse }
    }

    #[test]
    fn changes_are_undone_newest_first_and_edited_files_left_alone() {
        let fake = FakeHost::new()
            .file("/etc/fstab", "ours")
            .file("/etc/hosts", "edited")
            .on("swapon /dev/sda2", "")
            .on("sysctl -w net.ipv4.ip_forward=0", "");
        let host = fake.live();
        let restore = |path: &str, before: Option<&str>, written: &[u8]| {
            change(Inverse::RestoreFile {
                path: path.into(),
                before: before.map(str::to_owned),
                mode: 0o644,
                written: sha256(written),
                restart: None,
            })
        };
        let mut journal = Journal::default();
        journal.add_change(change(Inverse::SetSysctl { key: "net.ipv4.ip_forward".into(), value: "0".into() }));
        journal.add_change(change(Inverse::SwapOn { path: "/dev/sda2".into() }));
        journal.add_change(restore("/etc/fstab", Some("former"), b"ours"));
        journal.add_change(restore("/etc/hosts", None, b"as we wrote it"));
        let told = undo(&host, &mut journal).unwrap();
        assert_eq!(told[0], "left /etc/hosts alone: it was changed since");
        assert_eq!(fake.ran(), ["swapon /dev/sda2", "sysctl -w net.ipv4.ip_forward=0"]);
        assert_eq!(std::fs::read_to_string(fake.root().join("etc/fstab")).unwrap(), "former");
        assert!(Journal::load(host.files()).unwrap().changes().is_empty());
    }
}
