//! Tests of files that belong together: when one cannot be replaced, none is.

use super::super::faults::Step;
use super::super::faults::injected::fail;
use super::*;
use crate::base::gate::Gate;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

const KEY: &str = "/pki/a.key";
const CERT: &str = "/pki/a.crt";

/// A directory with an old key and an old certificate.
fn pair() -> (tempfile::TempDir, HostFiles) {
    let root = tempfile::tempdir().unwrap();
    let files = HostFiles::new(root.path(), Gate::open());
    files.write(Path::new(KEY), &Content::secret("old key", "(key)"), 0o640).unwrap();
    files.write(Path::new(CERT), &Content::public("old certificate"), 0o644).unwrap();
    (root, files)
}

fn replace_pair(files: &HostFiles) -> Result<Vec<Written>, NotReplaced> {
    let (key, cert) = (Content::secret("new key", "(key)"), Content::public("new certificate"));
    files.write_together(&[(Path::new(KEY), &key, 0o640), (Path::new(CERT), &cert, 0o644)])
}

fn texts(files: &HostFiles) -> [String; 2] {
    [KEY, CERT].map(|path| files.read_text(Path::new(path)).unwrap().unwrap())
}

#[test]
fn a_certificate_that_cannot_take_its_place_takes_the_new_key_back() {
    for error in [Errno::BUSY, Errno::PERM, Errno::NOSPC, Errno::IO, Errno::STALE] {
        for step in [Step::Fill, Step::Name, Step::Rename] {
            let (root, files) = pair();
            let armed = fail(move |at, name| (at == step && name.contains("a.crt")).then_some(error));
            let failure = replace_pair(&files).unwrap_err();
            drop(armed);
            assert!(failure.stuck.is_empty(), "{error} at {step:?}: {failure}");
            assert!(failure.cause.path.ends_with("pki/a.crt"), "{failure}");
            assert_eq!(texts(&files), ["old key", "old certificate"], "{error} at {step:?}");
            assert_eq!(files.mode(Path::new(KEY)), Some(0o640));
            assert_eq!(std::fs::read_dir(root.path().join("pki")).unwrap().count(), 2, "{error} at {step:?}");
            replace_pair(&files).unwrap();
            assert_eq!(texts(&files), ["new key", "new certificate"]);
        }
    }
}

#[test]
fn a_directory_that_cannot_be_flushed_gets_the_old_pair_back() {
    let (_root, files) = pair();
    let mut first = true;
    let armed = fail(move |at, _| (at == Step::Sync && std::mem::take(&mut first)).then_some(Errno::IO));
    let failure = replace_pair(&files).unwrap_err();
    drop(armed);
    assert!(failure.stuck.is_empty());
    assert_eq!(texts(&files), ["old key", "old certificate"]);
}

#[test]
fn what_cannot_be_put_back_is_named() {
    let (_root, files) = pair();
    let mut renames = 0;
    let armed = fail(move |at, _| {
        renames += u32::from(at == Step::Rename);
        (at == Step::Rename && renames > 1).then_some(Errno::IO)
    });
    let failure = replace_pair(&files).unwrap_err();
    drop(armed);
    assert_eq!(texts(&files), ["new key", "old certificate"]);
    let [stuck] = failure.stuck.as_slice() else { panic!("{failure}") };
    assert!(stuck.ends_with("pki/a.key"), "{failure}");
    assert!(failure.to_string().contains("a.key could not be restored"), "{failure}");
}

#[test]
fn a_pair_that_was_not_there_is_gone_again_when_half_of_it_fails() {
    let root = tempfile::tempdir().unwrap();
    let files = HostFiles::new(root.path(), Gate::open());
    let armed = fail(|at, name| (at == Step::Name && name == "a.crt").then_some(Errno::NOSPC));
    replace_pair(&files).unwrap_err();
    drop(armed);
    assert_eq!(std::fs::read_dir(root.path().join("pki")).unwrap().count(), 0);
}

#[test]
fn a_mounted_file_without_secrets_is_written_where_it_is() {
    let root = tempfile::tempdir().unwrap();
    let files = HostFiles::new(root.path(), Gate::open());
    let path = Path::new("/etc/hosts");
    files.write(path, &Content::public("127.0.0.1 localhost and more\n"), 0o644).unwrap();
    let inode = |files: &HostFiles| std::fs::metadata(files.real(path).unwrap()).unwrap().ino();
    let before = inode(&files);
    let armed = fail(|at, _| (at == Step::Rename).then_some(Errno::BUSY));
    assert_eq!(files.write(path, &Content::public("short\n"), 0o600).unwrap(), Written::Changed);
    assert_eq!((files.read_text(path).unwrap().as_deref(), files.mode(path)), (Some("short\n"), Some(0o600)));
    assert_eq!(inode(&files), before);
    // A secret would lie there half written after a kill.
    let error = files.write(path, &Content::secret("key", "(key)"), 0o600).unwrap_err();
    assert!(error.hint().unwrap().contains("findmnt"), "{error}");
    drop(armed);
    assert_eq!(files.read_text(path).unwrap().as_deref(), Some("short\n"));
    assert_eq!(std::fs::read_dir(root.path().join("etc")).unwrap().count(), 1);
}

#[test]
fn a_mounted_file_that_cannot_be_written_whole_keeps_its_content() {
    let root = tempfile::tempdir().unwrap();
    let files = HostFiles::new(root.path(), Gate::open());
    let path = Path::new("/etc/hosts");
    files.write(path, &Content::public("old\n"), 0o644).unwrap();
    let mut writes = 0;
    let armed = fail(move |at, _| match at {
        Step::Rename => Some(Errno::BUSY),
        Step::InPlace => {
            writes += 1;
            (writes == 1).then_some(Errno::NOSPC)
        }
        _ => None,
    });
    files.write(path, &Content::public("new\n"), 0o644).unwrap_err();
    drop(armed);
    assert_eq!(files.read_text(path).unwrap().as_deref(), Some("old\n"));
}

#[test]
fn a_file_that_takes_the_hidden_name_meanwhile_is_not_moved_to_the_name() {
    let (root, files) = pair();
    let intruder = root.path().join("pki/.a.crt.kubewright");
    let at = intruder.clone();
    // The name is taken after the old one was removed and before ours is given.
    let armed = fail(move |step, name| {
        if step == Step::Name && name == ".a.crt.kubewright" {
            std::fs::write(&at, "intruder").unwrap();
            std::fs::set_permissions(&at, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        None
    });
    let failure = files.write(Path::new(CERT), &Content::public("new"), 0o644).unwrap_err();
    drop(armed);
    assert_eq!(failure.source.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(texts(&files), ["old key", "old certificate"]);
    assert_eq!(std::fs::read_to_string(intruder).unwrap(), "intruder");
}
