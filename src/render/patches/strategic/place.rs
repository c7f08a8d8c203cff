//! Where in a document a patch is at work.

/// The lists that are merged instead of replaced, as the field that contains them and their own, and the key of their
/// items; an empty key marks lists of plain values. Source: the `patchMergeKey` tags in `core/v1/types.go` and
/// `meta/v1/types.go`; `KubeletConfiguration` has none.
const MERGED_LISTS: &[(&str, &str, &str)] = &[
    ("metadata", "finalizers", ""),
    ("metadata", "ownerReferences", "uid"),
    ("spec", "containers", "name"),
    ("spec", "ephemeralContainers", "name"),
    ("spec", "hostAliases", "ip"),
    ("spec", "imagePullSecrets", "name"),
    ("spec", "initContainers", "name"),
    ("spec", "resourceClaims", "name"),
    ("spec", "schedulingGates", "name"),
    ("spec", "topologySpreadConstraints", "topologyKey"),
    ("spec", "volumes", "name"),
    ("containers", "env", "name"),
    ("containers", "ports", "containerPort"),
    ("containers", "volumeDevices", "devicePath"),
    ("containers", "volumeMounts", "mountPath"),
    ("ephemeralContainers", "env", "name"),
    ("ephemeralContainers", "ports", "containerPort"),
    ("ephemeralContainers", "volumeDevices", "devicePath"),
    ("ephemeralContainers", "volumeMounts", "mountPath"),
    ("initContainers", "env", "name"),
    ("initContainers", "ports", "containerPort"),
    ("initContainers", "volumeDevices", "devicePath"),
    ("initContainers", "volumeMounts", "mountPath"),
];

/// The path from the root, for errors and for finding merge keys.
pub(super) struct Place(pub(super) Vec<String>);

impl Place {
    pub(super) fn below(&self, step: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(step.to_owned());
        Self(steps)
    }

    pub(super) fn error(&self, problem: &str) -> String {
        if self.0.is_empty() { problem.to_owned() } else { format!("{}: {problem}", self.0.join(".")) }
    }

    /// The merge key of the list at `field`; None for lists that are replaced.
    pub(super) fn merge_key(&self, field: &str) -> Option<&'static str> {
        // The step of a list item is `containers[NAME]`.
        let around = self.0.last()?.split('[').next()?;
        MERGED_LISTS.iter().find(|(a, f, _)| *a == around && *f == field).map(|(.., key)| *key)
    }
}
