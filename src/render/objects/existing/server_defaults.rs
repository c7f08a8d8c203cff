//! The defaults that an API server adds to the objects of addons.

use serde_json::{Value, json};

/// Default values of fields, which are named by the end of their path.
fn defaults() -> [(&'static str, Value); 35] {
    [
        // Workloads.
        ("spec.progressDeadlineSeconds", json!(600)),
        ("spec.revisionHistoryLimit", json!(10)),
        ("rollingUpdate.maxSurge", json!("25%")),
        ("updateStrategy.rollingUpdate.maxSurge", json!(0)),
        ("updateStrategy.rollingUpdate.maxUnavailable", json!(1)),
        // Pods.
        ("spec.dnsPolicy", json!("ClusterFirst")),
        ("spec.restartPolicy", json!("Always")),
        ("spec.schedulerName", json!("default-scheduler")),
        ("spec.serviceAccount", json!("coredns")),
        ("spec.serviceAccount", json!("kube-proxy")),
        ("spec.terminationGracePeriodSeconds", json!(30)),
        ("configMap.defaultMode", json!(420)),
        ("hostPath.type", json!("")),
        // Containers.
        ("terminationMessagePath", json!("/dev/termination-log")),
        ("terminationMessagePolicy", json!("File")),
        ("fieldRef.apiVersion", json!("v1")),
        ("Probe.failureThreshold", json!(3)),
        ("Probe.periodSeconds", json!(10)),
        ("Probe.successThreshold", json!(1)),
        ("Probe.timeoutSeconds", json!(1)),
        ("protocol", json!("TCP")),
        // Services.
        ("spec.internalTrafficPolicy", json!("Cluster")),
        ("spec.ipFamilyPolicy", json!("SingleStack")),
        ("spec.sessionAffinity", json!("None")),
        ("spec.type", json!("ClusterIP")),
        // Access rules.
        ("apiGroup", json!("rbac.authorization.k8s.io")),
        ("apiGroup", json!("")),
        // Anything.
        ("type", json!("Opaque")),
        ("readOnly", json!(false)),
        ("optional", json!(false)),
        ("immutable", json!(false)),
        ("hostIPC", json!(false)),
        ("hostPID", json!(false)),
        ("hostNetwork", json!(false)),
        ("paused", json!(false)),
    ]
}

/// True if the field belongs to the server or a controller, whatever its value.
pub(super) fn is_kept_by_the_server(path: &str) -> bool {
    const EXACT: [&str; 18] = [
        "metadata.creationTimestamp",
        "metadata.generation",
        "metadata.managedFields",
        "metadata.resourceVersion",
        "metadata.selfLink",
        "metadata.uid",
        "metadata.annotations.deployment.kubernetes.io/revision",
        "metadata.annotations.deprecated.daemonset.template.generation",
        "metadata.annotations.kubeadm.kubernetes.io/component-config.hash",
        "metadata.annotations.kubectl.kubernetes.io/last-applied-configuration",
        "spec.template.metadata.creationTimestamp",
        "spec.template.metadata.annotations.kubectl.kubernetes.io/restartedAt",
        "spec.clusterIPs",
        "spec.ipFamilies",
        "spec.replicas",
        // Each ServiceAccount of an older minor version gets a token.
        "secrets",
        "status",
        // kubeadm keeps the user's Corefile here when migrating it.
        "data.Corefile-backup",
    ];
    // The cluster signs `cluster-info` with each of its tokens.
    EXACT.contains(&path) || path.starts_with("data.jws-kubeconfig-")
}

/// True if `value` is the server's default at `path`, or contains nothing else.
pub(super) fn is_default(path: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.iter().all(|(key, inner)| {
            let below = format!("{path}.{key}");
            is_kept_by_the_server(&below) || is_default(&below, inner)
        }),
        _ => defaults().iter().any(|(end, default)| ends_with_field(path, end) && value == default),
    }
}

/// `spec.template.spec.dnsPolicy` ends with the field `spec.dnsPolicy`; `Probe.` also ends `livenessProbe.`.
fn ends_with_field(path: &str, end: &str) -> bool {
    path.strip_suffix(end).is_some_and(|before| {
        before.is_empty()
            || before.ends_with(['.', ']'])
            || (end.starts_with("Probe.") && before.ends_with(char::is_alphabetic))
    })
}
