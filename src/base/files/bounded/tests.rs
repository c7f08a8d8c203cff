use super::*;
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use rustix::fs::{CWD, FileType};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

const CONFIG: &str = "/home/bob/.kube/config";

/// Everything that is not a file of a reasonable size, by a name for the message.
fn make(what: &str, path: &Path) {
    match what {
        "a pipe" => rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap(),
        "a link to a pipe" => {
            make("a pipe", &path.with_extension("pipe"));
            symlink(path.with_extension("pipe").file_name().unwrap(), path).unwrap();
        }
        "a link to a device" => symlink("/dev/zero", path).unwrap(),
        "a socket" => drop(UnixListener::bind(path).unwrap()),
        "a directory" => std::fs::create_dir(path).unwrap(),
        _ => File::create(path).unwrap().set_len(3 << 30).unwrap(),
    }
}

const KINDS: [&str; 6] =
    ["a pipe", "a link to a pipe", "a link to a device", "a socket", "a directory", "a file of 3 GiB"];

/// Each of these hung, or took all memory.
#[test]
fn what_is_not_a_file_of_a_reasonable_size_is_refused_at_once() {
    for what in KINDS {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home/bob/.kube");
        std::fs::create_dir_all(&home).unwrap();
        make(what, &home.join("config"));
        let files = HostFiles::new(root.path(), Gate::open());
        if what == "a link to a device" {
            // Below a root directory links stay below it.
            assert!(read(&home.join("config"), LIMIT).unwrap_err().to_string().contains("device"));
        } else {
            files.read(Path::new(CONFIG)).expect_err(what);
        }
        files.read_in_home(Path::new(CONFIG)).expect_err(what);
        files.read_owned(Path::new(CONFIG), (2000, 2001)).expect_err(what);
    }
}

#[test]
fn a_file_that_is_exactly_at_the_limit_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a");
    for (length, limit, is_read) in [(0, 0, true), (8, 8, true), (9, 8, false)] {
        std::fs::write(&path, vec![b'x'; length]).unwrap();
        assert_eq!(read(&path, limit).is_ok(), is_read, "{length} of {limit}");
    }
    assert_eq!(read(&directory.path().join("b"), 1).unwrap(), None);
}

/// They say that they have no length.
#[test]
fn the_kernels_own_files_are_read() {
    assert!(!read(Path::new("/proc/self/mountinfo"), LIMIT).unwrap().unwrap().is_empty());
}

#[test]
fn in_a_home_no_link_is_followed() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("home/bob")).unwrap();
    std::fs::create_dir(root.path().join("root")).unwrap();
    std::fs::write(root.path().join("root/config"), "kubernetes-admin").unwrap();
    let files = HostFiles::new(root.path(), Gate::open());
    assert_eq!(files.read_in_home(Path::new(CONFIG)).unwrap(), None);
    let kube = root.path().join("home/bob/.kube");
    symlink("../../root", &kube).unwrap();
    assert!(files.read_in_home(Path::new(CONFIG)).is_err());
    std::fs::remove_file(&kube).unwrap();
    std::fs::create_dir(&kube).unwrap();
    symlink("../../../root/config", kube.join("config")).unwrap();
    assert!(files.read_in_home(Path::new(CONFIG)).is_err());
    std::fs::remove_file(kube.join("config")).unwrap();
    std::fs::write(kube.join("config"), "x").unwrap();
    assert_eq!(files.read_in_home(Path::new(CONFIG)).unwrap().as_deref(), Some(b"x".as_slice()));
}
