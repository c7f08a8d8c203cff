use super::check::has_room;
use super::prune::PruneSnapshots;
use super::save::fetch;
use crate::base::exit_code::ExitCode;
use crate::base::https::{Credentials, Trust};
use crate::context::{Context, Run, Saving};
use crate::domain::paths::SNAPSHOT_DIR;
use crate::etcd::test_grpc::{GrpcServer, snapshot, status};
use crate::etcd::{Access, Client, sample_database};
use crate::pipeline::{Phase, Target};
use std::path::Path;

fn client(server: &GrpcServer) -> Client {
    let endpoints = vec![server.url()];
    Client::new(Access { endpoints, trust: Trust::System, credentials: Credentials::Anonymous }).unwrap()
}

fn database() -> Vec<u8> {
    sample_database(&[("/registry/a", Some(vec![7; 90])), ("/registry/b", Some(vec![1]))], &["n1"])
}

fn names(root: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_snapshot_is_written_as_it_comes_and_verified() {
    let bytes = database();
    let messages = snapshot(&bytes);
    let size = bytes.len();
    let server =
        GrpcServer::start(
            move |path| {
                if path.ends_with("/Status") { (vec![status(size)], 0) } else { (messages.clone(), 0) }
            },
        );
    let (root, client) = (tempfile::tempdir().unwrap(), client(&server));
    let cx = Context::for_tests(root.path().to_str().unwrap());
    assert_eq!(client.status(&server.url()).unwrap().db_size, size as u64);
    let saved = fetch(&cx, &client, &server.url(), Path::new("/a.db"), false).unwrap();
    assert_eq!((saved.contents.revision, saved.contents.keys, saved.has_checksum), (3, Some(2), true));
    assert_eq!(std::fs::metadata(root.path().join("a.db")).unwrap().len(), size as u64 + 32);
    let again = fetch(&cx, &client, &server.url(), Path::new("/a.db"), false);
    assert!(again.is_err(), "it exists");
    fetch(&cx, &client, &server.url(), Path::new("/a.db"), true).unwrap();
    assert_eq!(names(root.path()), ["a.db"]);
}

#[test]
fn a_snapshot_that_ends_early_or_is_damaged_leaves_no_file() {
    let whole = snapshot(&database());
    let without_checksum = whole[..whole.len() - 1].to_vec();
    let mut damaged = whole.clone();
    let at = damaged[0].len() - 5000;
    damaged[0][at] ^= 1;
    for (messages, code) in [
        (Vec::new(), 0),
        (vec![whole[0].clone()], 0),
        (without_checksum, 0),
        (damaged, 0),
        (vec![whole[0].clone()], 14),
        (vec![vec![0xff; 9]], 0),
    ] {
        let shown = format!("{} messages, status {code}", messages.len());
        let server = GrpcServer::start(move |_| (messages.clone(), code));
        let root = tempfile::tempdir().unwrap();
        let cx = Context::for_tests(root.path().to_str().unwrap());
        let failure = fetch(&cx, &client(&server), &server.url(), Path::new("/a.db"), false).unwrap_err();
        assert_eq!(failure.exit_code(), ExitCode::Unreachable, "{shown}: {failure}");
        assert!(failure.hint().is_some() && names(root.path()).is_empty(), "{shown}");
    }
}

#[test]
fn the_disk_must_have_room_for_the_database_and_stay_usable() {
    assert!(has_room(300 << 20, 10 << 20));
    assert!(!has_room(300 << 20, 100 << 20));
    assert!(!has_room(u64::MAX - 1, u64::MAX));
}

#[test]
fn only_old_snapshots_of_the_default_directory_are_removed_and_never_the_new_one() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join(&SNAPSHOT_DIR[1..]);
    std::fs::create_dir_all(&directory).unwrap();
    for day in 1..=5 {
        std::fs::write(directory.join(format!("snapshot-2026112{day}T000000Z.db")), "x").unwrap();
    }
    std::fs::write(directory.join("mine.db"), "x").unwrap();
    let cx = Context::for_tests(root.path().to_str().unwrap());
    // The clock of the host was set back: the new one has the oldest name.
    let file = Path::new(SNAPSHOT_DIR).join("snapshot-20261121T000000Z.db");
    let saving = Saving { file, keep: Some(3), overwrite: false, source: None, saved: None, removed: Vec::new() };
    let mut cx = Run { cx, work: saving };
    PruneSnapshots.run(&mut cx, &Target { path: "prune".into(), item: None }).unwrap();
    let kept =
        ["mine.db", "snapshot-20261121T000000Z.db", "snapshot-20261124T000000Z.db", "snapshot-20261125T000000Z.db"];
    assert_eq!(names(&directory), kept);
    assert_eq!(cx.work.removed.len(), 2);
}
