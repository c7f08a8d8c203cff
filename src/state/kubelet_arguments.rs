//! The files in which an administrator gives this host's kubelet arguments, and what of them another minor version does not know.
//!
//! Reads: `/etc/default/kubelet`, `/etc/sysconfig/kubelet`, the units and drop-ins of the kubelet. Writes: nothing.

use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::host::kubelet_flags::FILES;
use crate::render::kubelet::{Cleaned, without_removed};
use std::path::{Path, PathBuf};

/// Units of the administrator.
const UNIT: &str = "/etc/systemd/system/kubelet.service";
const DROP_INS: &str = "/etc/systemd/system/kubelet.service.d";
/// Units of packages, which are not changed.
const OF_PACKAGES: [&str; 2] = ["/usr/lib/systemd/system/kubelet.service", "/usr/lib/systemd/system/kubelet.service.d"];

/// The files with arguments that the kubelet of v1.`minor`, or of an earlier minor version, does not know.
pub fn outdated(files: &HostFiles, minor: u16) -> Result<Vec<(PathBuf, Cleaned)>> {
    let mut paths: Vec<PathBuf> = FILES.iter().chain(&[UNIT]).map(PathBuf::from).collect();
    paths.extend(drop_ins(files, DROP_INS)?);
    cleaned(files, paths, minor)
}

/// The same for units that belong to packages: the kubelet does not start with them.
pub fn outdated_of_packages(files: &HostFiles, minor: u16) -> Result<Vec<(PathBuf, Cleaned)>> {
    let [unit, directory] = OF_PACKAGES;
    let own = drop_ins(files, DROP_INS)?;
    // A drop-in of the administrator replaces one of the same name.
    let is_used = |path: &PathBuf| !own.iter().any(|one| one.file_name() == path.file_name());
    let mut paths: Vec<PathBuf> = drop_ins(files, directory)?.into_iter().filter(is_used).collect();
    if !files.exists(Path::new(UNIT)) {
        paths.push(unit.into());
    }
    cleaned(files, paths, minor)
}

fn drop_ins(files: &HostFiles, directory: &str) -> Result<Vec<PathBuf>> {
    let names = files.list(Path::new(directory))?;
    Ok(names
        .iter()
        .map(|name| Path::new(directory).join(name))
        .filter(|path| path.extension().is_some_and(|end| end == "conf"))
        .collect())
}

fn cleaned(files: &HostFiles, paths: Vec<PathBuf>, minor: u16) -> Result<Vec<(PathBuf, Cleaned)>> {
    let mut found = Vec::new();
    for path in paths {
        let Some(text) = files.read_text(&path)? else { continue };
        let cleaned = without_removed(&text, minor);
        if !cleaned.removed.is_empty() {
            found.push((path, cleaned));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::files::Content;
    use crate::base::gate::Gate;

    #[test]
    fn drop_ins_of_the_administrator_are_cleaned_and_those_of_packages_are_only_found() {
        let root = tempfile::tempdir().unwrap();
        let files = HostFiles::new(root.path(), Gate::open());
        let put = |path: &str| files.write(Path::new(path), &Content::public("X=--runonce\n"), 0o644).unwrap();
        put("/etc/default/kubelet");
        put("/etc/systemd/system/kubelet.service.d/20-own.conf");
        put("/etc/systemd/system/kubelet.service.d/20-own.conf.bak");
        put("/usr/lib/systemd/system/kubelet.service.d/20-own.conf");
        put("/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf");
        let paths = |found: Vec<(PathBuf, Cleaned)>| found.into_iter().map(|(path, _)| path).collect::<Vec<_>>();
        assert_eq!(
            paths(outdated(&files, 32).unwrap()),
            [PathBuf::from("/etc/default/kubelet"), "/etc/systemd/system/kubelet.service.d/20-own.conf".into()]
        );
        assert_eq!(
            paths(outdated_of_packages(&files, 32).unwrap()),
            [PathBuf::from("/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf")]
        );
        assert!(outdated(&files, 31).unwrap().is_empty());
    }
}
