//! The types of single facts in the table of minors.

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
