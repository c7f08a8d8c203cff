//! Settings in this host's static Pod manifests that the stored configuration does not give: an upgrade loses them, unless they come
//! from patches that are given again.
//!
//! Reads: the manifests. Writes: nothing.

use super::subject::unchecked;
use crate::base::fault::Result;
use crate::config::difference::differences;
use crate::config::model::ClusterConfig;
use crate::context::Context;
use crate::domain::paths::manifest;
use crate::state::not_yaml;
use crate::state::static_pod::StaticPod;
use crate::state::upgrade::cluster::ClusterReading;
use crate::state::upgrade::files::{host_version, static_pods};
use crate::state::upgrade::finding::Outcome;
use crate::state::upgrade::same_pod::OF_A_JOIN;
use serde_json::{Map, Value};

/// Compared by flag instead.
const COMMAND: [&str; 3] = ["command", "args", "image"];
/// The most settings that are listed for a file.
const MOST: usize = 8;

/// What this host's manifests have besides the stored configuration.
pub(super) fn lost(cx: &mut Context, reading: &ClusterReading) -> Outcome {
    hand_edits(cx, &reading.config).unwrap_or_else(|failure| unchecked(&failure))
}

/// The same for a stored configuration.
pub fn hand_edits(cx: &mut Context, stored: &ClusterConfig) -> Result<Outcome> {
    let Some(version) = host_version(cx)? else {
        return Ok(Outcome::not_checked("this host is not a control plane"));
    };
    let mut outcome = Outcome::default();
    for (name, text) in static_pods(cx, stored, &version)? {
        let path = manifest(name);
        let Some(there) = cx.host.files.read(&path)? else { continue };
        let (there, wanted) = (not_yaml::parse(&path, &there)?, not_yaml::parse(&path, text.as_bytes())?);
        let edits = edits(name, &there, &wanted);
        if edits.is_empty() {
            continue;
        }
        let more = edits.len().saturating_sub(MOST);
        let mut listed = edits.into_iter().take(MOST).collect::<Vec<_>>().join(", ");
        if more > 0 {
            listed += &format!(", and {more} more");
        }
        let what = format!("it differs from the stored configuration and would be replaced: {listed}");
        let fix = "put the settings into the ConfigMap kubeadm-config (extraArgs, extraVolumes, extraEnvs) or into patches, and give \
                   their directory with --patches";
        outcome.warning(path.display().to_string(), what, fix);
    }
    Ok(outcome)
}

/// The settings that differ, without values, as some are secret.
fn edits(name: &str, there: &Value, wanted: &Value) -> Vec<String> {
    let flags = StaticPod::of(there, name).changed_flags(&StaticPod::of(wanted, name));
    let flags = flags.into_iter().filter(|flag| !OF_A_JOIN.iter().any(|own| flag.ends_with(&format!(" {own}"))));
    let other = differences(&by_container(there), &by_container(wanted)).into_iter().map(|difference| difference.path);
    flags.chain(other).collect()
}

/// A Pod with its containers by name, without what is compared by flag.
fn by_container(pod: &Value) -> Value {
    let mut pod = pod.clone();
    let Some(containers) = pod.pointer_mut("/spec/containers") else { return pod };
    let mut named = Map::new();
    for container in containers.as_array_mut().into_iter().flatten() {
        let name = container["name"].as_str().unwrap_or_default().to_owned();
        if let Some(fields) = container.as_object_mut() {
            fields.retain(|field, _| !COMMAND.contains(&field.as_str()));
        }
        named.insert(name, container.take());
    }
    *containers = Value::Object(named);
    pod
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::files::Content;
    use crate::state::upgrade::cluster::read;
    use crate::state::upgrade::fixture::FakeCluster;

    fn found(edit: impl Fn(&str, String) -> String) -> Outcome {
        let mut running = FakeCluster::new("v1.33.2").start();
        let reading = read(&running.cx, &running.cluster).unwrap();
        let cx = &mut running.cx;
        for (name, text) in static_pods(cx, &reading.config, &reading.version).unwrap() {
            cx.host.files.write(&manifest(name), &Content::public(edit(name, text)), 0o600).unwrap();
        }
        lost(cx, &reading)
    }

    #[test]
    fn manifests_as_they_were_written_have_no_edits() {
        assert_eq!(found(|_, text| text), Outcome::default());
        let joined = found(|_, text| {
            text.replace(
                "- --initial-cluster=",
                "- --initial-cluster-state=existing\n    - --initial-cluster=n0=https://10.0.0.9:2380,",
            )
        });
        assert_eq!(joined, Outcome::default(), "the flags of a join are no edits");
    }

    #[test]
    fn a_flag_a_volume_and_a_variable_that_were_added_are_named_without_values() {
        let outcome = found(|name, text| match name {
            "kube-apiserver" => text
                .replace("- --allow-privileged=true", "- --allow-privileged=true\n    - --audit-policy-file=/secret")
                .replace("  volumes:\n", "  volumes:\n  - hostPath:\n      path: /audit\n    name: audit\n"),
            _ => text,
        });
        assert_eq!(
            outcome.shown(),
            [
                "Warning /etc/kubernetes/manifests/kube-apiserver.yaml: it differs from the stored configuration and would be \
              replaced: with --audit-policy-file, spec.volumes.audit"
            ]
        );
    }

    #[test]
    fn a_manifest_that_is_not_a_pod_is_replaced() {
        for other in ["just text\n", "- a list\n", "spec: text\n", "spec: {containers: text}\n"] {
            let outcome = found(|name, text| if name == "kube-scheduler" { other.into() } else { text });
            assert!(outcome.shown()[0].contains("kube-scheduler.yaml"), "{other}: {outcome:?}");
        }
    }

    #[test]
    fn a_manifest_that_is_not_yaml_is_not_a_pass() {
        let outcome = found(|name, text| if name == "kube-scheduler" { "a: [b\n".into() } else { text });
        assert!(outcome.findings.is_empty() && outcome.unchecked[0].contains("kube-scheduler.yaml"), "{outcome:?}");
    }
}
