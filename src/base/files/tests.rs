//! Tests of the host's files: atomic writes, modes, dry runs, the root directory.

use super::*;

fn files(gate: &Gate) -> (tempfile::TempDir, HostFiles) {
    let root = tempfile::tempdir().unwrap();
    let files = HostFiles::new(root.path(), gate.clone());
    (root, files)
}

#[test]
fn a_file_is_created_changed_and_then_left_alone() {
    let gate = Gate::open();
    let (root, files) = files(&gate);
    let path = Path::new("/etc/kubernetes/admin.conf");
    assert_eq!(files.write(path, &Content::public("a"), 0o600).unwrap(), Written::Created);
    assert_eq!(files.write(path, &Content::public("b"), 0o600).unwrap(), Written::Changed);
    assert_eq!(files.write(path, &Content::public("b"), 0o600).unwrap(), Written::Unchanged);
    assert_eq!(files.write(path, &Content::public("b"), 0o640).unwrap(), Written::Changed);
    assert_eq!(files.mode(path), Some(0o640));
    assert_eq!(std::fs::read_dir(root.path().join("etc/kubernetes")).unwrap().count(), 1, "something was left behind");
}

#[test]
fn a_mode_does_not_depend_on_the_umask() {
    let (_root, files) = files(&Gate::open());
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    files.write(Path::new("/pki/ca.crt"), &Content::public("x"), 0o644).unwrap();
    rustix::process::umask(before);
    assert_eq!(files.mode(Path::new("/pki/ca.crt")), Some(0o644));
    assert_eq!(files.mode(Path::new("/pki")), Some(0o755));
}

#[test]
fn a_dry_run_reads_back_what_it_would_have_written() {
    let gate = Gate::recording();
    let (root, files) = files(&gate);
    let path = Path::new("/pki/ca.key");
    files.write(path, &Content::secret("key", "(private key)"), 0o600).unwrap();
    assert_eq!(files.read(path).unwrap().as_deref(), Some(b"key".as_slice()));
    assert_eq!(files.list(Path::new("/pki")).unwrap(), ["ca.key"]);
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0, "a dry run wrote something");
    assert_eq!(gate.count(), 2);
    assert!(!format!("{:?}", gate.entries()).contains("\"key\""));
}

#[test]
fn a_directory_where_a_file_should_be_is_reported_with_a_fix() {
    let (root, files) = files(&Gate::open());
    std::fs::create_dir(root.path().join("admin.conf")).unwrap();
    let error = files.write(Path::new("/admin.conf"), &Content::public("x"), 0o600).unwrap_err();
    assert!(error.to_string().ends_with("/admin.conf"));
    assert!(error.hint().unwrap().contains("move it away"));
}

#[test]
fn removing_reports_whether_the_file_existed() {
    let (_root, files) = files(&Gate::open());
    let path = Path::new("/x");
    assert!(!files.remove(path).unwrap());
    files.write(path, &Content::public("x"), 0o600).unwrap();
    assert!(files.remove(path).unwrap());
    assert!(!files.exists(path));
}

#[test]
fn a_file_behind_a_link_is_replaced_and_the_link_stays() {
    let directory = tempfile::tempdir().unwrap();
    let (link, target) = (directory.path().join("current.pem"), directory.path().join("2026.pem"));
    std::fs::write(&target, "old").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let files = HostFiles::new("/", Gate::open());
    files.write(&link, &Content::public("new"), 0o600).unwrap();
    assert_eq!(std::fs::read_link(&link).unwrap(), target);
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "new");
}

#[test]
fn a_replaced_file_keeps_its_owner() {
    let (root, files) = files(&Gate::open());
    let path = Path::new("/pki/apiserver.key");
    files.write(path, &Content::public("old"), 0o600).unwrap();
    let real = root.path().join("pki/apiserver.key");
    // Only root can change the owner.
    let given = std::os::unix::fs::chown(&real, Some(2000), Some(2000)).is_ok();
    files.write(path, &Content::public("new"), 0o600).unwrap();
    let there = std::fs::metadata(&real).unwrap();
    assert_eq!(std::fs::read_to_string(&real).unwrap(), "new");
    if given {
        assert_eq!((there.uid(), there.gid()), (2000, 2000));
    }
}

#[test]
fn the_access_control_list_of_a_replaced_key_is_kept() {
    use rustix::fs::XattrFlags;
    let (root, files) = files(&Gate::open());
    let path = Path::new("/pki/apiserver.key");
    files.write(path, &Content::public("old"), 0o640).unwrap();
    let real = root.path().join("pki/apiserver.key");
    // Version 2; owner rw, user 2000 r, group r, mask r, others nothing.
    let entry =
        |tag: u16, bits: u16, id: u32| [&tag.to_le_bytes()[..], &bits.to_le_bytes(), &id.to_le_bytes()].concat();
    let none = u32::MAX;
    let list = [
        2_u32.to_le_bytes().to_vec(),
        entry(1, 6, none),
        entry(2, 4, 2000),
        entry(4, 4, none),
        entry(16, 4, none),
        entry(32, 0, none),
    ]
    .concat();
    let set = |name: &str, value: &[u8]| rustix::fs::setxattr(&real, name, value, XattrFlags::empty());
    // Some file systems support neither.
    let has_list = set("system.posix_acl_access", &list).is_ok();
    let has_attribute = set("user.backup", b"daily").is_ok();
    files.write(path, &Content::public("new"), files.mode_or(path, 0o600)).unwrap();
    let attribute = |name: &str| {
        let mut value = [0; 256];
        let length = rustix::fs::getxattr(&real, name, value.as_mut_slice()).unwrap();
        value[..length].to_vec()
    };
    assert_eq!(std::fs::read_to_string(&real).unwrap(), "new");
    assert_eq!(files.mode(path), Some(0o640));
    if has_list {
        assert_eq!(attribute("system.posix_acl_access"), list);
        // A narrower mode is applied and then counts as up to date.
        files.write(path, &Content::public("next"), 0o600).unwrap();
        assert_eq!(files.write(path, &Content::public("next"), 0o600).unwrap(), Written::Unchanged);
    }
    if has_attribute {
        assert_eq!(attribute("user.backup"), b"daily");
    }
}

#[test]
fn files_that_belong_together_are_all_written_or_none() {
    let (root, files) = files(&Gate::open());
    let (key, cert) = (Path::new("/pki/a.key"), Path::new("/pki/a.crt"));
    let (new, other) = (Content::public("key"), Content::public("cert"));
    assert_eq!(files.write_together(&[(key, &new, 0o600), (cert, &other, 0o644)]).unwrap(), [Written::Created; 2]);
    assert_eq!((files.mode(key), files.mode(cert)), (Some(0o600), Some(0o644)));
    // If the second file cannot be written, the first is not changed.
    std::fs::create_dir(root.path().join("pki/b.crt")).unwrap();
    let bad = [(key, &Content::public("next"), 0o600), (Path::new("/pki/b.crt"), &other, 0o644)];
    let error = files.write_together(&bad).unwrap_err();
    assert!(error.to_string().ends_with("/pki/b.crt"), "{error}");
    assert_eq!(files.read_text(key).unwrap().as_deref(), Some("key"));
    assert_eq!(std::fs::read_dir(root.path().join("pki")).unwrap().count(), 3, "something was left behind");
}

#[test]
fn group_access_to_a_replaced_file_is_kept_and_world_access_is_not() {
    let (_root, files) = files(&Gate::open());
    let path = Path::new("/pki/a.key");
    assert_eq!(files.mode_or(path, 0o600), 0o600);
    for (was, kept) in [(0o640, 0o640), (0o644, 0o640), (0o400, 0o600)] {
        files.write(path, &Content::public("x"), was).unwrap();
        assert_eq!(files.mode_or(path, 0o600), kept, "{was:o}");
    }
    assert_eq!(files.mode_or(path, 0o644), 0o644);
}
