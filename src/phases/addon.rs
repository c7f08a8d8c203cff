//! The addons: CoreDNS and kube-proxy.
//!
//! Reads: the configuration, the patches, the existing objects. Writes: missing objects, and those that are unchanged
//! since a tool created them; objects changed by the user stay, and are reported. The ConfigMap `kubeadm-config` no
//! longer lists the addon as disabled.

use crate::base::fault::Result;
use crate::config::images::{self, Released};
use crate::context::Context;
use crate::kube::cluster::Cluster;
use crate::kube::kind::{CONFIG_MAP, ObjectRef};
use crate::ops::objects::report;
use crate::pipeline::{Action, Target};
use crate::render::dns_address;
use crate::render::objects::Object;
use crate::render::objects::addon::{AddonName, set_installed};
use crate::render::objects::coredns::{self, CoreDns};
use crate::render::objects::existing::{self, Decision};
use crate::render::objects::kube_proxy::{self, EnvVar, KubeProxy};
use crate::render::patches::Target as PatchTarget;
use crate::state::patches;
use serde_json::Value;

/// Where upgrades of CoreDNS keep the former Corefile, so that the user can restore it.
pub const COREFILE_BACKUP: &str = "Corefile-backup";

/// The addon CoreDNS.
pub struct AddonCoreDns;

impl Action for AddonCoreDns {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let cluster = cx.new_cluster()?;
        let known = || with_coredns(cx, |ours| Ok(coredns::known(ours)?));
        settle(cx, &cluster, AddonName::CoreDns, &objects(cx, AddonName::CoreDns)?, &known)
    }
}

/// The addon kube-proxy.
pub struct AddonKubeProxy;

impl Action for AddonKubeProxy {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let cluster = cx.new_cluster()?;
        let known = || with_kube_proxy(cx, |ours| Ok(kube_proxy::known(ours)?));
        settle(cx, &cluster, AddonName::KubeProxy, &objects(cx, AddonName::KubeProxy)?, &known)
    }
}

/// An addon's objects in the order in which they are sent; `--print-manifest` prints them.
pub fn objects(cx: &Context, addon: AddonName) -> Result<Vec<Object>> {
    match addon {
        AddonName::KubeProxy => with_kube_proxy(cx, |ours| Ok(ours.objects()?)),
        AddonName::CoreDns => {
            let mut objects = with_coredns(cx, |ours| Ok(ours.objects()?))?;
            let patches = patches::load_for(cx, PatchTarget::CorednsDeployment)?;
            for object in objects.iter_mut().filter(|object| object.kind == "Deployment") {
                patches.apply_to(PatchTarget::CorednsDeployment, &mut object.value)?;
            }
            Ok(objects)
        }
    }
}

fn with_kube_proxy<T>(cx: &Context, make: impl FnOnce(&KubeProxy<'_>) -> Result<T>) -> Result<T> {
    let (config, node, facts) = (cx.cluster()?, cx.node()?, cx.facts()?);
    let image = Released::Proxy.image(config).to_string();
    let server = format!("https://{}", config.endpoint(&node.local_endpoint));
    let proxy_env: Vec<EnvVar> = cx
        .vars
        .iter()
        .filter(|(name, value)| name.to_lowercase().ends_with("_proxy") && !value.is_empty())
        .map(|(name, value)| EnvVar { name: name.clone(), value: value.clone() })
        .collect();
    make(&KubeProxy {
        minor: facts.minor,
        cluster: config,
        image: &image,
        server: &server,
        advertise_address: node.local_endpoint.advertise_address,
        proxy_env: &proxy_env,
    })
}

fn with_coredns<T>(cx: &Context, make: impl FnOnce(&CoreDns<'_>) -> Result<T>) -> Result<T> {
    let (config, facts) = (cx.cluster()?, cx.facts()?);
    let image = images::coredns(config, facts).to_string();
    let network = config.networking.service_subnets.first().ok_or(NoDnsAddress)?;
    make(&CoreDns {
        minor: facts.minor,
        image: &image,
        domain: &config.networking.dns_domain,
        cluster_ip: dns_address(network).ok_or(NoDnsAddress)?,
        replicas: CoreDns::REPLICAS,
    })
}

/// The Service network is too small for the address of the DNS Service; validation has rejected that before.
#[derive(Debug, thiserror::Error)]
#[error("the Service network has no tenth address for DNS")]
struct NoDnsAddress;

impl crate::base::fault::Fault for NoDnsAddress {
    fn exit_code(&self) -> crate::base::exit_code::ExitCode {
        crate::base::exit_code::ExitCode::Input
    }
}

/// Creates missing objects and updates those of a tool; keeps and reports those that the user has changed. The objects
/// of other versions are only generated if an existing one differs from ours.
fn settle(
    cx: &Context,
    cluster: &Cluster,
    addon: AddonName,
    objects: &[Object],
    known: &dyn Fn() -> Result<Vec<Object>>,
) -> Result<()> {
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
            none => none.insert(known()?),
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
                addon.name()
            )),
        }
    }
    // Independent objects are sent at once; Pods come after their ServiceAccounts and volumes.
    let (workloads, rest): (Vec<_>, Vec<_>) =
        missing.into_iter().partition(|object| matches!(object.kind.as_str(), "Deployment" | "DaemonSet"));
    crate::ops::objects::settle(cx, cluster, &rest)?;
    crate::ops::objects::settle(cx, cluster, &workloads)?;
    remember(cx, cluster, addon)
}

/// Otherwise the next upgrade of a cluster that had no addon until now would remove it again.
fn remember(cx: &Context, cluster: &Cluster, addon: AddonName) -> Result<()> {
    let reference = ObjectRef::new(&CONFIG_MAP, "kube-system", "kubeadm-config");
    let Some(before) = cluster.find(&reference)? else { return Ok(()) };
    let mut after = before.clone();
    set_installed(&mut after, addon);
    if after != before {
        cluster.modify(&reference, |map| set_installed(map, addon))?;
        cx.events.message(format!("recorded in {reference} that the cluster has {}", addon.name()));
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
    let is_workload = matches!(object.kind.as_str(), "Deployment" | "DaemonSet");
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
