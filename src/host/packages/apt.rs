//! Packages of Debian and Ubuntu.
//!
//! Reads: dpkg's database, apt's lists. Writes: through apt-get and apt-mark.

use super::error::PackageError;
use super::package::{Choice, Installed, LIMIT, NAMES, Source, bare, is_done, upstream};
use crate::host::command::{Command, Host};
use std::path::Path;

/// Another run of apt may hold the lock for a while.
const LOCK: &str = "DPkg::Lock::Timeout=120";
/// Files of the configuration that were changed stay.
const FILES_STAY: [&str; 4] = ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"];

/// The package that a file belongs to.
pub fn owner(host: &Host, path: &Path) -> Result<Option<String>, PackageError> {
    if host.find("dpkg-query").is_none() {
        return Ok(None);
    }
    let output = host.read(&Command::new(["dpkg-query", "-S", &path.display().to_string()]))?;
    let line = output.stdout.lines().find(|line| !line.starts_with("diversion by"));
    // `NAME:ARCH: PATH` for a package of another architecture.
    Ok(line.and_then(|line| line.split([':', ',']).next()).map(|name| name.trim().to_owned()))
}

/// The installed packages and their versions.
pub fn installed(host: &Host) -> Result<Installed, PackageError> {
    let all = states(host)?;
    Ok(all.into_iter().filter(|(.., state)| state == "installed").map(|(name, version, _)| (name, version)).collect())
}

/// Name, version and state of each package that dpkg knows.
fn states(host: &Host) -> Result<Vec<(String, String, String)>, PackageError> {
    let format = "-f=${Package} ${db:Status-Status} ${Version}\\n";
    let words = ["dpkg-query", "-W", format].into_iter().chain(NAMES);
    // It fails if one of them is unknown, and lists the others.
    let output = host.read(&Command::new(words))?;
    let parts = output.stdout.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (name, state) = (words.next()?, words.next()?);
        Some((name.to_owned(), words.next().unwrap_or_default().to_owned(), state.to_owned()))
    });
    Ok(parts.collect())
}

/// Chooses the packages of the version from the lists that apt has.
pub fn choose(host: &Host, mut source: Source) -> Result<Source, PackageError> {
    let words = ["apt-cache", "madison"].into_iter().chain(source.installed.keys().map(String::as_str));
    let text = host.read_text(&Command::new(words))?;
    let rows: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| {
            let mut parts = line.split('|').map(str::trim);
            Some((parts.next()?, parts.next()?))
        })
        .collect();
    let wanted = bare(&source.version);
    source.newest = rows.iter().find(|(name, _)| *name == "kubelet").map(|(_, version)| (*version).to_owned());
    for (name, version) in source.installed.clone() {
        if is_done(&version, &source.version) {
            continue;
        }
        match rows.iter().find(|(of, version)| *of == name && upstream(version) == wanted) {
            Some((_, version)) => {
                source.choices.push(Choice { argument: format!("{name}={version}"), name, hash: None });
            }
            None => source.missing.push(name),
        }
    }
    Ok(source)
}

/// Reads the lists of all repositories again.
pub fn refresh(host: &Host) -> Result<(), PackageError> {
    let command = Command::new(["apt-get", "-o", LOCK, "update"]).within(LIMIT);
    host.change("read the lists of the package repositories again", &command)?;
    Ok(())
}

fn options(extra: &[&str]) -> Vec<String> {
    let environment = ["env", "DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_SUSPEND=1", "apt-get", "-y", "-o", LOCK];
    let held = ["--no-install-recommends", "--allow-change-held-packages"];
    environment.iter().chain(&FILES_STAY).chain(&held).chain(extra).map(|word| (*word).to_owned()).collect()
}

/// Fails if another package would be removed.
pub fn simulate(host: &Host, arguments: &[String], version: &str) -> Result<(), PackageError> {
    let mut words = options(&["--simulate", "install"]);
    words.extend_from_slice(arguments);
    let text = host.read_text(&Command::new(words).within(LIMIT))?;
    let removed = text.lines().filter_map(|line| line.strip_prefix("Remv "));
    let names: Vec<String> = removed.filter_map(|rest| rest.split(' ').next()).map(str::to_owned).collect();
    if names.is_empty() { Ok(()) } else { Err(PackageError::Removes { version: version.into(), names }) }
}

/// Downloads the packages without installing them.
pub fn download(host: &Host, arguments: &[String]) -> Result<(), PackageError> {
    let mut words = options(&["--download-only", "install"]);
    words.extend_from_slice(arguments);
    host.change("download the packages", &Command::new(words).within(LIMIT))?;
    Ok(())
}

/// Installs exactly these versions.
pub fn install(host: &Host, arguments: &[String], older: bool) -> Result<(), PackageError> {
    let mut words = options(&["--no-remove"]);
    if older {
        words.push("--allow-downgrades".into());
    }
    words.push("install".into());
    words.extend_from_slice(arguments);
    host.change("install the packages", &Command::new(words).within(LIMIT))?;
    Ok(())
}

/// Completes what a killed run has left: apt refuses everything else until then.
pub fn complete(host: &Host) -> Result<(), PackageError> {
    let half = |state: &str| matches!(state, "unpacked" | "half-configured" | "triggers-awaited" | "triggers-pending");
    let names: Vec<String> =
        states(host)?.into_iter().filter(|(.., state)| half(state)).map(|(name, ..)| name).collect();
    if !names.is_empty() {
        let words =
            ["dpkg", "--force-confdef", "--force-confold", "--configure"].map(str::to_owned).into_iter().chain(names);
        host.change("complete an interrupted installation", &Command::new(words).within(LIMIT))?;
    }
    Ok(())
}

/// Those of the packages that are held.
pub fn held(host: &Host) -> Result<Vec<String>, PackageError> {
    let text = host.read_text(&Command::new(["apt-mark", "showhold"]))?;
    let names = text.lines().map(str::trim).filter(|name| NAMES.contains(name));
    Ok(names.map(str::to_owned).collect())
}

/// Holds those packages again that are not held any more.
pub fn hold(host: &Host, names: &[String]) -> Result<(), PackageError> {
    if names.is_empty() {
        return Ok(());
    }
    let there = held(host)?;
    let lost: Vec<String> = names.iter().filter(|name| !there.contains(name)).cloned().collect();
    if lost.is_empty() {
        return Ok(());
    }
    let words = ["apt-mark".to_owned(), "hold".to_owned()].into_iter().chain(lost);
    host.change("hold the packages as before", &Command::new(words))?;
    Ok(())
}
