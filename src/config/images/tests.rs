use super::*;
use crate::config::model::ExternalEtcd;
use crate::config::print::default_cluster;
use crate::versions::{Version, facts};

fn cluster(version: &str) -> ClusterConfig {
    let version: Version = version.parse().unwrap();
    let minor = facts(version.minor).unwrap();
    default_cluster(version, minor)
}

/// The output of `config images list` for a cluster.
fn list(cluster: &ClusterConfig) -> Vec<String> {
    let minor = facts(cluster.version.minor).unwrap();
    all(cluster, minor).iter().map(ToString::to_string).collect()
}

/// The expected list, where `@` stands for the registry.
fn expected(registry: &str, images: &[&str]) -> Vec<String> {
    images.iter().map(|image| image.replace('@', registry)).collect()
}

const V1_20_2: [&str; 7] = [
    "@/kube-apiserver:v1.20.2",
    "@/kube-controller-manager:v1.20.2",
    "@/kube-scheduler:v1.20.2",
    "@/kube-proxy:v1.20.2",
    "@/pause:3.2",
    "@/etcd:3.4.13-0",
    "@/coredns:1.7.0",
];

const V1_36_2: [&str; 7] = [
    "@/kube-apiserver:v1.36.2",
    "@/kube-controller-manager:v1.36.2",
    "@/kube-scheduler:v1.36.2",
    "@/kube-proxy:v1.36.2",
    "@/coredns:v1.14.2",
    "@/pause:3.10.2",
    "@/etcd:3.6.8-0",
];

#[test]
fn lists_are_those_of_kubeadm() {
    assert_eq!(list(&cluster("v1.20.2")), expected("k8s.gcr.io", &V1_20_2));
    let mut official = V1_36_2;
    official[4] = "@/coredns/coredns:v1.14.2";
    assert_eq!(list(&cluster("v1.36.2")), expected("registry.k8s.io", &official));
}

#[test]
fn a_mirror_has_coredns_without_the_subdirectory() {
    for (version, images) in [("v1.20.2", V1_20_2), ("v1.36.2", V1_36_2)] {
        let mut mirrored = cluster(version);
        mirrored.image_repository = "registry.example.com/google_containers".into();
        assert_eq!(list(&mirrored), expected("registry.example.com/google_containers", &images));
    }
}

#[test]
fn the_old_registry_keeps_the_subdirectory_after_the_default_moved() {
    let mut old = cluster("v1.25.3");
    old.image_repository = "k8s.gcr.io".into();
    assert_eq!(coredns(&old, facts(25).unwrap()).to_string(), "k8s.gcr.io/coredns/coredns:v1.9.3");
}

#[test]
fn overrides_of_etcd_and_coredns_win() {
    let mut own = cluster("v1.36.2");
    own.dns.image = ImageOverride { repository: "a.example/dns".into(), tag: "v9".into() };
    if let Etcd::Local(local) = &mut own.etcd {
        local.image = ImageOverride { repository: "b.example".into(), tag: "3.4.13_patch.0".into() };
    }
    let images = list(&own);
    assert!(images.contains(&"a.example/dns/coredns:v9".into()), "{images:?}");
    assert!(images.contains(&"b.example/etcd:3.4.13_patch.0".into()), "{images:?}");
}

#[test]
fn images_of_disabled_components_are_not_listed() {
    let mut lean = cluster("v1.36.2");
    lean.etcd = Etcd::External(ExternalEtcd {
        http_endpoints: Vec::new(),
        endpoints: vec!["https://10.0.0.1:2379".into()],
        ca_file: String::new(),
        cert_file: String::new(),
        key_file: String::new(),
    });
    lean.dns.disabled = true;
    lean.proxy.disabled = true;
    let names: Vec<_> = all(&lean, facts(36).unwrap()).iter().map(|image| image.name).collect();
    assert_eq!(names, ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "pause"]);
}

#[test]
fn the_tag_of_etcd_follows_the_patch_release() {
    let tag = |version| etcd(&cluster(version), facts(31).unwrap()).tag;
    assert_eq!(
        (tag("v1.31.0"), tag("v1.31.13"), tag("v1.31.14")),
        ("3.5.15-0".into(), "3.5.15-0".into(), "3.5.24-0".into())
    );
}

#[test]
fn build_metadata_becomes_an_underscore_in_tags() {
    assert_eq!(Released::Proxy.image(&cluster("v1.30.4+k3s1")).tag, "v1.30.4_k3s1");
}
