//! The cluster's configuration after an upgrade.

use crate::config::model::ClusterConfig;
use crate::versions::{Version, facts};

/// The stored configuration with the version of the target. The Kubernetes project moved its registry: a cluster that uses the old
/// default gets the new one.
pub fn at_version(stored: &ClusterConfig, target: &Version) -> ClusterConfig {
    let mut config = stored.clone();
    config.version = target.clone();
    let default_of = |version: &Version| facts(version.minor).map(|minor| minor.image_repository.at(version.patch));
    let was_default = facts(stored.version.minor)
        .is_some_and(|minor| minor.image_repository.0.iter().any(|(_, default)| *default == stored.image_repository));
    if let (true, Some(default)) = (was_default, default_of(target)) {
        config.image_repository = default.into();
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::print;

    #[test]
    fn only_the_default_registry_is_replaced() {
        let moved = |repository: &str, from: &str, to: &str| {
            let from: Version = from.parse().unwrap();
            let mut stored = print::default_cluster(from.clone(), facts(from.minor).unwrap());
            stored.image_repository = repository.into();
            let config = at_version(&stored, &to.parse().unwrap());
            assert_eq!(config.version.to_string(), to);
            config.image_repository
        };
        assert_eq!(moved("k8s.gcr.io", "v1.24.1", "v1.25.16"), "registry.k8s.io");
        assert_eq!(moved("k8s.gcr.io", "v1.20.2", "v1.21.14"), "k8s.gcr.io");
        assert_eq!(moved("mirror.example/k8s", "v1.24.1", "v1.25.16"), "mirror.example/k8s");
        assert_eq!(moved("registry.k8s.io", "v1.33.2", "v1.34.2"), "registry.k8s.io");
    }
}
