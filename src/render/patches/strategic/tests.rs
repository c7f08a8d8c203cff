use super::*;
use serde_json::json;

fn merged(object: Value, patch: &str) -> Result<Value, String> {
    let mut object = object;
    merge(&mut object, &serde_saphyr::from_str(patch).unwrap())?;
    Ok(object)
}

fn pod() -> Value {
    json!({"metadata": {"labels": {"a": "1", "b": "2"}, "finalizers": ["x", "q"]}, "spec": {
        "containers": [
            {"name": "main", "command": ["c"], "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
             "ports": [{"containerPort": 80, "name": "web"}], "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
             "livenessProbe": {"httpGet": {"path": "/"}}},
            {"name": "side", "image": "s"},
        ],
        "tolerations": [{"key": "a"}, {"key": "b"}],
        "volumes": [{"name": "v", "hostPath": {"path": "/v"}}, {"name": "w", "emptyDir": {}}],
    }})
}

/// The effect of a patch on the Pod above: a pointer and the expected value; None if it is deleted.
const CASES: &[(&str, &str, Option<&str>)] = &[
    // Maps are merged, null deletes, and nulls and directives are not part of new values.
    ("metadata: {labels: {c: '3', a: null}}", "/metadata/labels", Some(r#"{"b": "2", "c": "3"}"#)),
    ("metadata: {labels: {gone: null}}", "/metadata/labels", Some(r#"{"a": "1", "b": "2"}"#)),
    (
        "spec: {new: {a: null, b: {$patch: replace, c: 1}, d: {$patch: delete}}}",
        "/spec/new",
        Some(r#"{"b": {"c": 1}}"#),
    ),
    ("metadata: {labels: {$patch: replace, z: '9'}}", "/metadata/labels", Some(r#"{"z": "9"}"#)),
    ("metadata: {labels: {$patch: delete}}", "/metadata/labels", None),
    ("metadata: {labels: {$patch: merge, a: '9'}}", "/metadata/labels", Some(r#"{"a": "9", "b": "2"}"#)),
    ("metadata: {labels: text}", "/metadata/labels", Some(r#""text""#)),
    // Lists with a key are merged by it: known items in place, new ones as far to the front as possible.
    ("spec: {containers: [{name: main, image: m}]}", "/spec/containers/0/image", Some(r#""m""#)),
    ("spec: {containers: [{name: main, image: m}]}", "/spec/containers/0/command", Some(r#"["c"]"#)),
    ("spec: {containers: [{name: new}]}", "/spec/containers/0", Some(r#"{"name": "new"}"#)),
    ("spec: {containers: [{name: side}, {name: new}]}", "/spec/containers/2/name", Some(r#""new""#)),
    ("spec: {containers: [{name: side, $patch: delete}]}", "/spec/containers/1", None),
    ("spec: {containers: [{name: none, $patch: delete}]}", "/spec/containers/2", None),
    ("spec: {containers: [{$patch: replace}, {name: only}]}", "/spec/containers", Some(r#"[{"name": "only"}]"#)),
    (
        "spec: {containers: [{name: side, $patch: replace, x: 1}]}",
        "/spec/containers/1",
        Some(r#"{"name": "side", "x": 1}"#),
    ),
    ("spec: {containers: [{name: main, livenessProbe: {$patch: delete}}]}", "/spec/containers/0/livenessProbe", None),
    (
        "spec: {containers: [{name: main, resources: {requests: {cpu: 2m}}}]}",
        "/spec/containers/0/resources/requests",
        Some(r#"{"cpu": "2m", "memory": "1Gi"}"#),
    ),
    (
        "spec: {containers: [{name: main, env: [{name: B, value: x}]}]}",
        "/spec/containers/0/env",
        Some(r#"[{"name": "A", "value": "1"}, {"name": "B", "value": "x"}]"#),
    ),
    (
        "spec: {containers: [{name: main, ports: [{containerPort: 80, name: www}]}]}",
        "/spec/containers/0/ports",
        Some(r#"[{"containerPort": 80, "name": "www"}]"#),
    ),
    ("spec: {initContainers: [{name: i, env: [{name: X}]}]}", "/spec/initContainers/0/env", Some(r#"[{"name": "X"}]"#)),
    // Other lists are replaced.
    ("spec: {containers: [{name: main, command: [d, e]}]}", "/spec/containers/0/command", Some(r#"["d", "e"]"#)),
    ("spec: {tolerations: [{key: c}]}", "/spec/tolerations", Some(r#"[{"key": "c"}]"#)),
    // Lists of plain values that are sets.
    ("metadata: {finalizers: [q, z]}", "/metadata/finalizers", Some(r#"["x", "q", "z"]"#)),
    ("metadata: {$deleteFromPrimitiveList/finalizers: [x]}", "/metadata/finalizers", Some(r#"["q"]"#)),
    // A volume only changes its type if the old one may be removed.
    (
        "spec: {volumes: [{name: v, $retainKeys: [name, emptyDir], emptyDir: {}}]}",
        "/spec/volumes/0",
        Some(r#"{"name": "v", "emptyDir": {}}"#),
    ),
    // An explicit order.
    ("spec: {$setElementOrder/containers: [{name: side}, {name: main}]}", "/spec/containers/0/name", Some(r#""side""#)),
    (
        "spec: {$setElementOrder/containers: [{name: main}, {name: new}, {name: side}], containers: [{name: new}]}",
        "/spec/containers/1/name",
        Some(r#""new""#),
    ),
    ("metadata: {$setElementOrder/finalizers: [q, x]}", "/metadata/finalizers", Some(r#"["q", "x"]"#)),
];

#[test]
fn patches_have_the_same_effect_as_in_kubernetes() {
    for (patch, pointer, wanted) in CASES {
        let result = merged(pod(), patch).unwrap();
        let wanted: Option<Value> = wanted.map(|text| serde_json::from_str(text).unwrap());
        assert_eq!(result.pointer(pointer), wanted.as_ref(), "{patch}");
        assert!(!result.to_string().contains('$'), "{patch} left a directive behind: {result}");
    }
}

#[test]
fn what_a_patch_does_not_name_is_kept() {
    let result = merged(pod(), "spec: {containers: [{name: main, image: m}]}").unwrap();
    let mut wanted = pod();
    wanted["spec"]["containers"][0]["image"] = json!("m");
    assert_eq!(result, wanted);
}

#[test]
fn a_deployment_is_patched_down_to_its_containers() {
    let deployment = json!({"spec": {"template": {"spec": {"containers": [{"name": "coredns", "args": ["-conf"]}]}}}});
    let result = merged(deployment, "spec: {template: {spec: {containers: [{name: coredns, image: c}]}}}").unwrap();
    assert_eq!(
        result.pointer("/spec/template/spec/containers"),
        Some(&json!([{"name": "coredns", "args": ["-conf"], "image": "c"}]))
    );
}

#[test]
fn an_invalid_patch_is_refused_with_the_path() {
    for (patch, problem) in [
        ("[]", "a strategic patch is a map"),
        ("$patch: delete", "would remove the whole object"),
        ("metadata: {labels: {$patch: delte}}", "metadata.labels: unknown directive '$patch: delte'"),
        ("metadata: {$retain: [a]}", "metadata: unknown directive '$retain'"),
        ("spec: {containers: [{image: x}]}", "spec.containers: an item has no 'name'"),
        ("spec: {containers: [{$patch: delete}]}", "spec.containers: an item has no 'name'"),
        ("spec: {containers: [text]}", "spec.containers: an item is not a map"),
        ("spec: {containers: [{name: main, env: [{value: x}]}]}", "spec.containers[main].env: an item has no 'name'"),
        ("spec: {volumes: [{name: v, $retainKeys: [name], emptyDir: {}}]}", "spec.volumes[v]: 'emptyDir' is set"),
        ("spec: {volumes: [{name: v, $retainKeys: name}]}", "'$retainKeys' is not a list"),
        ("spec: {$setElementOrder/tolerations: [{key: a}]}", "replaced, not merged"),
        ("metadata: {$deleteFromPrimitiveList/finalizers: x}", "not a list"),
    ] {
        let message = merged(pod(), patch).unwrap_err();
        assert!(message.contains(problem), "{patch}: {message}");
    }
}
