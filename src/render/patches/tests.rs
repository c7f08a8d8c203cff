use super::*;
use crate::base::gate::Gate;
use serde_json::json;

const POD: &str = "kind: Pod\nmetadata:\n  labels:\n    tier: control-plane\n";

fn directory(entries: &[(&str, &str)]) -> (tempfile::TempDir, HostFiles) {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("patches")).unwrap();
    for (name, text) in entries {
        let path = root.path().join("patches").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let files = HostFiles::new(root.path(), Gate::recording());
    (root, files)
}

fn load(entries: &[(&str, &str)]) -> Result<PatchSet> {
    let (_root, files) = directory(entries);
    PatchSet::load(&files, Path::new("/patches"))
}

fn labels(text: &str) -> Value {
    serde_saphyr::from_str::<Value>(text).unwrap()["metadata"]["labels"].clone()
}

#[test]
fn patches_are_applied_in_the_order_of_their_files_and_documents() {
    let set = load(&[
        ("etcd1+json.json", r#"[{"op": "test", "path": "/metadata/labels/n", "value": "2"}, {"op": "replace", "path": "/metadata/labels/n", "value": "3"}]"#),
        ("etcd0.yaml", "metadata: {labels: {n: '1'}}\n---\n---\nmetadata: {labels: {n: '2', tier: null}}\n"),
        ("etcd2+merge.yaml", "metadata: {labels: {m: 'yes'}}"),
        ("kube-scheduler.yaml", "metadata: {labels: {n: '9'}}"),
        ("etcd9.yaml", "\n# nothing yet\n"),
        ("README.md", "see the wiki"),
        ("old/etcd.yaml", "not: [yaml"),
    ])
    .unwrap();
    assert_eq!(labels(&set.apply(Target::Etcd, POD).unwrap()), json!({"n": "3", "m": "yes"}));
    assert_eq!(set.apply(Target::KubeApiserver, POD).unwrap(), POD);
    assert!(set.leaves_alone(Target::KubeApiserver) && !set.leaves_alone(Target::KubeScheduler));
}

#[test]
fn scalars_have_the_types_of_gos_parser() {
    assert_eq!(
        parse_documents("mode: 0644\non: yes\nquoted: 'yes'\nsize: 1_000\n").unwrap(),
        [json!({"mode": 420, "on": true, "quoted": "yes", "size": 1000})]
    );
}

#[test]
fn an_error_names_file_document_and_path() {
    for (name, text, message) in [
        (
            "etcd+json.yaml",
            "[{op: remove, path: /metadata/annotations/x}]",
            "the json patch in /patches/etcd+json.yaml cannot be applied to etcd: operation 1:",
        ),
        (
            "etcd+json.yaml",
            "[{op: test, path: /kind, value: Pod}, {op: remvoe, path: /x}]",
            "operation 2: unknown variant `remvoe`",
        ),
        ("etcd+json.yaml", "{op: remove}", "a JSON patch is a list of operations"),
        ("etcd+merge.yaml", "[1]", "a merge patch is a map"),
        ("etcd.yaml", "a: 1\n---\nspec: {containers: [{image: x}]}\n---\nb: 1", "a: 1"),
        (
            "etcd+strategic.yaml",
            "kind: Pod\n---\nmetadata: {labels: {$patch: x}}",
            "the strategic patch in /patches/etcd+strategic.yaml (document 2) cannot be applied to etcd: metadata.labels: unknown",
        ),
    ] {
        let applied = load(&[(name, text)]).unwrap().apply(Target::Etcd, POD);
        match applied {
            Err(error) => assert!(error.to_string().contains(message), "{name}: {error}"),
            // A list that did not exist before has nothing to be merged with.
            Ok(patched) => assert!(patched.contains(message), "{name}: {patched}"),
        }
    }
}

#[test]
fn a_json_patch_is_applied_entirely_or_not_at_all() {
    let mut object = json!({"a": 1});
    let operations = json!([{"op": "add", "path": "/b", "value": 2}, {"op": "remove", "path": "/c"}]);
    json::patch(&mut object, &operations).unwrap_err();
    assert_eq!(object, json!({"a": 1}));
}

#[test]
fn a_directory_with_an_error_is_refused_before_anything_is_patched() {
    let message = |entries: &[(&str, &str)]| load(entries).unwrap_err().to_string();
    assert!(message(&[("etcd.yaml", "a: [1\nb: 2")]).contains("the patch file /patches/etcd.yaml is not YAML or JSON"));
    assert!(message(&[("ectd.yaml", "a: 1")]).contains("no known target"));
    let files = HostFiles::new("/nonexistent", Gate::recording());
    let error = PatchSet::load(&files, Path::new("/patches")).unwrap_err();
    assert_eq!(error.to_string(), "the patches directory /patches does not exist");
    assert!(error.hint().is_some());
}
