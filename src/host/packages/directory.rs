//! A directory of packages or programs that was given instead of a repository. Nothing of it is used unless its hash is in the
//! file SHA256SUMS beside it.
//!
//! Reads: the directory. Writes: nothing.

use super::error::PackageError;
use super::package::{Choice, Installed, Kind, NAMES, Source, bare, is_done, upstream};
use crate::base::files::FileError;
use crate::host::command::{Command, Host};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The list of hashes, as `sha256sum` prints it.
pub const SUMS: &str = "SHA256SUMS";
/// What the packages of Kubernetes need of the same repository.
const NEEDED: [&str; 2] = ["kubernetes-cni", "cri-tools"];
/// A part of a program that is read at once.
const PART: usize = 1 << 20;

/// The hashes by the names of their files.
pub fn sums(host: &Host, directory: &Path) -> Result<BTreeMap<String, String>, PackageError> {
    let text = host.files.read_text(&directory.join(SUMS))?;
    let text = text.ok_or_else(|| PackageError::NoSums { directory: directory.to_path_buf() })?;
    let rows = text.lines().filter_map(|line| {
        let (hash, name) = line.trim().split_once(char::is_whitespace)?;
        let name = name.trim_start().trim_start_matches('*').trim_start_matches("./");
        Some((name.to_owned(), hash.to_lowercase()))
    });
    Ok(rows.collect())
}

/// The hash that the list has for a file, after the file was compared with it.
pub fn verified(host: &Host, sums: &BTreeMap<String, String>, path: &Path) -> Result<String, PackageError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let listed = sums.get(name.as_ref()).ok_or_else(|| PackageError::NotListed { path: path.to_path_buf() })?;
    if hash(host, path)? == *listed {
        Ok(listed.clone())
    } else {
        Err(PackageError::Differs { path: path.to_path_buf() })
    }
}

/// The SHA-256 hash of a file, in hexadecimal digits.
pub fn hash(host: &Host, path: &Path) -> Result<String, PackageError> {
    let mut hasher = Sha256::new();
    read_parts(host, path, |part| {
        hasher.update(part);
        Ok(())
    })?;
    Ok(hex::encode(hasher.finalize()))
}

/// Reads a file part by part.
pub fn read_parts(
    host: &Host,
    path: &Path,
    mut take: impl FnMut(&[u8]) -> Result<(), PackageError>,
) -> Result<(), PackageError> {
    let mut file = host.files.open(path)?;
    let mut part = vec![0; PART];
    loop {
        let failed = |source| FileError { verb: "read", path: path.to_path_buf(), source };
        let length = file.read(&mut part).map_err(failed)?;
        match part.get(..length) {
            Some(read) if length > 0 => take(read)?,
            _ => return Ok(()),
        }
    }
}

/// Chooses the packages of the version in the directory.
pub fn choose(host: &Host, mut source: Source, directory: &Path) -> Result<Source, PackageError> {
    let sums = sums(host, directory)?;
    let ending = if source.kind == Kind::Apt { "deb" } else { "rpm" };
    let wanted = bare(&source.version);
    let mut found: BTreeMap<String, (String, PathBuf)> = BTreeMap::new();
    for file in host.files.list(directory)? {
        let path = directory.join(&file);
        if path.extension().is_none_or(|one| one != ending) {
            continue;
        }
        // Programs read it only after it was verified.
        verified(host, &sums, &path)?;
        let Some((name, version)) = read(host, source.kind, &path)? else { continue };
        let is_needed = NEEDED.contains(&name.as_str());
        if is_needed || (NAMES.contains(&name.as_str()) && upstream(&version) == wanted) {
            found.insert(name, (version, path));
        }
    }
    for (name, version) in source.installed.clone() {
        if is_done(&version, &source.version) {
            continue;
        }
        let what = format!("{name}.{ending} of {}", source.version);
        let lacks = || PackageError::Lacks { directory: directory.to_path_buf(), what };
        let (_, path) = found.get(&name).ok_or_else(lacks)?;
        source.choices.push(choice(&name, path));
    }
    if !source.choices.is_empty() {
        let there = needed(host, source.kind)?;
        for (name, (version, path)) in found.iter().filter(|(name, _)| NEEDED.contains(&name.as_str())) {
            if is_older(host, source.kind, there.get(name), version)? {
                source.choices.push(choice(name, path));
            }
        }
    }
    Ok(source)
}

fn choice(name: &str, path: &Path) -> Choice {
    Choice { name: name.to_owned(), argument: path.display().to_string(), hash: None }
}

/// The name and the version of a package file.
fn read(host: &Host, kind: Kind, path: &Path) -> Result<Option<(String, String)>, PackageError> {
    let path = path.display().to_string();
    if kind == Kind::Apt {
        let text = host.read_text(&Command::new(["dpkg-deb", "-f", &path, "Package", "Version"]))?;
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        return Ok(field("Package").zip(field("Version")).map(|(name, version)| (name.into(), version.into())));
    }
    let text = host.read_text(&Command::new(["rpm", "-qp", "--qf", "%{NAME} %{VERSION}-%{RELEASE}\\n", &path]))?;
    Ok(text.trim().split_once(' ').map(|(name, version)| (name.into(), version.into())))
}

/// The installed packages that those of Kubernetes need.
fn needed(host: &Host, kind: Kind) -> Result<Installed, PackageError> {
    let query: &[&str] = if kind == Kind::Apt {
        &["dpkg-query", "-W", "-f=${Package} ${Version}\\n"]
    } else {
        &["rpm", "-q", "--qf", "%{NAME} %{VERSION}-%{RELEASE}\\n"]
    };
    let output = host.read(&Command::new(query.iter().copied().chain(NEEDED)))?;
    let pairs = output.stdout.lines().filter_map(|line| line.split_once(' '));
    let pairs = pairs.filter(|(name, version)| NEEDED.contains(name) && !version.trim().is_empty());
    Ok(pairs.map(|(name, version)| (name.to_owned(), version.trim().to_owned())).collect())
}

/// True if a needed package is not installed, or older. A package of rpm is only added if it is not installed.
fn is_older(host: &Host, kind: Kind, there: Option<&String>, new: &str) -> Result<bool, PackageError> {
    let Some(there) = there else { return Ok(true) };
    if kind != Kind::Apt {
        return Ok(false);
    }
    Ok(host.read(&Command::new(["dpkg", "--compare-versions", there, "lt", new]))?.is_success())
}
