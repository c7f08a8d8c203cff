//! Whether the kubelet of this host keeps the cgroup driver of its container runtime. Otherwise no new Pod would start.
//!
//! Reads: the kubelet's flags and version, the patches, the container runtime. Writes: nothing.

use super::host::NOT_LIVE;
use super::subject::unchecked;
use crate::base::fault::Result;
use crate::config::untrusted;
use crate::context::Context;
use crate::domain::paths::KUBELET_CONFIG;
use crate::host::cri::Cri;
use crate::host::{facts, kubelet_flags};
use crate::state::upgrade::cgroup_driver::CGROUP_DRIVER;
use crate::state::upgrade::files::kubelet_files;
use crate::state::upgrade::finding::Outcome;
use crate::versions::host_needs::takes_driver_from_runtime;
use serde_json::{Map, Value};
use std::path::Path;

/// What a kubelet uses if its configuration has none.
const KUBELET_DEFAULT: &str = "cgroupfs";

/// Compares the driver that the kubelet of this host gets from `shared`, the configuration of all kubelets, with the runtime's.
pub fn check(cx: &Context, shared: &Map<String, Value>) -> Outcome {
    if !cx.host.is_live() {
        return Outcome::not_checked(NOT_LIVE);
    }
    let compared = cx.runtime().and_then(|runtime| compare(cx, &runtime, shared));
    compared.unwrap_or_else(|failure| unchecked(&failure))
}

fn compare(cx: &Context, runtime: &Cri, shared: &Map<String, Value>) -> Result<Outcome> {
    let Some(driver) = runtime.cgroup_driver()? else {
        return Ok(Outcome::not_checked("the container runtime does not report its cgroup driver"));
    };
    let given = wanted(cx, shared)?;
    if given == driver.name() || follows(cx, runtime)? {
        return Ok(Outcome::default());
    }
    let mut outcome = Outcome::default();
    let (what, own) = (runtime.version(), driver.name());
    outcome.error(
        "this host",
        format!("the kubelet would use the cgroup driver {given}, and {what} uses {own}: no new Pod would start"),
        format!(
            "set cgroupDriver: {own} in the kubelet's ConfigMap in kube-system, if all nodes use {own}; or for this node alone add \
             --cgroup-driver={own} to KUBELET_EXTRA_ARGS in {}; or switch the runtime to {given}",
            kubelet_flags::FILES[0]
        ),
    );
    Ok(outcome)
}

/// The driver that this host's kubelet is to use: a flag goes before its configuration.
fn wanted(cx: &Context, shared: &Map<String, Value>) -> Result<String> {
    if let Some(flag) = kubelet_flags::find_any(&cx.host, "cgroup-driver") {
        return Ok(flag);
    }
    let files = kubelet_files(cx, shared)?;
    let text = files.iter().find(|(path, _)| path == Path::new(KUBELET_CONFIG)).map(|(_, text)| text.as_str());
    let config: Map<String, Value> = untrusted::read(text.unwrap_or_default().as_bytes()).unwrap_or_default();
    Ok(config.get(CGROUP_DRIVER).and_then(Value::as_str).unwrap_or(KUBELET_DEFAULT).to_owned())
}

/// True if the kubelet takes its driver from the runtime: the one that is installed, and the one to come.
fn follows(cx: &Context, runtime: &Cri) -> Result<bool> {
    let target = cx.facts()?.minor;
    let oldest = facts::kubelet_version(&cx.host).map_or(target, |installed| installed.minor.min(target));
    Ok(takes_driver_from_runtime(oldest) && runtime.runtime_config()?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::print;
    use crate::host::command::fake::FakeHost;
    use crate::host::cri::fake::FakeCri;
    use crate::versions::{Version, facts};
    use serde_json::json;

    const SOCKET: &str = "/run/containerd/containerd.sock";

    fn found(fake: &FakeHost, shared: &Value, target: &str) -> Vec<String> {
        let version: Version = target.parse().unwrap();
        let minor = facts(version.minor).unwrap();
        let root = fake.root().to_str().unwrap().to_owned();
        let mut cx = Context::for_tests(&root)
            .configured(print::default_cluster(version, minor), print::default_node(minor, "n1"));
        cx.host = fake.live();
        cx.config.node.as_mut().unwrap().cri_socket = Some(format!("unix://{SOCKET}"));
        cx.host.files = cx.host.files.clone();
        check(&cx, shared.as_object().unwrap()).shown()
    }

    /// A worker with cgroupfs got systemd from the ConfigMap, and its kubelet started no Pod any more.
    #[test]
    fn a_driver_that_is_not_the_runtimes_stops_the_upgrade_of_the_node() {
        let systemd = json!({CGROUP_DRIVER: "systemd"});
        let fake = FakeHost::new();
        let _server = FakeCri::new().serve(fake.root(), SOCKET);
        let shown = found(&fake, &systemd, "v1.22.17");
        assert_eq!(shown.len(), 1, "{shown:?}");
        assert!(
            shown[0].contains("would use the cgroup driver systemd, and containerd 1.6.20 uses cgroupfs"),
            "{shown:?}"
        );
        // An unset one becomes the runtime's.
        assert_eq!(found(&fake, &json!({}), "v1.22.17"), [""; 0]);
        assert_eq!(found(&fake, &json!({CGROUP_DRIVER: "cgroupfs"}), "v1.22.17"), [""; 0]);
    }

    #[test]
    fn a_flag_on_this_host_goes_before_the_configuration_of_all() {
        let fake = FakeHost::new().file("/etc/default/kubelet", "KUBELET_EXTRA_ARGS=--cgroup-driver=cgroupfs\n");
        let _server = FakeCri::new().serve(fake.root(), SOCKET);
        assert_eq!(found(&fake, &json!({CGROUP_DRIVER: "systemd"}), "v1.22.17"), [""; 0]);
    }
}
