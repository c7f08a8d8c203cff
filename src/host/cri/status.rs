//! The readiness and configuration that a runtime reports.
//!
//! Pure: reads the answers of `Status` and `RuntimeConfig`. The configuration comes as JSON of the
//! runtime's own making, so only the places known to hold a value are looked at.

use super::messages::{RuntimeConfigResponse, StatusResponse};
use serde::Serialize;
use serde_json::Value;

/// Who makes the control groups of containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CgroupDriver {
    /// The runtime and the kubelet themselves.
    Cgroupfs,
    /// systemd, asked by them.
    Systemd,
}

impl CgroupDriver {
    /// The word in the kubelet's configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cgroupfs => "cgroupfs",
            Self::Systemd => "systemd",
        }
    }
}

/// A condition that a runtime reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// It holds.
    pub ok: bool,
    /// The runtime's words when it does not.
    pub why: String,
}

/// The status that a runtime reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Containers can be run.
    pub runtime: Condition,
    /// Pods can have a network; false until a CNI plugin is installed, which is normal before `init`.
    pub network: Condition,
    /// The image that holds a pod's namespaces, as configured.
    pub sandbox_image: Option<String>,
    /// The cgroup driver, as configured; None when the runtime does not report it.
    pub cgroup_driver: Option<CgroupDriver>,
}

impl Status {
    /// What the runtime's answer says.
    pub fn new(answer: &StatusResponse) -> Self {
        let conditions = answer.status.as_ref().map(|s| s.conditions.as_slice()).unwrap_or_default();
        let condition = |kind: &str| match conditions.iter().find(|c| c.kind == kind) {
            Some(c) if c.status => Condition { ok: true, why: String::new() },
            Some(c) => Condition { ok: false, why: [c.reason.as_str(), &c.message].join(": ") },
            None => Condition { ok: false, why: format!("the runtime does not report {kind}") },
        };
        let config: Value =
            answer.info.get("config").and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
        Self {
            runtime: condition("RuntimeReady"),
            network: condition("NetworkReady"),
            sandbox_image: sandbox_image(&config),
            cgroup_driver: cgroup_driver(&config),
        }
    }
}

/// The answer of `RuntimeConfig`, which newer runtimes have.
pub(super) fn configured_driver(answer: &RuntimeConfigResponse) -> Option<CgroupDriver> {
    match answer.linux.as_ref()?.cgroup_driver {
        0 => Some(CgroupDriver::Systemd),
        1 => Some(CgroupDriver::Cgroupfs),
        _ => None,
    }
}

fn sandbox_image(config: &Value) -> Option<String> {
    // containerd 1.x and CRI-O; containerd 2.x.
    ["/sandboxImage", "/pinnedImages/sandbox", "/imageConfig/pinnedImages/sandbox"]
        .iter()
        .find_map(|place| config.pointer(place)?.as_str())
        .filter(|image| !image.is_empty())
        .map(str::to_owned)
}

fn cgroup_driver(config: &Value) -> Option<CgroupDriver> {
    let by = |is_systemd: bool| if is_systemd { CgroupDriver::Systemd } else { CgroupDriver::Cgroupfs };
    let containerd = config.get("containerd")?;
    let default = containerd.get("defaultRuntimeName").and_then(Value::as_str).unwrap_or("runc");
    let options = containerd.get("runtimes").and_then(|runtimes| runtimes.get(default)?.get("options"));
    // A runtime without the option uses cgroupfs.
    Some(by(options.and_then(|o| o.get("SystemdCgroup")).and_then(Value::as_bool).unwrap_or(false)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::cri::messages::{RuntimeCondition, RuntimeStatus};

    fn status(config: &str) -> Status {
        let ready = |kind: &str, status| RuntimeCondition {
            kind: kind.into(),
            status,
            reason: "NetworkPluginNotReady".into(),
            message: "cni plugin not initialized".into(),
        };
        Status::new(&StatusResponse {
            status: Some(RuntimeStatus { conditions: vec![ready("RuntimeReady", true), ready("NetworkReady", false)] }),
            info: [("config".to_owned(), config.to_owned())].into(),
        })
    }

    #[test]
    fn containerd_1_reports_its_driver_and_sandbox_image() {
        let config = r#"{"containerd":{"defaultRuntimeName":"runc","runtimes":{"runc":{"options":{"SystemdCgroup":true}}}},
            "sandboxImage":"registry.k8s.io/pause:3.6"}"#;
        let status = status(config);
        assert_eq!(status.cgroup_driver, Some(CgroupDriver::Systemd));
        assert_eq!(status.sandbox_image.as_deref(), Some("registry.k8s.io/pause:3.6"));
        assert!(status.runtime.ok && !status.network.ok);
        assert_eq!(status.network.why, "NetworkPluginNotReady: cni plugin not initialized");
    }

    #[test]
    fn what_is_not_reported_stays_unknown() {
        for config in ["", "not json", "{}"] {
            let status = status(config);
            assert_eq!((status.cgroup_driver, status.sandbox_image), (None, None), "{config}");
        }
        let empty = r#"{"containerd":{"runtimes":{"runc":{"options":null}}}}"#;
        assert_eq!(status(empty).cgroup_driver, Some(CgroupDriver::Cgroupfs));
    }
}
