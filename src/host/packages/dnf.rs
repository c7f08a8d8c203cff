//! Packages of Fedora, Red Hat and their relatives.
//!
//! Reads: rpm's database, the repositories. Writes: through dnf.

use super::error::PackageError;
use super::package::{Choice, Installed, LIMIT, NAMES, Source, bare, is_done};
use crate::base::gate::Change;
use crate::host::command::{Command, Host};
use std::path::Path;

/// The repository of Kubernetes excludes its packages, so that a general update does not change them. Understood by dnf 4
/// and dnf 5, unlike the option of its own.
const INCLUDED: &str = "--setopt=disable_excludes=kubernetes";

/// The package that a file belongs to.
pub fn owner(host: &Host, path: &Path) -> Result<Option<String>, PackageError> {
    if host.find("rpm").is_none() {
        return Ok(None);
    }
    let output = host.read(&Command::new(["rpm", "-qf", "--qf", "%{NAME}\\n", &path.display().to_string()]))?;
    let name = output.stdout.lines().next().unwrap_or_default().trim();
    Ok((output.is_success() && !name.is_empty()).then(|| name.to_owned()))
}

/// The installed packages and their versions.
pub fn installed(host: &Host) -> Result<Installed, PackageError> {
    let words = ["rpm", "-q", "--qf", "%{NAME} %{VERSION}-%{RELEASE}\\n"].into_iter().chain(NAMES);
    // It fails if one of them is not installed, and lists the others.
    let output = host.read(&Command::new(words))?;
    let pairs = output.stdout.lines().filter_map(|line| line.split_once(' '));
    let pairs = pairs.filter(|(name, _)| NAMES.contains(name));
    Ok(pairs.map(|(name, version)| (name.to_owned(), version.trim().to_owned())).collect())
}

/// Chooses the packages of the version. Whether the repositories have them is found by the simulation.
pub fn choose(mut source: Source) -> Source {
    let wanted = bare(&source.version);
    for (name, version) in &source.installed {
        if !is_done(version, &source.version) {
            let argument = format!("{name}-{}", wanted.replace('-', "~"));
            source.choices.push(Choice { name: name.clone(), argument, hash: None });
        }
    }
    source
}

fn command(options: &[&str], arguments: &[String]) -> Command {
    let words = ["dnf", INCLUDED].iter().chain(options).map(|word| (*word).to_owned());
    Command::new(words.chain(arguments.iter().cloned())).within(LIMIT)
}

/// Fails if another package would be removed, or a version is not there.
pub fn simulate(host: &Host, arguments: &[String], version: &str) -> Result<(), PackageError> {
    if !locked(host)?.is_empty() {
        // Locked versions hide all others; the installation unlocks them and asks again.
        return Ok(());
    }
    let command = command(&["install", "--assumeno"], arguments);
    // It always fails: with this option nothing is confirmed.
    let output = host.read(&command)?;
    let all = format!("{}\n{}", output.stdout, output.stderr);
    if !all.contains("Transaction Summary") {
        let lacks = ["No match for argument", "Unable to find a match", "Nothing to do"];
        if lacks.iter().any(|text| all.contains(text)) {
            let name = "kubelet".into();
            return Err(PackageError::NotAvailable { name, version: version.into(), newest: None });
        }
        return Err(crate::host::error::HostError::failed(&command, output).into());
    }
    let names = removed(&output.stdout);
    if names.is_empty() { Ok(()) } else { Err(PackageError::Removes { version: version.into(), names }) }
}

/// The names below the headings of what is removed.
fn removed(text: &str) -> Vec<String> {
    let mut is_removal = false;
    let mut names = Vec::new();
    for line in text.lines() {
        if !line.starts_with(' ') {
            is_removal = line.starts_with("Removing");
        } else if is_removal {
            names.extend(line.split_whitespace().next().map(str::to_owned));
        }
    }
    names
}

/// Downloads the packages without installing them.
pub fn download(host: &Host, arguments: &[String]) -> Result<(), PackageError> {
    if locked(host)?.is_empty() {
        host.change("download the packages", &command(&["install", "-y", "--downloadonly"], arguments))?;
    }
    Ok(())
}

/// Installs exactly these versions.
pub fn install(host: &Host, arguments: &[String]) -> Result<(), PackageError> {
    host.change("install the packages", &command(&["install", "-y"], arguments))?;
    Ok(())
}

/// Installs exactly these older versions.
pub fn downgrade(host: &Host, arguments: &[String]) -> Result<(), PackageError> {
    host.change("install the former packages", &command(&["downgrade", "-y"], arguments))?;
    Ok(())
}

/// Those of the packages that are locked at their version. Without that part of dnf none is.
pub fn locked(host: &Host) -> Result<Vec<String>, PackageError> {
    let output = host.read(&Command::new(["dnf", "-q", "versionlock", "list"]).within(LIMIT))?;
    if !output.is_success() {
        return Ok(Vec::new());
    }
    // dnf 4 lists `kubelet-0:1.33.2-1.1.*`, dnf 5 `Package name: kubelet`.
    let is_locked = |name: &&&str| {
        output.stdout.lines().any(|line| {
            let rest = line.trim().strip_prefix("Package name:").unwrap_or(line).trim().strip_prefix(**name);
            rest.is_some_and(|rest| {
                let version = rest.strip_prefix('-').and_then(|rest| rest.chars().next());
                rest.is_empty() || version.is_some_and(|first| first.is_ascii_digit())
            })
        })
    };
    Ok(NAMES.iter().filter(is_locked).map(|name| (*name).to_owned()).collect())
}

/// Removes the locks of these packages.
pub fn unlock(host: &Host, names: &[String]) -> Result<(), PackageError> {
    let there = if names.is_empty() { Vec::new() } else { locked(host)? };
    let locked: Vec<String> = names.iter().filter(|name| there.contains(name)).cloned().collect();
    if locked.is_empty() {
        return Ok(());
    }
    let words = ["dnf", "versionlock", "delete"].map(str::to_owned).into_iter().chain(locked);
    host.change("unlock the versions of the packages", &Command::new(words).within(LIMIT))?;
    Ok(())
}

/// Locks these packages at the version that they have now.
pub fn lock(host: &Host, names: &[String]) -> Result<(), PackageError> {
    let unlocks =
        |change: &Change| matches!(change, Change::Run { command, .. } if command.iter().any(|word| word == "delete"));
    let there = if names.is_empty() || host.gate.plans(unlocks) { Vec::new() } else { locked(host)? };
    let lost: Vec<String> = names.iter().filter(|name| !there.contains(name)).cloned().collect();
    if lost.is_empty() {
        return Ok(());
    }
    let words = ["dnf", "versionlock", "add"].map(str::to_owned).into_iter().chain(lost);
    host.change("lock the versions of the packages as before", &Command::new(words).within(LIMIT))?;
    Ok(())
}
