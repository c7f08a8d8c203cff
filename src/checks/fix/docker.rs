//! Docker's cgroup driver.
//!
//! Reads and writes /etc/docker/daemon.json: one option changes, all others stay. Docker reads it at its start, so it is
//! restarted, and must have the driver afterwards.

use super::bench::Bench;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::host::{Host, docker};
use serde_json::{Map, Value};
use std::path::Path;

const FILE: &str = "/etc/docker/daemon.json";
const SERVICE: &str = "docker";
const OPTIONS: &str = "exec-opts";
const DRIVER: &str = "native.cgroupdriver=";

/// The file cannot be edited. Its content is not shown: it may have passwords of proxies.
#[derive(Debug, thiserror::Error)]
#[error("cannot edit {FILE}: {0}")]
struct NotEditable(String);

impl Fault for NotEditable {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Host
    }
    fn hint(&self) -> Option<String> {
        Some("change the file by hand, then run the checks again".into())
    }
}

/// Sets the cgroup driver.
pub(super) fn set_cgroup_driver(bench: &mut Bench<'_>, driver: &str) -> Result<()> {
    let path = Path::new(FILE);
    let before = bench.host.files.read_text(path)?.unwrap_or_default();
    let text = with_driver(&before, driver)?;
    let wanted = driver.to_owned();
    let proof = move |host: &Host| match docker::info(host) {
        Ok(info) if info.cgroup_driver == wanted => Ok(()),
        Ok(info) => Err(format!("it still has the cgroup driver {}", info.cgroup_driver)),
        Err(error) => Err(format!("whether that had an effect could not be read: {error}")),
    };
    bench.write_and_restart((path, &text), &format!("Docker uses the cgroup driver {driver}"), SERVICE, Box::new(proof))
}

fn with_driver(text: &str, driver: &str) -> Result<String, NotEditable> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    let mut document: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        NotEditable(format!("line {}, column {}: it is not a JSON object", error.line(), error.column()))
    })?;
    let options = document.entry(OPTIONS).or_insert_with(|| Value::Array(Vec::new()));
    let list = options.as_array_mut().ok_or_else(|| NotEditable(format!("{OPTIONS} is not a list")))?;
    list.retain(|option| !option.as_str().is_some_and(|option| option.starts_with(DRIVER)));
    list.push(format!("{DRIVER}{driver}").into());
    let written = serde_json::to_string_pretty(&document).map_err(|error| NotEditable(error.to_string()))?;
    Ok(written + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::finding::{Finding, Repair, Report};
    use crate::checks::fix::{Fixes, apply};
    use crate::host::command::Output;
    use crate::host::command::fake::FakeHost;
    use crate::journal::{Journal, undo};

    const INFO: &str = "docker --host unix:///var/run/docker.sock info --format {{json .}}";

    /// A host whose Docker uses what its file says.
    fn host(file: &str) -> FakeHost {
        FakeHost::new()
            .systemd()
            .file(FILE, file)
            .on("systemctl restart docker", "")
            .on(
                "systemctl show -p LoadState,ActiveState,UnitFileState docker",
                "LoadState=loaded\nActiveState=active\n",
            )
            .on_computed(INFO, |root| {
                let text = std::fs::read_to_string(root.join(&FILE[1..])).unwrap_or_default();
                let driver = if text.contains("driver=systemd") { "systemd" } else { "cgroupfs" };
                let stdout = format!("{{\"ServerVersion\":\"20.10.24\",\"CgroupDriver\":\"{driver}\"}}");
                Output { code: Some(0), stdout, ..Output::default() }
            })
    }

    fn fix(fake: &FakeHost, journal: &mut Journal) -> Fixes {
        let repair = Repair::DockerCgroupDriver { driver: "systemd".into() };
        let findings = vec![Finding::error("X", "", "", "").fixed_by(repair)];
        apply(&fake.live(), journal, &Report { findings, ..Report::default() })
    }

    fn read(fake: &FakeHost) -> String {
        std::fs::read_to_string(fake.root().join(&FILE[1..])).unwrap()
    }

    #[test]
    fn one_option_changes_and_is_changed_back() {
        let before = "{\"log-driver\": \"json-file\",\n \"exec-opts\": [\"native.cgroupdriver=cgroupfs\", \"x=y\"]}\n";
        let (fake, mut journal) = (host(before), Journal::default());
        let fixes = fix(&fake, &mut journal);
        assert!(fixes.failed.is_empty(), "{:?}", fixes.failed);
        let expected: Value =
            serde_json::json!({"log-driver": "json-file", "exec-opts": ["x=y", "native.cgroupdriver=systemd"]});
        assert_eq!(serde_json::from_str::<Value>(&read(&fake)).unwrap(), expected);
        undo(&fake.live(), &mut journal).unwrap();
        assert_eq!(read(&fake), before);
    }

    #[test]
    fn what_is_not_an_object_is_not_changed_and_not_shown() {
        for text in ["{\"proxies\": \"hunter2\"", "[]", "{\"exec-opts\": \"hunter2\"}"] {
            let fake = host(text);
            let why = fix(&fake, &mut Journal::default()).failed.remove(0).why.to_string();
            assert!(why.starts_with("cannot edit /etc/docker/daemon.json: ") && !why.contains("hunter2"), "{why}");
            assert_eq!(read(&fake), text);
        }
    }

    #[test]
    fn an_option_of_the_service_that_wins_is_reported_and_the_file_restored() {
        let fake = host("{}").on(INFO, "{\"ServerVersion\":\"20.10.24\",\"CgroupDriver\":\"cgroupfs\"}");
        let why = fix(&fake, &mut Journal::default()).failed.remove(0).why.to_string();
        assert!(why.contains("it still has the cgroup driver cgroupfs, so the old content was restored"), "{why}");
        assert_eq!(read(&fake), "{}");
    }
}
