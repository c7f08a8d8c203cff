//! The containerd of this host, its configuration file, and its effective configuration.
//!
//! Reads: the service's command line, and the output of `containerd config dump`.

use super::document::Document;
use super::error::{CONFIG, ContainerdError};
use crate::base::fault::Result;
use crate::host::Host;
use crate::host::command::Command;
use crate::host::service::Services;
use std::path::{Path, PathBuf};

/// The program and its service.
pub(in crate::checks) const SERVICE: &str = "containerd";

/// An installed containerd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::checks) struct Installation {
    /// Its program.
    program: String,
    /// Its configuration file, which may be missing.
    pub config: PathBuf,
}

impl Installation {
    /// The containerd of the service; None if none is installed.
    pub fn find(host: &Host) -> Option<Self> {
        let command = Services::of(host).command_line(SERVICE).unwrap_or_default();
        let named = command.first().filter(|program| program.starts_with('/') && host.find(program).is_some());
        let program = named.cloned().or_else(|| host.find(SERVICE).map(|_| SERVICE.to_owned()))?;
        let config = option(&command, "--config").or_else(|| option(&command, "-c")).unwrap_or(CONFIG);
        Some(Self { program, config: config.into() })
    }

    /// The effective configuration with a file: that of the service, or one that is to replace it.
    pub fn dump(&self, host: &Host, file: &Path) -> Result<Document> {
        let name = file.display().to_string();
        let output = host.read(&Command::new([self.program.as_str(), "--config", &name, "config", "dump"]))?;
        let refused = |why: String| ContainerdError::Refused { file: self.config.display().to_string(), why };
        if !output.is_success() {
            // Only its last line: standard output may contain passwords of registries.
            let why = output.stderr.trim().lines().next_back().unwrap_or_default();
            return Err(
                refused(why.trim_start_matches("containerd: ").replace(&name, &self.config.to_string_lossy())).into()
            );
        }
        Document::parse(&output.stdout).map_err(|error| refused(format!("its dump is not TOML: {error}")).into())
    }

    /// The first line of a new file: the schema of this containerd.
    pub fn head(&self, host: &Host) -> &'static str {
        let version = host.read_text(&Command::new([self.program.as_str(), "--version"])).unwrap_or_default();
        // `containerd github.com/containerd/containerd v2.0.0 COMMIT`, or without the v.
        let is_2 = version.split_whitespace().any(|word| word.trim_start_matches('v').starts_with("2."));
        if is_2 { "version = 3\n" } else { "version = 2\n" }
    }
}

/// The value of an option in a command line.
fn option<'a>(command: &'a [String], name: &str) -> Option<&'a str> {
    let place = command.iter().position(|word| word == name || word.starts_with(&format!("{name}=")))?;
    let assigned = command.get(place)?.strip_prefix(name)?.strip_prefix('=');
    assigned.or_else(|| command.get(place + 1).map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    fn started_by(line: &str) -> Option<Installation> {
        let shown = format!("ExecStart={{ path=/x ; argv[]={line} ; ignore_errors=no ; pid=1 }}\n");
        let fake = FakeHost::new()
            .systemd()
            .program("containerd")
            .on("systemctl show -p ExecStart containerd", if line.is_empty() { "ExecStart=\n" } else { &shown });
        Installation::find(&fake.live())
    }

    #[test]
    fn the_file_on_the_services_command_line_is_used() {
        for (line, program, config) in [
            ("/usr/bin/containerd", "/usr/bin/containerd", CONFIG),
            ("/usr/bin/containerd --config /opt/c.toml --log-level info", "/usr/bin/containerd", "/opt/c.toml"),
            ("/usr/bin/containerd -c=/opt/c.toml", "/usr/bin/containerd", "/opt/c.toml"),
            ("/gone/containerd", "containerd", CONFIG),
            ("", "containerd", CONFIG),
        ] {
            let expected = Installation { program: program.into(), config: config.into() };
            assert_eq!(started_by(line), Some(expected), "{line}");
        }
        assert_eq!(Installation::find(&FakeHost::new().live()), None);
    }
}
