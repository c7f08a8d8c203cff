//! Nodes, Pods and addons from the objects of the API. Pure.

use super::etcd::counted;
use super::view::{Addon, Component, ComponentState, ControlPlane, Etcd, Member, Node};
use crate::base::sanitize;
use crate::kube::node::{is_control_plane, is_ready};
use crate::pki::moment;
use crate::state::static_pod::StaticPod;
use serde_json::Value;

const COMPONENTS: [&str; 3] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];
const ETCD: &str = "etcd";
/// The names of network addons.
const NETWORKS: [&str; 10] = [
    "antrea-agent",
    "calico-node",
    "canal",
    "cilium",
    "kindnet",
    "kube-flannel",
    "kube-flannel-ds",
    "kube-router",
    "ovs-node",
    "weave-net",
];

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// The nodes with their Leases, control planes first.
pub(super) fn nodes(nodes: &[Value], leases: &[Value]) -> Vec<Node> {
    let mut all: Vec<Node> = nodes.iter().map(|value| node(value, leases)).collect();
    all.sort_by(|a, b| b.control_plane.cmp(&a.control_plane).then(a.name.cmp(&b.name)));
    all
}

fn node(value: &Value, leases: &[Value]) -> Node {
    let name = text(value, "/metadata/name");
    let conditions = || value["status"]["conditions"].as_array().into_iter().flatten();
    let ready = conditions().find(|condition| condition["type"] == "Ready");
    let of_ready = |field: &str| ready.map(|ready| sanitize::line(ready[field].as_str().unwrap_or_default()));
    let lease = leases.iter().find(|lease| text(lease, "/metadata/name") == name);
    let is_pressure = |condition: &&Value| {
        condition["status"] == "True" && condition["type"].as_str().is_some_and(|kind| kind.ends_with("Pressure"))
    };
    let is_good = is_ready(value);
    Node {
        name: name.into(),
        control_plane: is_control_plane(value),
        ready: is_good,
        // The node controller sets it when the kubelet has stopped to report.
        silent: ready.is_some_and(|ready| ready["status"] == "Unknown"),
        problem: of_ready("message").filter(|message| !is_good && !message.is_empty()),
        since: of_ready("lastTransitionTime").filter(|since| !since.is_empty()),
        cordoned: value["spec"]["unschedulable"] == true,
        version: text(value, "/status/nodeInfo/kubeletVersion").into(),
        pressure: conditions().filter(is_pressure).map(|one| text(one, "/type").to_owned()).collect(),
        renewed: lease.and_then(|lease| moment::parse(text(lease, "/spec/renewTime"))),
    }
}

/// The control planes with their static Pods, as the kubelets report them.
pub(super) fn control_planes(nodes: &[Node], pods: &[Value]) -> Vec<ControlPlane> {
    let of = |name: &str, node: &str| {
        pods.iter().find(|pod| component_of(pod) == name && text(pod, "/spec/nodeName") == node)
    };
    let has_etcd = pods.iter().any(|pod| component_of(pod) == ETCD);
    let names: Vec<&str> = COMPONENTS.into_iter().chain(has_etcd.then_some(ETCD)).collect();
    let plane = |node: &Node| ControlPlane {
        name: node.name.clone(),
        version: of("kube-apiserver", &node.name)
            .and_then(|pod| StaticPod::of(pod, "kube-apiserver").tag().map(str::to_owned)),
        components: names.iter().map(|name| component(name, of(name, &node.name), node)).collect(),
    };
    nodes.iter().filter(|node| node.control_plane).map(plane).collect()
}

fn component_of(pod: &Value) -> &str {
    if text(pod, "/metadata/labels/tier") == "control-plane" { text(pod, "/metadata/labels/component") } else { "" }
}

fn component(name: &str, pod: Option<&Value>, node: &Node) -> Component {
    let mut component = Component { name: name.into(), ..Component::default() };
    let Some(pod) = pod else {
        component.state = ComponentState::Missing;
        return component;
    };
    let statuses = pod["status"]["containerStatuses"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(status) = statuses.iter().find(|status| status["name"] == name).or(statuses.first()) else {
        component.state = ComponentState::NotReady;
        return component;
    };
    component.restarts = status["restartCount"].as_u64().unwrap_or_default();
    let waiting = text(status, "/state/waiting/reason");
    let ended = ["/lastState/terminated", "/state/terminated"].iter().find_map(|path| status.pointer(path));
    let problem = || {
        let code = ended.and_then(|ended| ended["exitCode"].as_i64());
        let code = code.map(|code| format!("it ended with code {code}"));
        [Some(waiting.to_owned()).filter(|word| !word.is_empty()), code].into_iter().flatten().collect::<Vec<_>>()
    };
    if waiting == "CrashLoopBackOff" {
        (component.state, component.problem) = (ComponentState::Crashing, Some(problem().join(", ")));
    } else if status["ready"] != true {
        let problem = Some(problem().join(", ")).filter(|problem| !problem.is_empty());
        (component.state, component.problem) = (ComponentState::NotReady, problem);
    } else if node.silent {
        // The last that its kubelet reported.
        let problem = Some("its node does not report".to_owned());
        (component.state, component.problem) = (ComponentState::NotReady, problem);
    }
    component
}

/// etcd through its Pods, for machines that cannot ask it.
pub(super) fn etcd(planes: &[ControlPlane]) -> Option<Etcd> {
    let member = |plane: &ControlPlane| {
        let own = plane.components.iter().find(|component| component.name == ETCD)?;
        let problem = (own.state != ComponentState::Ready)
            .then(|| own.problem.clone().unwrap_or_else(|| "its Pod is not ready".into()));
        Some(Member { name: plane.name.clone(), problem, ..Member::default() })
    };
    let members: Vec<Member> = planes.iter().filter_map(member).collect();
    (!members.is_empty()).then(|| counted(Etcd { members, by_pods: true, ..Etcd::default() }))
}

/// A Deployment or `DaemonSet` as an addon.
pub(super) fn addon(value: &Value) -> Addon {
    let number = |path: &str| value.pointer(path).and_then(Value::as_u64);
    let is_daemon_set = value["kind"] == "DaemonSet";
    let (ready, wanted) = if is_daemon_set {
        (number("/status/numberReady"), number("/status/desiredNumberScheduled"))
    } else {
        (number("/status/readyReplicas"), number("/spec/replicas").or(Some(1)))
    };
    Addon {
        name: text(value, "/metadata/name").into(),
        namespace: text(value, "/metadata/namespace").into(),
        ready: ready.unwrap_or_default(),
        wanted: wanted.unwrap_or_default(),
    }
}

/// True for a network addon.
pub(super) fn is_network(addon: &Addon) -> bool {
    NETWORKS.contains(&addon.name.as_str())
}
