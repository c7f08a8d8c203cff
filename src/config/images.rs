//! The container images that a control plane needs: repository, name and tag, by kubeadm's rules.

use super::pod_network::PodNetwork;
use crate::config::model::{ClusterConfig, Etcd, ImageOverride};
use crate::versions::Minor;
use crate::versions::networks::{self, NetworkImage, NetworkRelease};
use std::fmt;

/// The registries of the Kubernetes project. Only there, `CoreDNS` is in a subdirectory.
const OFFICIAL_REGISTRIES: [&str; 2] = ["k8s.gcr.io", "registry.k8s.io"];

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Image {
    /// Registry and path: `registry.k8s.io/coredns`.
    pub repository: String,
    /// The last part of the path: `coredns`.
    pub name: &'static str,
    pub tag: String,
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.repository, self.name, self.tag)
    }
}

/// A component released together with Kubernetes, with its version as the tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    ApiServer,
    ControllerManager,
    Scheduler,
    Proxy,
}

impl Released {
    /// The name of the component and its image.
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Proxy => "kube-proxy",
        }
    }

    pub fn image(self, cluster: &ClusterConfig) -> Image {
        Image { repository: cluster.image_repository.clone(), name: self.name(), tag: cluster.version.image_tag() }
    }
}

/// The image of etcd as a static Pod.
pub fn etcd(cluster: &ClusterConfig, minor: &Minor) -> Image {
    let own = match &cluster.etcd {
        Etcd::Local(local) => local.image.clone(),
        Etcd::External(_) => ImageOverride::default(),
    };
    let tag = minor.etcd_tag.at(cluster.version.patch);
    Image { repository: or(&own.repository, &cluster.image_repository), name: "etcd", tag: or(&own.tag, tag) }
}

/// An image without its tag and digest.
pub fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        // The colon of a registry's port is followed by a slash.
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

/// True if one image replaces the other in an upgrade: both are of one repository, or of the registries of the Kubernetes project, whose
/// address and whose directory for `CoreDNS` have changed.
pub fn is_replaced_by(old: &str, new: &str) -> bool {
    let is_official = |image| {
        OFFICIAL_REGISTRIES
            .iter()
            .any(|registry| repository(image).strip_prefix(registry).is_some_and(|path| path.starts_with('/')))
    };
    repository(old) == repository(new) || (is_official(old) && is_official(new))
}

pub fn coredns(cluster: &ClusterConfig, minor: &Minor) -> Image {
    let mut repository = or(&cluster.dns.image.repository, &cluster.image_repository);
    if minor.coredns_subpath && OFFICIAL_REGISTRIES.contains(&repository.as_str()) {
        repository.push_str("/coredns");
    }
    let tag = minor.coredns_tag.at(cluster.version.patch);
    Image { repository, name: "coredns", tag: or(&cluster.dns.image.tag, tag) }
}

/// The image of the pause container.
pub fn pause(cluster: &ClusterConfig, minor: &Minor) -> Image {
    Image { repository: cluster.image_repository.clone(), name: "pause", tag: minor.pause_tag.into() }
}

/// All images that a control plane needs, in the order of the kubeadm of this minor version. Images of an external etcd
/// and of disabled addons are not included.
pub fn all(cluster: &ClusterConfig, minor: &Minor) -> Vec<Image> {
    let released = [Released::ApiServer, Released::ControllerManager, Released::Scheduler];
    let mut images: Vec<Image> = released.into_iter().map(|component| component.image(cluster)).collect();
    if !cluster.proxy.disabled {
        images.push(Released::Proxy.image(cluster));
    }
    let dns = (!cluster.dns.disabled).then(|| coredns(cluster, minor));
    let etcd = matches!(cluster.etcd, Etcd::Local(_)).then(|| etcd(cluster, minor));
    let rest = if minor.images_dns_before_pause {
        [dns, Some(pause(cluster, minor)), etcd]
    } else {
        [Some(pause(cluster, minor)), etcd, dns]
    };
    images.extend(rest.into_iter().flatten());
    images
}

/// The images of a pod network. An image repository of the user's has them too, by their own names and tags.
pub fn of_network(network: &PodNetwork, cluster: &ClusterConfig) -> Vec<String> {
    match network {
        PodNetwork::Manifest(_) => network.manifest_images(),
        PodNetwork::Flannel => {
            let release = networks::FLANNEL;
            [release.daemon, release.plugin].map(|image| network_image(&release, image, cluster).to_string()).into()
        }
    }
}

/// An image of a pod network with templates of our own.
pub fn network_image(release: &NetworkRelease, image: NetworkImage, cluster: &ClusterConfig) -> Image {
    let own = &cluster.image_repository;
    let is_mirror = !OFFICIAL_REGISTRIES.contains(&own.as_str());
    let repository = if is_mirror { own.clone() } else { release.registry.into() };
    Image { repository, name: image.name, tag: image.tag.into() }
}

fn or(own: &str, default: &str) -> String {
    if own.is_empty() { default.into() } else { own.into() }
}

#[cfg(test)]
mod tests;
