//! Installs an addon of the table in `render::objects::addons`.
//!
//! Reads: the configuration, the patches, the existing objects. Writes: missing objects, and those that are unchanged
//! since a tool created them; objects changed by the user stay, and are reported. The ConfigMap `kubeadm-config` no
//! longer lists the addon as disabled.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::context::Context;
use crate::kube::cluster::Cluster;
use crate::kube::kind::{CONFIG_MAP, ObjectRef};
use crate::ops::objects::report;
use crate::pipeline::{Action, Item, Target};
use crate::render::objects::addon::{Addon, AddonInput, EnvVar};
use crate::render::objects::addons::{self, ADDONS, set_installed};
use crate::render::objects::existing::{self, Decision};
use crate::render::objects::{Object, ObjectError};
use crate::state::patches;
use serde_json::Value;

/// Where upgrades of CoreDNS keep the former Corefile, so that the user can restore it.
pub const COREFILE_BACKUP: &str = "Corefile-backup";

/// Installs an addon.
pub struct InstallAddon;

impl Action for InstallAddon {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, target: &Target) -> Result<()> {
        let addon = addons::named(target.item()).ok_or(NoSuchAddon)?;
        let cluster = cx.new_cluster()?;
        settle(cx, &cluster, addon, &objects(cx, addon)?)
    }
}

/// The addons as sub-phases.
pub fn items() -> Vec<Item> {
    ADDONS.iter().map(|addon| Item { name: addon.name, short: addon.install }).collect()
}

/// The phase list names an addon that does not exist: a bug in this build.
#[derive(Debug, thiserror::Error)]
#[error("the list of phases names an addon that does not exist")]
pub struct NoSuchAddon;

impl Fault for NoSuchAddon {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Internal
    }
}

/// An addon's objects in the order in which they are sent, with the user's patches; `--print-manifest` prints them.
pub fn objects(cx: &Context, addon: &Addon) -> Result<Vec<Object>> {
    let mut objects = with_input(cx, addon.objects)?;
    if let Some(target) = addon.patches {
        let patches = patches::load_for(cx, target)?;
        for object in objects.iter_mut().filter(|object| object.is_workload()) {
            patches.apply_to(target, &mut object.value)?;
        }
    }
    Ok(objects)
}

fn with_input(
    cx: &Context,
    make: fn(&AddonInput<'_>) -> std::result::Result<Vec<Object>, ObjectError>,
) -> Result<Vec<Object>> {
    let (cluster, node, facts) = (cx.cluster()?, cx.node()?, cx.facts()?);
    let server = format!("https://{}", cluster.endpoint(&node.local_endpoint));
    let proxy_env: Vec<EnvVar> = cx
        .vars
        .iter()
        .filter(|(name, value)| name.to_lowercase().ends_with("_proxy") && !value.is_empty())
        .map(|(name, value)| EnvVar { name: name.clone(), value: value.clone() })
        .collect();
    let advertise_address = node.local_endpoint.advertise_address;
    Ok(make(&AddonInput { facts, cluster, server: &server, advertise_address, proxy_env: &proxy_env })?)
}

/// Creates missing objects and updates those of a tool; keeps and reports those that the user has changed. The objects
/// of other versions are only generated if an existing one differs from ours.
fn settle(cx: &Context, cluster: &Cluster, addon: &Addon, objects: &[Object]) -> Result<()> {
    let mut missing = Vec::new();
    let mut others = None;
    for object in objects {
        let Some(reference) = ObjectRef::of(&object.value) else { continue };
        let Some(live) = cluster.find(&reference)? else {
            missing.push(object.clone());
            continue;
        };
        let stripped = without_backup(&live);
        if existing::decide(&stripped, object, &[]) == Decision::Keep {
            continue;
        }
        let others: &Vec<Object> = match &mut others {
            Some(others) => others,
            none => none.insert(with_input(cx, addon.known)?),
        };
        match existing::decide(&stripped, object, others) {
            Decision::Keep => {}
            Decision::Update => {
                let written = cluster.modify(&reference, |live| replace(live, object))?;
                report(cx, object, written);
            }
            Decision::UserChanged(fields) => cx.events.warning(format!(
                "{object} was changed by hand ({}) and was not updated; run 'kubewright init phase addon {} \
                 --print-manifest' to see the default",
                fields.join(", "),
                addon.name
            )),
        }
    }
    // Independent objects are sent at once; Pods come after their ServiceAccounts and volumes.
    let (workloads, rest): (Vec<_>, Vec<_>) = missing.into_iter().partition(Object::is_workload);
    crate::ops::objects::settle(cx, cluster, &rest)?;
    crate::ops::objects::settle(cx, cluster, &workloads)?;
    remember(cx, cluster, addon)
}

/// Otherwise the next upgrade of a cluster that had no addon until now would remove it again.
fn remember(cx: &Context, cluster: &Cluster, addon: &Addon) -> Result<()> {
    let reference = ObjectRef::new(&CONFIG_MAP, "kube-system", "kubeadm-config");
    let Some(before) = cluster.find(&reference)? else { return Ok(()) };
    let mut after = before.clone();
    set_installed(&mut after, addon);
    if after != before {
        cluster.modify(&reference, |map| set_installed(map, addon))?;
        cx.events.message(format!("recorded in {reference} that the cluster has {}", addon.name));
    }
    Ok(())
}

fn without_backup(live: &Value) -> Value {
    let mut stripped = live.clone();
    if let Some(data) = stripped.get_mut("data").and_then(Value::as_object_mut) {
        data.remove(COREFILE_BACKUP);
    }
    stripped
}

/// Updates `live` to `object`. The number of replicas, the backup of the Corefile and fields of the server are kept.
fn replace(live: &mut Value, object: &Object) {
    let replicas = live.pointer("/spec/replicas").cloned();
    let backup = live.pointer("/data").and_then(|data| data.get(COREFILE_BACKUP)).cloned();
    let is_workload = object.is_workload();
    let ours = object.value.as_object().into_iter().flatten();
    for (field, value) in ours.filter(|(field, _)| !matches!(field.as_str(), "metadata" | "status")) {
        match (live.get_mut(field), value) {
            // A Service's addresses and ports were completed by the server.
            (Some(Value::Object(theirs)), Value::Object(ours)) if field == "spec" && !is_workload => {
                theirs.extend(ours.clone());
            }
            _ => live[field] = value.clone(),
        }
    }
    for part in ["labels", "annotations"] {
        let pointer = format!("/metadata/{part}");
        for (name, value) in object.value.pointer(&pointer).and_then(Value::as_object).into_iter().flatten() {
            live["metadata"][part][name] = value.clone();
        }
    }
    if let (Some(replicas), "Deployment") = (replicas, object.kind.as_str()) {
        live["spec"]["replicas"] = replicas;
    }
    if let Some(backup) = backup {
        live["data"][COREFILE_BACKUP] = backup;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_update_keeps_user_settings() {
        let ours = |value: Value| Object::from_value(value).unwrap();
        let mut live = json!({"kind": "Deployment", "metadata": {"name": "coredns", "resourceVersion": "7"},
            "spec": {"replicas": 5, "old": true}});
        let wanted = json!({"kind": "Deployment", "metadata": {"name": "coredns", "labels": {"a": "b"}},
            "spec": {"replicas": 2, "new": true}});
        replace(&mut live, &ours(wanted));
        assert_eq!(live["spec"], json!({"replicas": 5, "new": true}));
        assert_eq!(live["metadata"], json!({"name": "coredns", "resourceVersion": "7", "labels": {"a": "b"}}));

        let mut live = json!({"kind": "ConfigMap", "metadata": {"name": "coredns"},
            "data": {"Corefile": "old", COREFILE_BACKUP: "older", "gone": "x"}});
        let wanted = json!({"kind": "ConfigMap", "metadata": {"name": "coredns"}, "data": {"Corefile": "new"}});
        replace(&mut live, &ours(wanted));
        assert_eq!(live["data"], json!({"Corefile": "new", COREFILE_BACKUP: "older"}));
        assert_eq!(without_backup(&live)["data"], json!({"Corefile": "new"}));

        let mut live =
            json!({"kind": "Service", "metadata": {"name": "kube-dns"}, "spec": {"clusterIPs": ["10.96.0.10"]}});
        let wanted = json!({"kind": "Service", "metadata": {"name": "kube-dns"}, "spec": {"clusterIP": "10.96.0.10"}});
        replace(&mut live, &ours(wanted));
        assert_eq!(live["spec"]["clusterIPs"], json!(["10.96.0.10"]));
    }
}
