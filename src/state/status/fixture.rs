//! A healthy cluster of three control planes and two workers, for tests.

use super::etcd::counted;
use super::objects;
use super::view::{
    Addon, Api, Certificate, Certificates, Component, ControlPlane, Disk, Etcd, HostView, Manifest, ManifestState,
    Member, Node, PodNetwork, Service, Tokens, View,
};
use crate::state::expiry::{Severity as Expiry, State};

/// The time of the view, in seconds since the epoch.
pub const NOW: i64 = 1_800_000_000;

pub fn node(name: &str, control_plane: bool) -> Node {
    Node {
        name: name.into(),
        control_plane,
        ready: true,
        since: Some("2027-01-10T08:00:00Z".into()),
        version: "v1.33.2".into(),
        renewed: Some(NOW - 4),
        ..Node::default()
    }
}

pub fn component(name: &str) -> Component {
    Component { name: name.into(), ..Component::default() }
}

pub const COMPONENTS: [&str; 4] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"];

pub fn member(name: &str) -> Member {
    Member { name: name.into(), leader: name == "n1", version: "3.5.21".into(), size: 25 << 20, ..Member::default() }
}

pub fn certificate(name: &str, days: i64) -> Certificate {
    Certificate {
        name: name.into(),
        path: Some(format!("/etc/kubernetes/pki/{name}.crt").into()),
        expires: "2027-12-01T00:00:00Z".into(),
        seconds_left: days * 86_400,
        valid_in: -86_400,
        served: (name == "apiserver").then_some(State::InUse),
        is_ca: name == "ca",
        by_kubelet: false,
        externally_managed: false,
        severity: Expiry::Ok,
        problem: None,
        fix: None,
    }
}

/// As n1 sees it.
pub fn healthy() -> View {
    let planes = ["n1", "n2", "n3"];
    let nodes: Vec<Node> =
        planes.map(|name| node(name, true)).into_iter().chain(["n4", "n5"].map(|name| node(name, false))).collect();
    let addon = |name: &str, number| Addon {
        name: name.into(),
        namespace: "kube-system".into(),
        ready: number,
        wanted: number,
    };
    let disk = Disk {
        directory: "/var/lib/etcd".into(),
        free: 20 << 30,
        total: 40 << 30,
        read_only: false,
        full: false,
        low: false,
    };
    let manifest = |name: &str| Manifest {
        name: name.into(),
        path: crate::domain::paths::manifest(name),
        state: ManifestState::Unchanged,
        problem: None,
    };
    View {
        api: Some(Api {
            server: "https://10.0.0.10:6443".into(),
            kubeconfig: "/etc/kubernetes/admin.conf".into(),
            ready: true,
            problem: None,
            responds: true,
            asked_instead: None,
        }),
        control_planes: Some(
            planes
                .map(|name| ControlPlane {
                    name: name.into(),
                    version: Some("v1.33.2".into()),
                    components: COMPONENTS.map(component).into(),
                })
                .into(),
        ),
        etcd: Some(counted(Etcd { members: planes.map(member).into(), quota: Some(2 << 30), ..Etcd::default() })),
        nodes: Some(nodes),
        certificates: Some(Certificates {
            list: vec![certificate("apiserver", 300), certificate("ca", 3000)],
            unreadable: Vec::new(),
        }),
        addons: Some(vec![addon("coredns", 2), addon("kube-proxy", 5)]),
        pod_network: Some(PodNetwork { addons: vec![addon("kube-flannel-ds", 5)], without: Vec::new() }),
        tokens: Some(Tokens { valid: 1, next_expiry: Some("2027-01-16T08:00:00Z".into()) }),
        under_way: Some(Vec::new()),
        host: Some(HostView {
            name: "n1".into(),
            control_plane: true,
            kubelet: Some(Service { active: true, word: "active".into(), restarts: Some(0), age: Some(864_000) }),
            runtime: Some("containerd 1.7.24".into()),
            disks: vec![disk],
            manifests: COMPONENTS.map(manifest).into(),
            components: COMPONENTS.map(component).into(),
            ..HostView::default()
        }),
        unknown: Vec::new(),
    }
}

/// The same as a view of the etcd of its Pods.
pub fn by_pods(view: &View) -> Option<Etcd> {
    objects::etcd(view.control_planes.as_deref().unwrap_or_default())
}
