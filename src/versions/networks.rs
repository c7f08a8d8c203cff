//! The versions of the pod networks that `init` installs from templates of its own.

/// A container image of a network, by its project's name and tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkImage {
    /// The last part of its path.
    pub name: &'static str,
    /// Its tag.
    pub tag: &'static str,
}

/// The release of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkRelease {
    /// Its version.
    pub version: &'static str,
    /// The registry of its project.
    pub registry: &'static str,
    /// The image of its daemon.
    pub daemon: NetworkImage,
    /// The image with its CNI plugin.
    pub plugin: NetworkImage,
    /// The network for Pods if the cluster has none: that of the project's own manifest.
    pub pod_subnet: &'static str,
}

/// The release of flannel of 2026-08-14.
pub const FLANNEL: NetworkRelease = NetworkRelease {
    version: "v0.28.9",
    registry: "ghcr.io/flannel-io",
    daemon: NetworkImage { name: "flannel", tag: "v0.28.9" },
    plugin: NetworkImage { name: "flannel-cni-plugin", tag: "v1.9.1-flannel3" },
    pod_subnet: "10.244.0.0/16",
};
