//! A cluster in memory whose nodes start the Pods of a network test, and whose traffic follows a rule.

use super::super::client::Api;
use super::super::cluster::Cluster;
use super::super::error::KubeError;
use super::super::request::Request;
use super::super::test_api::TestApi;
use super::objects::CONTAINER;
use crate::base::env::Clock;
use crate::base::gate::Gate;
use crate::domain::network_probe::{Answer, Ask, Failure, Question, line};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a Pod asks: its node's number, whether it is in the node's network, and the question.
pub(crate) type Rule = fn(usize, bool, &Question) -> Option<Failure>;

/// The number of the node with the Pod or Service at an address of the test: 10.244.N.x, 10.96.1.N, 10.0.0.N.
pub(crate) fn node_of(question: &Question) -> Option<usize> {
    let at = question.at?.ip().to_string();
    let parts: Vec<usize> = at.split('.').filter_map(|part| part.parse().ok()).collect();
    match parts.as_slice() {
        [10, 244, node, _] | [10, 96, 1, node] | [10, 0, 0, node] => Some(*node),
        _ => None,
    }
}

pub(crate) fn is_service(question: &Question) -> bool {
    question.at.is_some_and(|at| at.ip().to_string().starts_with("10.96."))
}

/// The answer of a network that follows a rule.
pub(crate) fn answer(rule: Rule, node: usize, of_host: bool, question: &Question) -> Answer {
    let failure = rule(node, of_host, question);
    let mtu = matches!(question.ask, Ask::Packet | Ask::Connect).then_some(1500);
    let bytes = (question.ask == Ask::Packet).then_some(if failure.is_some() { 1280 } else { 1500 });
    Answer { id: question.id, tries: if failure.is_some() { 5 } else { 1 }, millis: 1, failure, bytes, mtu }
}

#[derive(Clone)]
pub(crate) struct TestNodes {
    pub api: TestApi,
    rule: Rule,
    /// The containers' state on these nodes, instead of running ones; and what they print.
    broken: Arc<Mutex<BTreeMap<String, (Value, String)>>>,
}

impl TestNodes {
    /// A cluster of nodes `n1`, `n2`, … with kube-proxy and two DNS Pods.
    pub(crate) fn new(nodes: usize, rule: Rule) -> Self {
        let api = TestApi::default();
        for number in 1..=nodes {
            let name = format!("n{number}");
            let images = json!([{"names": ["registry.k8s.io/pause:3.10"], "sizeBytes": 700}]);
            let addresses = json!([{"type": "InternalIP", "address": format!("10.0.0.{number}")}]);
            let ready = json!([{"type": "Ready", "status": "True"}]);
            let node = json!({"kind": "Node", "metadata": {"name": name, "labels": {}},
                "status": {"conditions": ready, "images": images, "addresses": addresses}});
            api.put(&format!("/api/v1/nodes/{name}"), node);
            system_pod(&api, "kube-proxy", number, number);
        }
        for number in 1..=2.min(nodes) {
            system_pod(&api, "kube-dns", number, number);
        }
        let daemon = |name: &str| json!({"kind": "DaemonSet", "metadata": {"name": name}});
        api.put("/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy", daemon("kube-proxy"));
        api.put("/apis/apps/v1/namespaces/kube-flannel/daemonsets/kube-flannel-ds", daemon("kube-flannel-ds"));
        let service = |ip: &str, port: u16| json!({"kind": "Service", "metadata": {"name": "s"}, "spec": {"clusterIP": ip, "ports": [{"port": port}]}});
        api.put("/api/v1/namespaces/kube-system/services/kube-dns", service("10.96.0.10", 53));
        api.put("/api/v1/namespaces/default/services/kubernetes", service("10.96.0.1", 443));
        Self { api, rule, broken: Arc::default() }
    }

    pub(crate) fn cluster(&self, clock: &Clock) -> Cluster {
        Cluster::over(Box::new(self.clone()), Gate::open(), clock.clone(), Duration::from_secs(20))
    }

    /// The containers on a node are in this state and print this.
    pub(crate) fn break_node(&self, node: &str, state: Value, log: &str) {
        self.broken.lock().unwrap().insert(node.into(), (state, log.into()));
    }

    /// The requests that changed something, without the address of the namespace.
    pub(crate) fn changes(&self) -> Vec<String> {
        let log = self.api.take_log();
        log.into_iter().filter(|line| !line.starts_with("GET ")).collect()
    }

    /// What the kubelet of the node and the controllers make of a new object.
    fn make(&self, path: &str, object: &Value) {
        let name = object["metadata"]["name"].as_str().unwrap();
        let path = format!("{path}/{name}");
        let number = name.rsplit_once('-').and_then(|(_, number)| number.parse::<usize>().ok()).unwrap_or_default() + 1;
        let mut object = object.clone();
        match object["kind"].as_str() {
            Some("Service") if object["spec"]["clusterIP"] != "None" => {
                object["spec"]["clusterIP"] = json!(format!("10.96.1.{number}"));
                let endpoints =
                    json!({"kind": "Endpoints", "metadata": {"name": name}, "subsets": [{"addresses": [{"ip": "x"}]}]});
                self.api.put(&path.replace("/services/", "/endpoints/"), endpoints);
            }
            Some("Pod") => {
                let (status, log) = self.run(&object, number);
                object["status"] = status;
                let log_path = format!("{path}/log?limitBytes={}", 256 << 10);
                self.api.with(|state| state.texts.insert(log_path, (200, log)));
            }
            _ => return,
        }
        self.api.put(&path, object);
    }

    fn run(&self, pod: &Value, number: usize) -> (Value, String) {
        let node = pod["spec"]["nodeName"].as_str().unwrap();
        let node_number: usize = node[1..].parse().unwrap();
        let command: Vec<&str> =
            pod["spec"]["containers"][0]["command"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let status = |phase: &str, state: &Value| {
            json!({"phase": phase, "podIP": format!("10.244.{node_number}.{}", number + 1),
                "containerStatuses": [{"name": CONTAINER, "state": state}]})
        };
        if let Some((state, log)) = self.broken.lock().unwrap().get(node) {
            return (status("Pending", state), log.clone());
        }
        if command[3] == "serve" {
            return (status("Running", &json!({"running": {}})), String::new());
        }
        let questions: Vec<Question> = serde_json::from_str(command[4]).unwrap();
        let of_host = pod["spec"]["hostNetwork"] == true;
        let answers: Vec<Answer> =
            questions.iter().map(|question| answer(self.rule, node_number, of_host, question)).collect();
        (status("Succeeded", &json!({"terminated": {"exitCode": 0}})), line(&answers))
    }
}

fn system_pod(api: &TestApi, app: &str, number: usize, node: usize) {
    let pod = json!({"kind": "Pod", "metadata": {"name": format!("{app}-{number}"), "labels": {"k8s-app": app}},
        "spec": {"nodeName": format!("n{node}")},
        "status": {"podIP": format!("10.244.{node}.53"), "conditions": [{"type": "Ready", "status": "True"}]}});
    api.put(&format!("/api/v1/namespaces/kube-system/pods/{app}-{number}"), pod);
}

impl Api for TestNodes {
    fn send(&self, request: &Request, what: &str) -> Result<Value, KubeError> {
        let answer = self.api.send(request, what)?;
        if request.method == "POST" {
            self.make(request.path.split('?').next().unwrap(), request.body.as_ref().unwrap());
        }
        Ok(answer)
    }

    fn text(&self, path: &str) -> Result<(u16, String), KubeError> {
        self.api.text(path)
    }
}
