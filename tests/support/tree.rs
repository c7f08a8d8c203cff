//! The project's own files, for the tests that check them.

use std::path::{Path, PathBuf};

/// The project's directory.
pub fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `directory` (relative to the project) whose name ends in `ending`, with its text,
/// in the order of their paths. Paths are relative to the project.
#[track_caller]
pub fn files(directory: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(&project().join(directory), ending, &mut found);
    found.sort();
    let relative = |path: &Path| path.strip_prefix(project()).unwrap().to_str().unwrap().to_owned();
    found.iter().map(|path| (relative(path), std::fs::read_to_string(path).unwrap())).collect()
}

fn collect(directory: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, ending, found);
        } else if path.to_str().unwrap().ends_with(ending) {
            found.push(path);
        }
    }
}

/// Copies everything below `from` to `to`.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
