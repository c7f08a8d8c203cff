//! Tests of undoing.

use super::*;
use crate::host::command::fake::FakeHost;

const FSTAB: &str = "/etc/fstab";

fn journal(inverses: impl IntoIterator<Item = Inverse>) -> Journal {
    let mut journal = Journal::default();
    for inverse in inverses {
        journal.add_change(HostChange { what: "x".into(), check: "Swap".into(), at: 0, inverse });
    }
    journal
}

fn restore_to(path: &str, before: Option<&str>, written: &str) -> Inverse {
    Inverse::RestoreFile {
        path: path.into(),
        before: before.map(str::to_owned),
        mode: 0o644,
        written: sha256(written.as_bytes()),
        restart: None,
    }
}

fn swap_on() -> Inverse {
    Inverse::SwapOn { path: "/dev/sda2".into() }
}

fn sysctl_off() -> Inverse {
    Inverse::SetSysctl { key: "net.ipv4.ip_forward".into(), value: "0".into() }
}

/// The messages, when nothing failed.
fn all(undone: Undone) -> Vec<String> {
    assert!(undone.failed.is_empty(), "{:?}", undone.failed);
    undone.messages
}

fn read(fake: &FakeHost, path: &str) -> String {
    std::fs::read_to_string(fake.root().join(&path[1..])).unwrap()
}

#[test]
fn changes_are_undone_newest_first_and_edited_files_left_alone() {
    let fake = FakeHost::new()
        .file(FSTAB, "ours")
        .file("/etc/hosts", "edited")
        .file("/proc/sys/net/ipv4/ip_forward", "1\n")
        .file("/dev/sda2", "")
        .on("swapon /dev/sda2", "")
        .on("sysctl -w net.ipv4.ip_forward=0", "");
    let host = fake.live();
    let mut journal = journal([
        sysctl_off(),
        swap_on(),
        restore_to(FSTAB, Some("former"), "ours"),
        restore_to("/etc/hosts", None, "as we wrote it"),
    ]);
    let messages = all(undo(&host, &mut journal).unwrap());
    assert_eq!(messages[0], "kept /etc/hosts: it was changed later");
    assert_eq!(fake.ran(), ["swapon /dev/sda2", "sysctl -w net.ipv4.ip_forward=0"]);
    assert_eq!(read(&fake, FSTAB), "former");
    assert!(Journal::load(&host.files).unwrap().changes().is_empty());
}

#[test]
fn a_change_that_an_interrupted_fix_recorded_but_never_made_is_skipped() {
    let fake = FakeHost::new()
        .file(FSTAB, "former")
        .file("/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 1000 0 -2\n")
        .file("/proc/sys/net/ipv4/ip_forward", "0\n");
    let host = fake.live();
    let mut journal = journal([sysctl_off(), swap_on(), restore_to(FSTAB, Some("former"), "ours")]);
    assert!(all(undo(&host, &mut journal).unwrap()).is_empty());
    assert!(fake.ran().is_empty());
    assert_eq!(read(&fake, FSTAB), "former");
}

#[test]
fn a_file_that_was_changed_several_times_is_restored_in_one_step() {
    let noted_twice = [restore_to(FSTAB, Some("a"), "b"), restore_to(FSTAB, Some("a"), "b")];
    let killed_at_last = [restore_to(FSTAB, Some("a"), "b"), restore_to(FSTAB, Some("b"), "c")];
    let new_file = [restore_to(FSTAB, None, "a"), restore_to(FSTAB, Some("a"), "b")];
    for (now, changes, then) in [
        ("b", noted_twice, Some("a")),
        ("c", killed_at_last.clone(), Some("a")),
        ("b", killed_at_last, Some("a")),
        ("b", new_file, None),
    ] {
        for dry in [true, false] {
            let fake = FakeHost::new().file(FSTAB, now);
            let host = if dry { fake.dry() } else { fake.live() };
            assert_eq!(all(undo(&host, &mut journal(changes.clone())).unwrap()), ["restored /etc/fstab"]);
            assert_eq!(host.gate.count(), 1, "{:?}", host.gate.entries());
            let path = fake.root().join(&FSTAB[1..]);
            let expected = if dry { Some(now) } else { then };
            assert_eq!(std::fs::read_to_string(path).ok().as_deref(), expected);
        }
    }
}

#[test]
fn an_empty_journal_is_removed() {
    let fake = FakeHost::new().file(FSTAB, "b");
    let host = fake.live();
    let mut journal = journal([restore_to(FSTAB, Some("a"), "b")]);
    journal.keep(&host).unwrap();
    let file = fake.root().join(&crate::journal::PATH[1..]);
    assert!(file.exists());
    undo(&host, &mut journal).unwrap();
    assert!(!file.exists());
}

#[test]
fn a_change_that_cannot_be_undone_stays_and_does_not_block_older_ones() {
    let enabled = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n";
    let show = "systemctl show -p LoadState,ActiveState,UnitFileState kubelet";
    let fake = FakeHost::new()
        .systemd()
        .file(FSTAB, "ours")
        .file("/dev/sda2", "")
        .file("/proc/sys/net/ipv4/ip_forward", "1\n")
        .on_result("swapon /dev/sda2", 255, "", "swapon: /dev/sda2: read swap header failed")
        .on("sysctl -w net.ipv4.ip_forward=0", "")
        .on(show, enabled)
        .on_result("systemctl disable kubelet", 1, "", "Failed to disable unit");
    let disable = Inverse::DisableService { service: "kubelet".into() };
    let kept = [swap_on(), disable.clone()];
    let host = fake.live();
    let mut noted = journal([sysctl_off(), swap_on(), restore_to(FSTAB, Some("former"), "ours"), disable]);
    let undone = undo(&host, &mut noted).unwrap();
    assert_eq!(undone.messages, ["restored /etc/fstab", "set net.ipv4.ip_forward back to 0"]);
    let error = undone.verdict().unwrap_err().to_string();
    assert!(error.contains("2 changes could not be undone") && error.contains("read swap header failed"), "{error}");
    let left = Journal::load(&host.files).unwrap();
    assert_eq!(left.changes().iter().map(|change| change.inverse.clone()).collect::<Vec<_>>(), kept);
}

#[test]
fn changes_of_things_that_no_longer_exist_are_skipped() {
    let gone = "LoadState=not-found\nActiveState=inactive\nUnitFileState=\n";
    let show = |unit: &str| format!("systemctl show -p LoadState,ActiveState,UnitFileState {unit}");
    let fake = FakeHost::new().systemd().file("/etc/c", "b").on(&show("kubelet"), gone).on(&show("containerd"), gone);
    let host = fake.live();
    let config = Inverse::RestoreFile {
        path: "/etc/c".into(),
        before: Some("a".into()),
        mode: 0o644,
        written: sha256(b"b"),
        restart: Some("containerd".into()),
    };
    let mut journal = journal([swap_on(), Inverse::DisableService { service: "kubelet".into() }, config]);
    let messages = all(undo(&host, &mut journal).unwrap());
    assert_eq!(messages.len(), 3);
    assert!(
        messages[1].contains("the service does not exist") && messages[2].contains("/dev/sda2 no longer exists"),
        "{messages:?}"
    );
    assert!(journal.changes().is_empty());
}

/// `--undo-fix` left an empty /etc/containerd on a host that had none.
#[test]
fn directories_that_a_fix_created_are_removed_when_nothing_else_is_in_them() {
    const FILES: [&str; 2] = ["/etc/containerd/conf.d/a.toml", "/etc/containerd/config.toml"];
    let written = |fake: &FakeHost| {
        let host = fake.live();
        let mut journal = journal(FILES.map(|path| restore_to(path, None, "ours")));
        journal.add_missing_directories(&host.files, Path::new(FILES[0]));
        for path in FILES {
            host.files.write(Path::new(path), &Content::public("ours"), 0o644).unwrap();
        }
        (host, journal)
    };
    let fake = FakeHost::new().file("/etc/hostname", "n1");
    let (host, mut journal) = written(&fake);
    let messages = all(undo(&fake.dry(), &mut journal.clone()).unwrap());
    assert_eq!(messages.len(), 4, "a dry run says the same: {messages:?}");
    assert!(host.files.exists(Path::new("/etc/containerd/conf.d")));
    let messages = all(undo(&host, &mut journal).unwrap());
    assert_eq!(
        messages,
        [
            "restored /etc/containerd/config.toml",
            "restored /etc/containerd/conf.d/a.toml",
            "removed /etc/containerd/conf.d",
            "removed /etc/containerd"
        ]
    );
    assert!(!host.files.exists(Path::new("/etc/containerd")) && host.files.exists(Path::new("/etc")));
    assert_eq!(journal, Journal::default());

    let fake = FakeHost::new().file("/etc/hostname", "n1");
    let (host, mut journal) = written(&fake);
    let mine = Path::new("/etc/containerd/certs.d");
    host.files.create_dir(mine, 0o755).unwrap();
    all(undo(&host, &mut journal).unwrap());
    assert!(host.files.exists(mine), "a directory of the user's is in it");

    let fake = FakeHost::new().file("/etc/containerd/x", "");
    std::fs::remove_file(fake.root().join("etc/containerd/x")).unwrap();
    let (host, mut journal) = written(&fake);
    all(undo(&host, &mut journal).unwrap());
    assert_eq!(host.files.list(Path::new("/etc/containerd")).unwrap(), Vec::<String>::new());
    assert!(host.files.exists(Path::new("/etc/containerd")), "it was there before");
}
