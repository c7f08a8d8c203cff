//! The types of single facts in the table of minors.

/// A value that changed within a minor: each with the first patch release that has it, oldest first, from 0 on.
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

/// One of kubeadm's own feature gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureGate {
    /// Its name in `featureGates`.
    pub name: &'static str,
    /// Its value when nobody sets it.
    pub default: bool,
    /// How far it has come.
    pub stage: Stage,
}

/// How far a feature has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Off unless asked for.
    Alpha,
    /// On or off by default, and still optional.
    Beta,
    /// Cannot be changed any more.
    Ga,
    /// Still understood, and on its way out.
    Deprecated,
}

/// How the kubelet learns which container runtime to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cri {
    /// dockershim is built in: Docker with `--network-plugin=cni`, others with `--container-runtime=remote`.
    Dockershim,
    /// Only CRI runtimes; `--container-runtime=remote` is still given.
    RemoteFlag,
    /// Only CRI runtimes; `--container-runtime` is not given any more.
    EndpointOnly,
}

/// When the kubelet gets `--pod-infra-container-image`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PauseImageFlag {
    /// Only with Docker.
    Docker,
    /// With every runtime.
    Every,
    /// With none: the runtime pins its own image.
    Never,
}

/// The paths of a static Pod's HTTP probes; None where the Pod has no such probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodProbes {
    /// Liveness.
    pub live: &'static str,
    /// Readiness.
    pub ready: Option<&'static str>,
    /// Startup.
    pub startup: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_release_has_the_newest_value_that_is_not_newer_than_itself() {
        let tags = PerPatch(&[(0, "a"), (5, "b"), (6, "c")]);
        assert_eq!([0, 4, 5, 6, 99].map(|patch| tags.at(patch)), ["a", "a", "b", "c", "c"]);
        assert_eq!(tags.newest(), "c");
    }
}
