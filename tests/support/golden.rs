//! Golden files: what a command is expected to print, or a generated document to say.
//!
//! `UPDATE_GOLDEN=1 cargo test` rewrites them; read the difference before committing it. A mismatch
//! leaves what was really there beside the golden file, as `FILE.rej`.

use similar::TextDiff;
use std::path::{Path, PathBuf};

/// Compares `actual` with the file at `path`, which is relative to the project.
#[track_caller]
pub fn check(path: &str, actual: &str) {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1");
    if let Err(difference) = compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path), actual, update) {
        panic!("{path} is not what it should be; `UPDATE_GOLDEN=1 cargo test` accepts this:\n{difference}");
    }
}

fn compare(golden: &Path, actual: &str, update: bool) -> Result<(), String> {
    let rejected = PathBuf::from(format!("{}.rej", golden.display()));
    let expected = std::fs::read_to_string(golden).unwrap_or_default();
    if expected == actual {
        // A left-over of an earlier mismatch would mislead the reader.
        drop(std::fs::remove_file(rejected));
        return Ok(());
    }
    if update {
        std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
        std::fs::write(golden, actual).unwrap();
        drop(std::fs::remove_file(rejected));
        return Ok(());
    }
    std::fs::write(rejected, actual).unwrap();
    Err(TextDiff::from_lines(expected.as_str(), actual).unified_diff().context_radius(3).to_string())
}

#[test]
fn a_mismatch_shows_the_difference_and_leaves_the_rejected_text() {
    let directory = tempfile::tempdir().unwrap();
    let golden = directory.path().join("screen.txt");
    std::fs::write(&golden, "one\ntwo\n").unwrap();

    let difference = compare(&golden, "one\n2\n", false).unwrap_err();

    assert!(difference.contains("-two\n+2\n"), "{difference}");
    assert_eq!(std::fs::read_to_string(directory.path().join("screen.txt.rej")).unwrap(), "one\n2\n");
    assert_eq!(std::fs::read_to_string(&golden).unwrap(), "one\ntwo\n");
}

#[test]
fn updating_rewrites_the_golden_file_and_removes_the_rejected_one() {
    let directory = tempfile::tempdir().unwrap();
    let golden = directory.path().join("new/screen.txt");

    compare(&golden, "one\n", true).unwrap();

    assert_eq!(compare(&golden, "one\n", false), Ok(()));
    std::fs::write(directory.path().join("new/screen.txt.rej"), "").unwrap();
    compare(&golden, "two\n", true).unwrap();
    assert!(!directory.path().join("new/screen.txt.rej").exists());
}
