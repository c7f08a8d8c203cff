use super::*;
use crate::render::objects::addons::coredns::{self, CoreDns};
use serde_json::json;

fn ours() -> CoreDns<'static> {
    CoreDns {
        minor: 36,
        image: "registry.k8s.io/coredns/coredns:v1.14.2",
        domain: "cluster.local",
        cluster_ip: "10.96.0.10".parse().unwrap(),
        replicas: 2,
    }
}

fn find(objects: &[Object], kind: &str) -> Object {
    objects.iter().find(|object| object.kind == kind).unwrap().clone()
}

/// The Deployment of v1.20 as returned by an API server.
fn deployed() -> Value {
    let old = CoreDns { minor: 20, image: "k8s.gcr.io/coredns:1.7.0", ..ours() };
    let mut value = find(&old.objects().unwrap(), "Deployment").value;
    value["metadata"]["uid"] = json!("9b1f3e6c-0000-0000-0000-000000000000");
    value["metadata"]["managedFields"] = json!([{"manager": "kubeadm"}]);
    value["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": "1"});
    value["status"] = json!({"replicas": 2});
    value["spec"]["revisionHistoryLimit"] = json!(10);
    value["spec"]["strategy"]["rollingUpdate"]["maxSurge"] = json!("25%");
    let pod = &mut value["spec"]["template"]["spec"];
    pod["restartPolicy"] = json!("Always");
    pod["securityContext"] = json!({});
    pod["serviceAccount"] = json!("coredns");
    pod["containers"][0]["terminationMessagePath"] = json!("/dev/termination-log");
    pod["containers"][0]["readinessProbe"]["timeoutSeconds"] = json!(1);
    pod["volumes"][0]["configMap"]["defaultMode"] = json!(420);
    value
}

fn decided(existing: &Value, kind: &str) -> Decision {
    decide(existing, &find(&ours().objects().unwrap(), kind), &coredns::known(&ours()).unwrap())
}

#[test]
fn an_object_of_an_older_minor_may_be_updated() {
    assert_eq!(decided(&deployed(), "Deployment"), Decision::Update);
    let mut patched = deployed();
    patched["spec"]["template"]["spec"]["containers"][0]["image"] = json!("k8s.gcr.io/coredns:1.7.9");
    assert_eq!(decided(&patched, "Deployment"), Decision::Update);
}

#[test]
fn an_up_to_date_object_is_kept_with_any_number_of_replicas() {
    let mut value = find(&ours().objects().unwrap(), "Deployment").value;
    value["spec"]["replicas"] = json!(5);
    assert_eq!(decided(&value, "Deployment"), Decision::Keep);
}

#[test]
fn fields_changed_by_a_user_are_named() {
    let image = "/spec/template/spec/containers/0/image";
    let limit = "/spec/template/spec/containers/0/resources/limits/memory";
    for (pointer, changed, path) in [
        (image, json!("registry.corp/coredns:1.7.0"), "spec.template.spec.containers[0].image"),
        (limit, json!("1Gi"), "spec.template.spec.containers[0].resources.limits.memory"),
        ("/spec/template/spec/tolerations", json!([]), "spec.template.spec.tolerations"),
    ] {
        let mut value = deployed();
        *value.pointer_mut(pointer).unwrap() = changed;
        assert_eq!(decided(&value, "Deployment"), Decision::UserChanged(vec![path.into()]));
    }
    let mut value = deployed();
    value["spec"]["template"]["spec"]["runtimeClassName"] = json!("gvisor");
    assert_eq!(
        decided(&value, "Deployment"),
        Decision::UserChanged(vec!["spec.template.spec.runtimeClassName".into()])
    );
}

#[test]
fn a_corefile_that_differs_from_every_default_belongs_to_the_user() {
    let old = CoreDns { minor: 20, ..ours() };
    let mut value = find(&old.objects().unwrap(), "ConfigMap").value;
    assert_eq!(decided(&value, "ConfigMap"), Decision::Update);
    let text = value["data"]["Corefile"].as_str().unwrap().replace("cache 30", "cache 60");
    value["data"]["Corefile"] = text.into();
    assert_eq!(decided(&value, "ConfigMap"), Decision::UserChanged(vec!["data.Corefile".into()]));
}

#[test]
fn a_generated_config_map_may_be_updated_and_an_edited_one_not() {
    let config = |text: &str| {
        let value = json!({"kind": "ConfigMap", "metadata": {"name": "kube-proxy"}, "data": {"config.conf": text}});
        Object::from_value(value).unwrap()
    };
    let mut existing = checksum::sign(config("mode: iptables")).value;
    let ours = checksum::sign(config("mode: ipvs"));
    assert_eq!(decide(&existing, &ours, &[]), Decision::Update);
    existing["data"]["config.conf"] = json!("mode: nftables");
    assert_eq!(decide(&existing, &ours, &[]), Decision::UserChanged(vec!["data.config.conf".into()]));
}

#[test]
fn images_are_compared_by_their_repository() {
    for (image, name) in [
        ("registry:5000/coredns:1.7.0", "registry:5000/coredns"),
        ("registry:5000/coredns", "registry:5000/coredns"),
        ("coredns@sha256:0123", "coredns"),
        ("a/b:v1@sha256:0123", "a/b"),
    ] {
        assert_eq!(repository(image), name);
    }
}
