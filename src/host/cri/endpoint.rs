//! The socket of a container runtime.

use crate::host::command::Host;
use std::fmt;
use std::path::{Path, PathBuf};

/// The sockets where runtimes listen by default: containerd, CRI-O, cri-dockerd. Under /var/run,
/// a link to /run on every current system, because that is how kubeadm has always written them.
pub const KNOWN: [&str; 3] =
    ["/var/run/containerd/containerd.sock", "/var/run/crio/crio.sock", "/var/run/cri-dockerd.sock"];

/// The socket of a container runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(pub(super) PathBuf);

impl Endpoint {
    /// The socket's path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The address as kubeadm of a minor version writes it to flags and annotations: with its scheme from 1.24 on, and
    /// as a bare path (containerd's below /run) before.
    pub fn written(&self, with_scheme: bool) -> String {
        match (with_scheme, self.0.to_str()) {
            (true, _) => self.to_string(),
            (false, Some("/var/run/containerd/containerd.sock")) => "/run/containerd/containerd.sock".into(),
            (false, _) => self.0.display().to_string(),
        }
    }

    /// The service that most likely listens on it.
    pub fn service(&self) -> &'static str {
        let name = self.0.to_string_lossy();
        if name.contains("crio") {
            "crio"
        } else if name.contains("cri-docker") {
            "cri-docker"
        } else if name.contains("dockershim") {
            "docker"
        } else {
            "containerd"
        }
    }

    /// The socket where the runtime of this service listens by default.
    pub fn of_service(service: &str) -> Option<Self> {
        KNOWN.into_iter().map(|path| Self(path.into())).find(|endpoint| endpoint.service() == service)
    }

    /// True for the kubelet's own adapter to Docker (before v1.24), which serves the kubelet alone.
    pub fn is_dockershim(&self) -> bool {
        self.0.ends_with("dockershim.sock")
    }

    /// True if the service `containerd` listens here, which `/etc/containerd/config.toml` configures. Other products run
    /// their own containerd on other sockets.
    pub fn is_containerd(&self) -> bool {
        ["/run/containerd/containerd.sock", "/var/run/containerd/containerd.sock"]
            .iter()
            .any(|path| self.0 == Path::new(path))
    }

    /// True if both are the same socket on this host, after links are resolved.
    pub(super) fn is_same(&self, other: &Self, host: &Host) -> bool {
        let real = |e: &Self| host.files.real(&e.0).map(|p| p.canonicalize().unwrap_or(p)).ok();
        self == other || real(self) == real(other)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unix://{}", self.0.display())
    }
}
