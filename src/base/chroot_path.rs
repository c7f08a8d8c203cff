//! Resolves host paths below a root directory.
//!
//! A host path such as `/etc/kubernetes/pki` is resolved step by step, following links as the host would, so that an
//! absolute link cannot lead out of the root directory.

use std::io;
use std::path::{Component, Path, PathBuf};

/// The number of links that Linux follows before it fails with ELOOP.
const MOST_LINKS: usize = 40;

/// The path on this machine of the host path `path`, if the host's root directory is `root`. Links are followed,
/// including the last component; components that do not exist are kept.
pub fn resolve(root: &Path, path: &Path) -> io::Result<PathBuf> {
    if root == Path::new("/") {
        return Ok(path.to_path_buf());
    }
    let mut done: Vec<std::ffi::OsString> = Vec::new();
    let mut todo: Vec<std::ffi::OsString> = words(path);
    let mut links = 0;
    while let Some(word) = todo.pop() {
        if word == ".." {
            done.pop();
            continue;
        }
        let here = root.join(done.iter().collect::<PathBuf>()).join(&word);
        match std::fs::read_link(&here) {
            Ok(target) => {
                links += 1;
                if links > MOST_LINKS {
                    return Err(io::Error::other(format!("too many links at {}", here.display())));
                }
                if target.is_absolute() {
                    done.clear();
                }
                todo.extend(words(&target));
            }
            // Not a link (EINVAL) or missing: the component is kept.
            Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotFound) => done.push(word),
            // A file instead of a directory: the caller's operation will report it.
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => done.push(word),
            Err(e) => return Err(e),
        }
    }
    Ok(root.join(done.iter().collect::<PathBuf>()))
}

/// The components of a path in reverse order.
fn words(path: &Path) -> Vec<std::ffi::OsString> {
    path.components()
        .rev()
        .filter_map(|component| match component {
            Component::Normal(word) => Some(word.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn absolute_links_and_dots_stay_below_the_root() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        std::fs::create_dir_all(root.join("etc")).unwrap();
        symlink("/data/kubernetes", root.join("etc/kubernetes")).unwrap();
        symlink("../../../../outside", root.join("etc/up")).unwrap();
        assert_eq!(resolve(root, Path::new("/etc/kubernetes/pki")).unwrap(), root.join("data/kubernetes/pki"));
        assert_eq!(resolve(root, Path::new("/etc/up/file")).unwrap(), root.join("outside/file"));
        assert_eq!(resolve(root, Path::new("/etc/../../x")).unwrap(), root.join("x"));
    }

    #[test]
    fn a_link_loop_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        symlink("/b", root.path().join("a")).unwrap();
        symlink("/a", root.path().join("b")).unwrap();
        assert!(resolve(root.path(), Path::new("/a")).unwrap_err().to_string().contains("too many links"));
    }
}
