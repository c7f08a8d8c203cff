//! What is mounted where, and letting go of the kubelet's mounts.
//!
//! Reads: `/proc/self/mountinfo`. Writes: unmounts, through the gate.

use super::command::{Command, Host};
use super::error::HostError;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::gate::Change;
use rustix::mount::UnmountFlags;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

const MOUNTINFO: &str = "/proc/self/mountinfo";

/// A mount that is not let go. Nothing below it was touched.
#[derive(Debug, thiserror::Error)]
#[error("cannot unmount {}, so nothing was removed around it{}", path.display(), used_by(users))]
pub struct Busy {
    /// Where it is mounted.
    pub path: PathBuf,
    /// Programs that have files open there: `bash (1234)`.
    pub users: Vec<String>,
    /// The operating system's word.
    #[source]
    pub source: std::io::Error,
}

fn used_by(list: &[String]) -> String {
    if list.is_empty() { String::new() } else { format!("; it is used by {}", list.join(", ")) }
}

impl Fault for Busy {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Host
    }
    fn hint(&self) -> Option<String> {
        let path = self.path.display();
        Some(format!(
            "end what uses it (run 'fuser -vm {path}' to see), run 'umount {path}', then the same command again: it continues"
        ))
    }
}

/// Every mount point, in the order in which they were mounted.
///
/// # Errors
/// When they cannot be read.
pub fn all(host: &Host) -> Result<Vec<PathBuf>, HostError> {
    // Paths need not be UTF-8, so the bytes are read.
    let bytes = host.files().read(Path::new(MOUNTINFO))?.unwrap_or_default();
    Ok(parse(&bytes))
}

/// Unmounts everything that is mounted below `folders`, what was mounted last first. `flags` as umount(2) names
/// them. Returns what was unmounted.
///
/// # Errors
/// [`Busy`] for the first that is not let go: those after it stay, too.
pub fn release(host: &Host, folders: &[PathBuf], flags: &[String]) -> crate::base::fault::Result<Vec<PathBuf>> {
    let below = |path: &PathBuf| folders.iter().any(|folder| path.starts_with(folder));
    let mut mounts: Vec<PathBuf> = all(host)?.into_iter().filter(below).collect();
    mounts.reverse();
    for path in &mounts {
        let change = Change::Run {
            what: "let go of a mount of the kubelet".into(),
            command: vec!["umount".into(), path.display().to_string()],
        };
        host.gate().pass(change, || {
            rustix::mount::unmount(path.as_path(), flags_of(flags)).map_err(|errno| Busy {
                path: path.clone(),
                users: users_of(host, path),
                source: errno.into(),
            })
        })?;
    }
    Ok(mounts)
}

/// A mount point may have become a link since it was listed: it is never followed.
fn flags_of(names: &[String]) -> UnmountFlags {
    names.iter().fold(UnmountFlags::NOFOLLOW, |flags, name| {
        flags
            | match name.as_str() {
                "MNT_FORCE" => UnmountFlags::FORCE,
                "MNT_DETACH" => UnmountFlags::DETACH,
                "MNT_EXPIRE" => UnmountFlags::EXPIRE,
                _ => UnmountFlags::empty(),
            }
    })
}

/// Who uses a mount, for people; nothing where no program can tell.
fn users_of(host: &Host, path: &Path) -> Vec<String> {
    let shown = path.display().to_string();
    let Ok(output) = host.read(&Command::new(["fuser", "-m", &shown])) else { return Vec::new() };
    output.stdout.split_whitespace().take(5).map(|id| format!("process {id}")).collect()
}

/// The fifth field of each line; blanks and the like are written as `\040`.
fn parse(bytes: &[u8]) -> Vec<PathBuf> {
    bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .map(|field| PathBuf::from(OsString::from_vec(unescape(field))))
        .collect()
}

fn unescape(field: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|digits| digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        let value = octal.map(|digits| digits.iter().fold(0_u16, |sum, digit| sum * 8 + u16::from(digit - b'0')));
        let byte = value.and_then(|value| u8::try_from(value).ok()).filter(|_| *first == b'\\');
        rest = if byte.is_some() { after.get(3..).unwrap_or_default() } else { after };
        text.push(byte.unwrap_or(*first));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    const TABLE: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
90 22 0:44 / /var/lib/kubelet/pods/a/volumes/kubernetes.io~secret/t rw shared:2 - tmpfs tmpfs rw
91 22 8:1 /home/user/my\\040data /var/lib/kubelet/pods/a/volume-subpaths/my\\040data rw shared:1 - ext4 /dev/sda1 rw
92 22 8:1 /home/user /var/lib/kubelet/backup rw shared:1 - ext4 /dev/sda1 rw
93 22 0:45 / /var/lib/kubelet/podsx rw - tmpfs tmpfs rw
";

    #[test]
    fn mount_points_are_read_with_their_blanks() {
        let found = parse(TABLE.as_bytes());
        assert_eq!(found[2], Path::new("/var/lib/kubelet/pods/a/volume-subpaths/my data"));
        assert_eq!(unescape(b"a\\b\\777\\0"), b"a\\b\\777\\0");
    }

    #[test]
    fn only_mounts_below_the_folders_are_let_go_last_first() {
        let fake = FakeHost::new().file(MOUNTINFO, TABLE);
        let host = fake.dry();
        let released = release(&host, &["/var/lib/kubelet/pods".into()], &[]).unwrap();
        assert_eq!(released.len(), 2);
        assert!(released[0].ends_with("my data") && released[1].ends_with("t"));
        assert_eq!(host.gate().count(), 2);
    }

    #[test]
    fn a_mount_that_stays_ends_the_work_and_says_what_to_do() {
        // It is no mount point of this machine, so the kernel refuses.
        let fake = FakeHost::new().file(MOUNTINFO, TABLE);
        let host = fake.live();
        let failure = release(&host, &["/var/lib/kubelet/pods".into()], &[]).unwrap_err();
        assert!(failure.to_string().contains("cannot unmount /var/lib/kubelet/pods/a/volume-subpaths/my data"));
        assert!(failure.hint().unwrap().contains("it continues"));
        assert_eq!(host.gate().count(), 0);
    }

    #[test]
    fn links_are_never_followed() {
        assert_eq!(flags_of(&[]), UnmountFlags::NOFOLLOW);
        assert_eq!(flags_of(&["MNT_DETACH".into()]), UnmountFlags::NOFOLLOW | UnmountFlags::DETACH);
    }
}
