//! The table of mounts, and unmounting the kubelet's mounts.
//!
//! Reads: `/proc/self/mountinfo`. Writes: unmounts, through the gate.

use super::command::{Command, Host};
use super::error::HostError;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::gate::Change;
use rustix::mount::{MountPropagationFlags, UnmountFlags};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

const MOUNTINFO: &str = "/proc/self/mountinfo";
/// The timeout for flushing a file system: a network disk that does not respond would block.
const UNMOUNT_LIMIT: Duration = Duration::from_mins(2);

/// A mount that cannot be unmounted. Nothing below it was changed.
#[derive(Debug, thiserror::Error)]
#[error("cannot unmount {}, so nothing was removed around it{}", path.display(), used_by(users))]
pub struct Busy {
    /// Where it is mounted.
    pub path: PathBuf,
    /// Programs that have files open there: `bash (1234)`.
    pub users: Vec<String>,
    /// The error of the operating system.
    #[source]
    pub source: io::Error,
}

/// A disk that was mounted on a directory of the host after that had become a volume: to unmount it from the volume would
/// unmount it from the directory. Nothing was touched.
#[derive(Debug, thiserror::Error)]
#[error("the disk that is mounted on {} also covers the volume {}, and can only be unmounted from both", original.display(), path.display())]
pub struct Covered {
    /// The volume.
    pub path: PathBuf,
    /// Where the disk was mounted.
    pub original: PathBuf,
}

impl Fault for Covered {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Host
    }
    fn hint(&self) -> Option<String> {
        let original = self.original.display();
        Some(format!(
            "run 'umount {original}', then the same command again: it continues; mount the disk again afterwards"
        ))
    }
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
            "stop the programs that use it (run 'fuser -vm {path}' to see), run 'umount {path}', then the same command again: it continues"
        ))
    }
}

/// A line of the table of mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    id: u64,
    /// The mount on which it is mounted.
    parent: u64,
    /// Which file system is mounted, and which directory of it.
    source: Vec<u8>,
    path: PathBuf,
    /// The number of the group that sees what is mounted in it.
    group: Option<u64>,
}

/// Every mount point, in the order in which the kernel lists them.
pub fn all(host: &Host) -> Result<Vec<PathBuf>, HostError> {
    Ok(table(host)?.into_iter().map(|mount| mount.path).collect())
}

/// The mount points of a table in the format of `/proc/PID/mountinfo`. Lines in another format are left out.
pub fn points(table: &[u8]) -> Vec<PathBuf> {
    parse(table).into_iter().map(|mount| mount.path).collect()
}

fn table(host: &Host) -> Result<Vec<Mount>, HostError> {
    // Paths need not be UTF-8, so the bytes are read.
    let bytes = host.files.read(Path::new(MOUNTINFO))?.unwrap_or_default();
    Ok(parse(&bytes))
}

/// Unmounts everything that is mounted below the directories, top mounts first; what is mounted on one of them stays: it
/// is a disk for this purpose. `flags` are those of umount(2). Returns what was unmounted.
pub fn release(host: &Host, directories: &[PathBuf], flags: &[String]) -> crate::base::fault::Result<Vec<PathBuf>> {
    let table = table(host)?;
    let below = |mount: &&Mount| {
        directories.iter().any(|directory| mount.path.starts_with(directory) && mount.path != *directory)
    };
    let chosen: Vec<&Mount> = table.iter().filter(below).collect();
    // A volume that is a directory of the host shares what is mounted in it: to unmount the copy here would unmount the
    // original there. Once it shares nothing any more, only the copy goes.
    if let Some(error) = chosen.iter().find_map(|mount| covered(&table, &chosen, mount)) {
        return Err(error.into());
    }
    for mount in bottom(&chosen) {
        let path = mount.path.clone();
        let change = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        host.gate.effect(|| {
            within(UNMOUNT_LIMIT, move || rustix::mount::mount_change(&path, change))
                .map_err(|source| busy(host, mount, source))
        })?;
    }
    let mut released = Vec::new();
    for mount in top_first(&chosen) {
        let change = Change::Run {
            what: "unmount a mount of the kubelet".into(),
            command: vec!["umount".into(), mount.path.display().to_string()],
        };
        let (path, flags) = (mount.path.clone(), flags_of(flags));
        host.gate.pass(change, || {
            within(UNMOUNT_LIMIT, move || rustix::mount::unmount(&path, flags))
                .map_err(|source| busy(host, mount, source))
        })?;
        released.push(mount.path.clone());
    }
    Ok(released)
}

/// Why a mount cannot be let go by itself: it lies right on a volume that shares what is mounted on it, where no path leads
/// to the volume any more.
fn covered(table: &[Mount], chosen: &[&Mount], mount: &Mount) -> Option<Covered> {
    let by_id = |id: u64| table.iter().find(|other| other.id == id);
    let volume = by_id(mount.parent).filter(|volume| volume.path == mount.path && volume.group.is_some())?;
    let is_original = |other: &&Mount| {
        !chosen.contains(other)
            && other.source == mount.source
            && by_id(other.parent).is_some_and(|parent| parent.group == volume.group)
    };
    let original = table.iter().find(is_original)?;
    Some(Covered { path: mount.path.clone(), original: original.path.clone() })
}

fn busy(host: &Host, mount: &Mount, source: io::Error) -> Busy {
    // Reading a file system that does not respond would block, too.
    let users = if source.kind() == io::ErrorKind::TimedOut { Vec::new() } else { users_of(host, &mount.path) };
    Busy { path: mount.path.clone(), users, source }
}

/// Runs an operation from which the kernel may never return, as with a network disk that does not respond; its thread
/// is then abandoned.
fn within(limit: Duration, act: impl FnOnce() -> rustix::io::Result<()> + Send + 'static) -> io::Result<()> {
    let (done, end) = channel();
    std::thread::spawn(move || {
        // The receiver is dropped after the timeout.
        let _ = done.send(act());
    });
    match end.recv_timeout(limit) {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("the kernel did not finish within {limit:?}"))),
    }
}

/// Those that are mounted on no other of them.
fn bottom<'m>(mounts: &[&'m Mount]) -> Vec<&'m Mount> {
    let is_one = |id: u64| mounts.iter().any(|mount| mount.id == id);
    mounts.iter().filter(|mount| !is_one(mount.parent)).copied().collect()
}

/// What is mounted on something comes before it, what was mounted later before what it may hide. The order of the list
/// alone is not sufficient: mounts can be moved.
fn top_first<'m>(mounts: &[&'m Mount]) -> Vec<&'m Mount> {
    let mut on: BTreeMap<u64, Vec<&Mount>> = BTreeMap::new();
    for mount in mounts {
        on.entry(mount.parent).or_default().push(mount);
    }
    // Each is noted before what is on it, and the whole list is turned around at the end.
    let (mut order, mut next) = (Vec::new(), bottom(mounts));
    next.reverse();
    while let Some(mount) = next.pop() {
        order.push(mount);
        next.extend(on.remove(&mount.id).unwrap_or_default().into_iter().rev());
    }
    order.reverse();
    order
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

/// The users of a mount, as text; empty if `fuser` does not list any.
fn users_of(host: &Host, path: &Path) -> Vec<String> {
    let shown = path.display().to_string();
    let Ok(output) = host.read(&Command::new(["fuser", "-m", &shown])) else { return Vec::new() };
    output.stdout.split_whitespace().take(5).map(|id| format!("process {id}")).collect()
}

/// `ID PARENT DEVICE ROOT PATH OPTIONS [shared:GROUP]… - …`, as proc(5) has it; blanks and the like in paths are written
/// as `\040`.
fn parse(bytes: &[u8]) -> Vec<Mount> {
    let number = |field: &[u8]| std::str::from_utf8(field).ok()?.parse().ok();
    let mount = |line: &[u8]| {
        let mut fields = line.split(|byte| *byte == b' ');
        let (id, parent) = (number(fields.next()?)?, number(fields.next()?)?);
        let source = [fields.next()?, fields.next()?].join(&b' ');
        let path = PathBuf::from(OsString::from_vec(unescape(fields.next()?)));
        let mut groups = fields.skip(1).take_while(|field| *field != b"-");
        let group = groups.find_map(|field| number(field.strip_prefix(b"shared:")?));
        Some(Mount { id, parent, source, path, group })
    };
    bytes.split(|byte| *byte == b'\n').filter_map(mount).collect()
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
        assert_eq!(found[2].path, Path::new("/var/lib/kubelet/pods/a/volume-subpaths/my data"));
        assert_eq!((found[2].id, found[2].parent, found[2].group, found[4].group), (91, 22, Some(1), None));
        assert_eq!(unescape(b"a\\b\\777\\0"), b"a\\b\\777\\0");
    }

    #[test]
    fn only_mounts_below_the_directories_are_unmounted_last_first() {
        let fake = FakeHost::new().file(MOUNTINFO, TABLE);
        let host = fake.dry();
        let released = release(&host, &["/var/lib/kubelet/pods".into()], &[]).unwrap();
        assert_eq!(released.len(), 2);
        assert!(released[0].ends_with("my data") && released[1].ends_with("t"));
        assert_eq!(host.gate.count(), 2);
    }

    fn order(table: &str) -> Vec<String> {
        let mounts = parse(table.as_bytes());
        let names =
            top_first(&mounts.iter().collect::<Vec<_>>()).into_iter().map(|mount| mount.path.display().to_string());
        names.collect()
    }

    #[test]
    fn a_disk_that_is_mounted_on_a_directory_of_the_kubelet_stays() {
        let table = "90 22 8:2 / /var/lib/kubelet/pods rw - ext4 /dev/sdb rw\n\
                     91 90 0:44 / /var/lib/kubelet/pods/a/t rw - tmpfs tmpfs rw\n";
        let fake = FakeHost::new().file(MOUNTINFO, table);
        let released = release(&fake.dry(), &["/var/lib/kubelet/pods".into()], &[]).unwrap();
        assert_eq!(released, [Path::new("/var/lib/kubelet/pods/a/t")]);
    }

    #[test]
    fn a_mount_that_was_moved_onto_a_later_one_goes_before_it() {
        assert_eq!(order("90 91 0:1 / /p/a/inner rw\n91 22 0:2 / /p/a rw\n"), ["/p/a/inner", "/p/a"]);
    }

    #[test]
    fn a_mount_that_hides_others_goes_before_them() {
        let table = "90 22 0:1 / /p/a/b rw\n91 90 0:2 / /p/a/b/c rw\n92 22 0:3 / /p/a rw\n93 92 0:4 / /p/a rw\n";
        assert_eq!(order(table), ["/p/a", "/p/a", "/p/a/b/c", "/p/a/b"]);
        // What is mounted on itself is the top of the tree, or nonsense.
        assert_eq!(order("1 1 0:1 / /p/a rw\n"), [""; 0]);
    }

    #[test]
    fn a_disk_that_was_mounted_on_a_directory_after_it_had_become_a_volume_is_not_unmounted() {
        let line = |id, parent, source: &str, path: &str, group| {
            format!("{id} {parent} {source} {path} rw shared:{group} - x x rw\n")
        };
        let volume = "/var/lib/kubelet/pods/a/volumes/v";
        let host = line(22, 1, "8:1 /", "/", 1) + &line(90, 22, "8:1 /disks/one", volume, 1);
        let covered = host.clone() + &line(91, 22, "8:2 /", "/disks/one", 2) + &line(92, 90, "8:2 /", volume, 2);
        let fake = FakeHost::new().file(MOUNTINFO, &covered);
        let failure = release(&fake.dry(), &["/var/lib/kubelet/pods".into()], &[]).unwrap_err();
        assert!(failure.hint().unwrap().contains("'umount /disks/one'"), "{failure}");
        // Twice the same, both by the kubelet.
        let twice = host + &line(91, 90, "0:7 /", volume, 2) + &line(92, 91, "0:8 /", volume, 3);
        let fake = FakeHost::new().file(MOUNTINFO, &twice);
        assert_eq!(release(&fake.dry(), &["/var/lib/kubelet/pods".into()], &[]).unwrap().len(), 3);
    }

    #[test]
    fn a_disk_that_never_responds_is_reported_after_a_timeout() {
        let (_never, end) = channel::<()>();
        let stuck = within(Duration::ZERO, move || {
            let _ = end.recv();
            Ok(())
        });
        assert_eq!(stuck.unwrap_err().kind(), io::ErrorKind::TimedOut);
        within(Duration::from_mins(1), || Ok(())).unwrap();
    }

    #[test]
    fn a_mount_that_stays_ends_the_work_and_says_what_to_do() {
        // It is not a mount point of this machine, so the kernel refuses.
        let fake = FakeHost::new().file(MOUNTINFO, TABLE);
        let host = fake.live();
        let failure = release(&host, &["/var/lib/kubelet/pods".into()], &[]).unwrap_err();
        assert!(failure.to_string().contains("cannot unmount /var/lib/kubelet/pods/a/volume"));
        assert!(failure.hint().unwrap().contains("it continues"));
        assert_eq!(host.gate.count(), 0);
    }

    #[test]
    fn links_are_never_followed() {
        assert_eq!(flags_of(&[]), UnmountFlags::NOFOLLOW);
        assert_eq!(flags_of(&["MNT_DETACH".into()]), UnmountFlags::NOFOLLOW | UnmountFlags::DETACH);
    }
}
