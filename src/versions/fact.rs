//! The types of facts in the table of minor versions.

/// A value that changed within a minor version: each with the first patch release that has it, oldest first, from 0 on.
#[derive(Clone, Copy, Debug)]
pub struct PerPatch(pub &'static [(u16, &'static str)]);

impl PerPatch {
    /// The value of this patch release.
    pub fn at(self, patch: u16) -> &'static str {
        self.0.iter().rev().find(|(since, _)| *since <= patch).map_or("", |(_, value)| value)
    }

    /// The value of the newest known patch release.
    pub fn newest(self) -> &'static str {
        self.at(u16::MAX)
    }
}

/// A feature gate of kubeadm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureGate {
    /// The name in `featureGates`.
    pub name: &'static str,
    /// The default value.
    pub default: bool,
    pub stage: Stage,
}

/// The stage of a feature gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Off by default.
    Alpha,
    /// On or off by default, and optional.
    Beta,
    /// Locked: cannot be changed any more.
    Ga,
    /// Still accepted, to be removed.
    Deprecated,
}

/// How the kubelet is configured to use a container runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cri {
    /// dockershim is built in: Docker with `--network-plugin=cni`, others with `--container-runtime=remote`.
    Dockershim,
    /// Only CRI runtimes; `--container-runtime=remote` is still set.
    RemoteFlag,
    /// Only CRI runtimes; `--container-runtime` is no longer set.
    EndpointOnly,
}

/// When the kubelet gets `--pod-infra-container-image`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PauseImageFlag {
    /// Only with Docker.
    Docker,
    /// With every runtime.
    Every,
    /// Never: the runtime pins its own image.
    Never,
}

/// The paths of a static Pod's HTTP probes; None if the Pod does not have the probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodProbes {
    pub live: &'static str,
    pub ready: Option<&'static str>,
    pub startup: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_release_has_the_newest_value_up_to_itself() {
        let tags = PerPatch(&[(0, "a"), (5, "b"), (6, "c")]);
        assert_eq!([0, 4, 5, 6, 99].map(|patch| tags.at(patch)), ["a", "a", "b", "c", "c"]);
        assert_eq!(tags.newest(), "c");
    }
}
