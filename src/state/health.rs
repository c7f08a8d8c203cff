//! The health check URLs of this host's components.
//!
//! Reads: the manifests of this host and the kubelet's configuration, so that patches are included. Writes: nothing.

use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::config::model::ApiEndpoint;
use crate::kube::ready::Component;
use crate::state::not_yaml;
use crate::state::static_pod::StaticPod;
use crate::versions::Minor;
use serde_json::Value;
use std::net::IpAddr;
use std::path::Path;

const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";
const LOCALHOST: &str = "127.0.0.1";

/// The kubelet; None if its health check is disabled.
pub fn kubelet(files: &HostFiles) -> Result<Option<Component>> {
    /// The kubelet's default for `healthzPort`.
    const PORT: u64 = 10248;
    let settings: Value = match files.read(Path::new(KUBELET_CONFIG))? {
        Some(text) => not_yaml::parse(Path::new(KUBELET_CONFIG), &text)?,
        None => Value::Null,
    };
    let port = settings["healthzPort"].as_u64().unwrap_or(PORT);
    let host = reachable(settings["healthzBindAddress"].as_str().unwrap_or(LOCALHOST));
    let component = Component { name: "kubelet".into(), url: format!("http://{host}:{port}/healthz") };
    Ok((port != 0).then_some(component))
}

/// The components of the control plane with a manifest on this host, the API server first. `local` is the address of
/// this host's API server if its manifest does not set one.
pub fn control_plane(files: &HostFiles, minor: &Minor, local: &ApiEndpoint) -> Result<Vec<Component>> {
    let address = match local.advertise_address {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let (api_port, localhost) = (local.bind_port.to_string(), LOCALHOST.to_owned());
    let mut components = Vec::new();
    for (name, host, port, path) in [
        ("kube-apiserver", &address, api_port.as_str(), minor.api_server_probes.live),
        ("kube-controller-manager", &localhost, "10257", minor.controller_manager_probes.live),
        ("kube-scheduler", &localhost, "10259", minor.scheduler_probes.live),
    ] {
        let Some(pod) = StaticPod::read(files, name)? else { continue };
        // An API server that binds to all addresses is checked at its advertised one.
        let host = match pod.flag("bind-address") {
            None | Some("0.0.0.0" | "::") => host.clone(),
            Some(bind) => reachable(bind),
        };
        let port = pod.flag("secure-port").unwrap_or(port);
        // Port 0 disables it.
        if port != "0" {
            components.push(Component { name: name.into(), url: format!("https://{host}:{port}{path}") });
        }
    }
    Ok(components)
}

/// The address at which a server that binds to `address` is reachable on this host.
fn reachable(address: &str) -> String {
    match address {
        "0.0.0.0" => LOCALHOST.into(),
        "::" => "[::1]".into(),
        ip if ip.contains(':') => format!("[{ip}]"),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;
    use crate::versions::facts;

    fn host(name: &str, text: &str) -> (tempfile::TempDir, HostFiles) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(name.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        let files = HostFiles::new(root.path(), Gate::open());
        (root, files)
    }

    #[test]
    fn a_kubelet_with_another_or_no_health_port_is_not_checked_at_the_default_port() {
        for (settings, url) in [
            ("", Some("http://127.0.0.1:10248/healthz")),
            ("maxPods: 5", Some("http://127.0.0.1:10248/healthz")),
            ("healthzPort: 0", None),
            ("{healthzPort: 99, healthzBindAddress: 0.0.0.0}", Some("http://127.0.0.1:99/healthz")),
            ("healthzBindAddress: '::'", Some("http://[::1]:10248/healthz")),
            ("healthzBindAddress: 10.0.0.7", Some("http://10.0.0.7:10248/healthz")),
        ] {
            let (_root, files) = host(KUBELET_CONFIG, settings);
            assert_eq!(kubelet(&files).unwrap().map(|one| one.url).as_deref(), url, "{settings}");
        }
    }

    /// The default port was checked instead.
    #[test]
    fn a_configuration_of_the_kubelet_that_cannot_be_parsed_is_not_an_empty_one() {
        let (_root, files) = host(KUBELET_CONFIG, "healthzPort: [99");
        assert!(kubelet(&files).unwrap_err().to_string().contains(KUBELET_CONFIG));
    }

    /// Before v1.33 a scheduler that did not start was not noticed.
    #[test]
    fn every_component_with_a_manifest_is_checked_in_every_minor_version_at_its_own_port() {
        let local = ApiEndpoint { advertise_address: "fd00::4".parse().unwrap(), bind_port: 8443 };
        for (minor, live) in [(20, "/healthz"), (36, "/livez")] {
            let urls = |name: &str, flags: &str| {
                let path = format!("/etc/kubernetes/manifests/{name}.yaml");
                let (_root, files) = host(&path, &format!("spec: {{containers: [{{command: [{name}{flags}]}}]}}"));
                let all = control_plane(&files, facts(minor).unwrap(), &local).unwrap();
                all.into_iter().map(|one| one.url).collect::<Vec<_>>()
            };
            assert_eq!(urls("kube-apiserver", ""), ["https://[fd00::4]:8443/livez"]);
            assert_eq!(urls("kube-apiserver", ", --bind-address=10.0.0.4"), ["https://10.0.0.4:8443/livez"]);
            let bound = ", --bind-address=0.0.0.0, --secure-port=7";
            assert_eq!(urls("kube-scheduler", bound), [format!("https://127.0.0.1:7{live}")]);
            assert_eq!(urls("kube-scheduler", ", --secure-port=0"), [""; 0]);
            assert_eq!(urls("kube-controller-manager", ""), ["https://127.0.0.1:10257/healthz"]);
        }
    }
}
