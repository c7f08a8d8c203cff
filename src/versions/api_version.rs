//! The versions of kubeadm's configuration API, oldest first.

use std::fmt;

/// A version of the API group `kubeadm.k8s.io`, ordered by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApiVersion {
    /// `v1beta1`, written by kubeadm 1.13 and 1.14.
    V1Beta1,
    /// `v1beta2`, written by kubeadm 1.15 to 1.21.
    V1Beta2,
    /// `v1beta3`, written by kubeadm 1.22 to 1.30.
    V1Beta3,
    /// `v1beta4`, written by kubeadm 1.31 and later.
    V1Beta4,
}

impl ApiVersion {
    pub const GROUP: &'static str = "kubeadm.k8s.io";

    /// All versions, oldest first.
    pub const ALL: [Self; 4] = [Self::V1Beta1, Self::V1Beta2, Self::V1Beta3, Self::V1Beta4];

    /// Without the group: `v1beta4`.
    pub fn name(self) -> &'static str {
        match self {
            Self::V1Beta1 => "v1beta1",
            Self::V1Beta2 => "v1beta2",
            Self::V1Beta3 => "v1beta3",
            Self::V1Beta4 => "v1beta4",
        }
    }

    /// The version with this `apiVersion`, including the group.
    pub fn find(text: &str) -> Option<Self> {
        let name = text.strip_prefix(Self::GROUP)?.strip_prefix('/')?;
        Self::ALL.into_iter().find(|v| v.name() == name)
    }
}

impl fmt::Display for ApiVersion {
    /// The `apiVersion` of a document: `kubeadm.k8s.io/v1beta4`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Self::GROUP, self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_found_by_its_own_text() {
        for version in ApiVersion::ALL {
            assert_eq!(ApiVersion::find(&version.to_string()), Some(version));
        }
        for text in ["v1beta4", "kubeadm.k8s.io/v1", "kubeadm.k8s.iov1beta4", "kubeadm.k8s.io/v1beta4 ", ""] {
            assert_eq!(ApiVersion::find(text), None, "{text}");
        }
    }
}
