//! Which socket the container runtime listens on, found by asking each that could be it.
//!
//! Reads: the sockets, and the kubelet's flags and configuration. Writes nothing.

use super::client::Cri;
use super::endpoint::Endpoint;
use super::endpoint::KNOWN;
use super::error::{CriError, Found};
use crate::host::command::Host;
use std::path::Path;

/// The socket of the kubelet's adapter to Docker, and a flag that only kubelets with it have.
const DOCKERSHIM: &str = "/var/run/dockershim.sock";
const DOCKER_FLAG: &str = "--network-plugin=";

/// The first minor version whose kubelet has no adapter to Docker (KEP-2221).
const WITHOUT_DOCKERSHIM: u16 = 24;

impl Endpoint {
    /// Fails if the kubelet of a minor version cannot use this socket.
    pub fn require_usable(&self, minor: u16) -> Result<(), CriError> {
        if self.is_dockershim() && minor >= WITHOUT_DOCKERSHIM { Err(CriError::NoDockershim { minor }) } else { Ok(()) }
    }

    /// Reads `unix:///run/x.sock` or `/run/x.sock`.
    pub fn parse(text: &str) -> Result<Self, CriError> {
        let path = text.strip_prefix("unix://").unwrap_or(text);
        if path.starts_with('/') { Ok(Self(path.into())) } else { Err(CriError::BadEndpoint { text: text.into() }) }
    }
}

/// The runtime to use: the one that was chosen; else the live one the kubelet uses; else the only
/// live one.
pub fn find(host: &Host, chosen: Option<&str>) -> Result<Cri, CriError> {
    if let Some(chosen) = chosen.filter(|text| !text.is_empty()) {
        return Cri::connect(host, &Endpoint::parse(chosen)?);
    }
    let preferred = kubelet_endpoint(host);
    let (mut live, dead) = probe(host, preferred.as_ref());
    if let Some(preferred) = preferred
        && let Some(place) = live.iter().position(|cri| cri.endpoint().is_same(&preferred, host))
    {
        return Ok(live.swap_remove(place));
    }
    match live.len() {
        0 => Err(best_error(dead)),
        1 => Ok(live.swap_remove(0)),
        _ => Err(CriError::Several {
            found: live
                .iter()
                .map(|cri| Found { endpoint: cri.endpoint().clone(), what: Ok(cri.version().to_string()) })
                .collect(),
        }),
    }
}

/// Asks every known socket, and the preferred one, whether a runtime is alive there.
pub fn probe(host: &Host, preferred: Option<&Endpoint>) -> (Vec<Cri>, Vec<(Endpoint, CriError)>) {
    let mut endpoints: Vec<Endpoint> = preferred.cloned().into_iter().collect();
    for known in KNOWN.map(|path| Endpoint(path.into())) {
        if !endpoints.iter().any(|endpoint| endpoint.is_same(&known, host)) {
            endpoints.push(known);
        }
    }
    let (mut live, mut dead) = (Vec::new(), Vec::new());
    for endpoint in endpoints {
        match Cri::connect(host, &endpoint) {
            Ok(cri) => live.push(cri),
            Err(error) => dead.push((endpoint, error)),
        }
    }
    (live, dead)
}

/// A runtime whose interface is off, or that this user may not ask, says more than "none found".
fn best_error(dead: Vec<(Endpoint, CriError)>) -> CriError {
    let mut tried = Vec::new();
    for (endpoint, error) in dead {
        match &error {
            CriError::Disabled { .. } | CriError::NotLive => return error,
            CriError::Silent { source: super::grpc::CallError::Connect(io), .. } => match io.kind() {
                std::io::ErrorKind::PermissionDenied => return error,
                std::io::ErrorKind::NotFound => tried.push(Found { endpoint, what: Err("not found".into()) }),
                _ => tried.push(Found { endpoint, what: Err("cannot connect".into()) }),
            },
            CriError::Silent { source, .. } => {
                tried.push(Found { endpoint, what: Err(format!("it does not answer: {source}")) });
            }
            _ => tried.push(Found { endpoint, what: Err(error.to_string()) }),
        }
    }
    CriError::NoneFound { tried }
}

/// The socket in the flags or the configuration of this host's kubelet.
pub fn kubelet_endpoint(host: &Host) -> Option<Endpoint> {
    const FLAG: &str = "--container-runtime-endpoint=";
    const FIELD: &str = "containerRuntimeEndpoint:";
    let read = |path: &str| host.files.read_text(Path::new(path)).ok().flatten().unwrap_or_default();
    // Flags win over the configuration, and the administrator's over kubeadm's.
    for file in ["/etc/default/kubelet", "/etc/sysconfig/kubelet", "/var/lib/kubelet/kubeadm-flags.env"] {
        let text = read(file);
        let value = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .find_map(|line| line.split_once(FLAG))
            .map(|(_, rest)| rest.split([' ', '"', '\'']).next().unwrap_or_default().to_owned());
        if let Some(endpoint) = value.and_then(|value| Endpoint::parse(&value).ok()) {
            return Some(endpoint);
        }
        // kubeadm sets it for Docker only, where the adapter in the kubelet looks after the network.
        if text.lines().any(|line| line.starts_with("KUBELET_KUBEADM_ARGS=") && line.contains(DOCKER_FLAG)) {
            return Some(Endpoint(DOCKERSHIM.into()));
        }
    }
    for file in ["/var/lib/kubelet/instance-config.yaml", "/var/lib/kubelet/config.yaml"] {
        let text = read(file);
        let value = text.lines().find_map(|line| line.strip_prefix(FIELD)).map(|v| v.trim().trim_matches(['"', '\'']));
        if let Some(endpoint) = value.and_then(|value| Endpoint::parse(value).ok()) {
            return Some(endpoint);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fault::Fault;
    use crate::host::command::fake::FakeHost;
    use crate::host::cri::fake::FakeCri;

    #[test]
    fn addresses_are_read_with_and_without_scheme() {
        assert_eq!(Endpoint::parse("unix:///run/x.sock").unwrap(), Endpoint::parse("/run/x.sock").unwrap());
        for text in ["tcp://1.2.3.4:5", "npipe:////./pipe/x", "run/x.sock", ""] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
        let known = Endpoint::parse(KNOWN[0]).unwrap();
        assert_eq!(known.written(false), "/run/containerd/containerd.sock");
        assert_eq!(known.written(true), "unix:///var/run/containerd/containerd.sock");
    }

    #[test]
    fn a_service_and_the_socket_where_it_listens_lead_to_one_another() {
        for service in ["containerd", "crio", "cri-docker"] {
            let endpoint = Endpoint::of_service(service).unwrap();
            assert_eq!(endpoint.service(), service);
            assert_eq!(endpoint.is_containerd(), service == "containerd");
        }
        assert_eq!(Endpoint::of_service("kubelet"), None);
        assert!(!Endpoint::parse("/run/k3s/containerd/containerd.sock").unwrap().is_containerd());
    }

    #[test]
    fn the_only_live_runtime_is_taken_and_a_dead_socket_passed_over() {
        let host = FakeHost::new().file("/var/run/crio/.keep", "");
        // A socket file that a dead runtime left behind.
        drop(std::os::unix::net::UnixListener::bind(host.root().join("var/run/crio/crio.sock")).unwrap());
        let _cri = FakeCri::new().serve(host.root(), KNOWN[0]);
        assert_eq!(find(&host.live(), None).unwrap().endpoint().path(), Path::new(KNOWN[0]));
    }

    #[test]
    fn of_several_live_runtimes_the_kubelets_is_taken() {
        let host = FakeHost::new();
        let _a = FakeCri::new().serve(host.root(), KNOWN[0]);
        let _b = FakeCri::new().serve(host.root(), KNOWN[1]);
        let error = find(&host.live(), None).unwrap_err();
        assert!(error.to_string().contains(KNOWN[0]) && error.to_string().contains(KNOWN[1]), "{error}");
        assert!(error.hint().unwrap().contains("--cri-socket"));
        let flags = format!("KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix://{} --x=y\"\n", KNOWN[1]);
        let host = host.file("/var/lib/kubelet/kubeadm-flags.env", &flags);
        assert_eq!(find(&host.live(), None).unwrap().endpoint().path(), Path::new(KNOWN[1]));
        assert_eq!(find(&host.live(), Some(KNOWN[0])).unwrap().endpoint().path(), Path::new(KNOWN[0]));
    }

    #[test]
    fn nothing_alive_names_every_socket_that_was_tried() {
        let error = find(&FakeHost::new().live(), None).unwrap_err();
        assert!(KNOWN.iter().all(|path| error.to_string().contains(path)), "{error}");
        assert!(error.hint().unwrap().contains("containerd"));
    }

    #[test]
    fn a_runtime_with_its_interface_switched_off_is_named() {
        let host = FakeHost::new();
        let _cri = FakeCri::empty().serve(host.root(), KNOWN[0]);
        let error = find(&host.live(), None).unwrap_err();
        assert!(matches!(error, CriError::Disabled { .. }), "{error}");
        assert!(error.hint().unwrap().contains("disabled_plugins"));
    }
}
