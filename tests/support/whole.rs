//! Is every file of a tree whole? Certificates, keys, kubeconfigs and manifests are read to their last byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Every file and directory in `root`, relative to it, in order.
pub fn names(root: &Path) -> Vec<PathBuf> {
    contents(root).into_keys().collect()
}

/// Every file and directory in `root`, relative to it, with the content of files.
pub fn contents(root: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    collect(root, root, &mut found);
    found
}

fn collect(root: &Path, directory: &Path, found: &mut BTreeMap<PathBuf, Option<Vec<u8>>>) {
    // Killed before the first change, a run leaves nothing.
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && directory == root => return,
        entries => entries.unwrap(),
    };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_owned();
        if path.is_dir() {
            found.insert(name, None);
            collect(root, &path, found);
        } else {
            found.insert(name, Some(std::fs::read(&path).unwrap()));
        }
    }
}

/// Fails on the first file that is cut off, empty, or has a name that only an unfinished file has.
#[track_caller]
pub fn assert_all(root: &Path) {
    assert_without(root, |name| panic!("{} was left over", name.display()));
}

/// The same after a kill, which may leave files under the names of unfinished ones.
#[track_caller]
pub fn assert_all_named(root: &Path) {
    assert_without(root, |_| ());
}

#[track_caller]
fn assert_without(root: &Path, unfinished: impl Fn(&Path)) {
    for (name, bytes) in contents(root) {
        let shown = name.display();
        if name.file_name().unwrap().to_str().unwrap().starts_with('.') {
            unfinished(&name);
            continue;
        }
        let Some(bytes) = bytes else { continue };
        if let Err(reason) = verify(&name, &bytes) {
            panic!("{shown} is not whole: {reason}");
        }
    }
}

fn verify(name: &Path, bytes: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let is_json = name.extension().is_some_and(|extension| extension == "renewing");
    if !is_json && !text.ends_with('\n') {
        return Err("its last line has no end".into());
    }
    match name.extension().and_then(|extension| extension.to_str()) {
        Some("crt" | "key" | "pub") => verify_pem(bytes),
        Some("conf" | "yaml") => {
            serde_yaml::from_str::<serde_json::Value>(text).map(|_| ()).map_err(|error| error.to_string())
        }
        Some("env") => Ok(()),
        Some("renewing" | "json") => {
            serde_json::from_str::<serde_json::Value>(text).map(|_| ()).map_err(|error| error.to_string())
        }
        _ => Err("unexpected file".into()),
    }
}

fn verify_pem(bytes: &[u8]) -> Result<(), String> {
    for pem in x509_parser::pem::Pem::iter_from_buffer(bytes) {
        let pem = pem.map_err(|error| error.to_string())?;
        // The outermost length says how long all of it must be.
        let length = match pem.contents.as_slice() {
            [_, short @ ..=0x7f, ..] => 2 + usize::from(*short),
            [_, 0x81, a, ..] => 3 + usize::from(*a),
            [_, 0x82, a, b, ..] => 4 + usize::from(*a) * 256 + usize::from(*b),
            _ => return Err("it holds no DER".into()),
        };
        if length != pem.contents.len() {
            return Err(format!("it has {} of {length} bytes", pem.contents.len()));
        }
    }
    Ok(())
}

#[test]
fn a_file_that_is_cut_off_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    std::fs::write(root.join("a.yaml"), "a: [b]\n").unwrap();
    assert_all(root);
    for (name, content) in [("b.yaml", "a: [b\n"), ("c.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n"), (".d.yaml", "a\n")]
    {
        std::fs::write(root.join(name), content).unwrap();
        assert!(std::panic::catch_unwind(|| assert_all(root)).is_err(), "{name}");
        std::fs::remove_file(root.join(name)).unwrap();
    }
}
