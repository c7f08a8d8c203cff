//! CoreDNS and kube-proxy of the target version, as soon as every API server has it.
//!
//! An addon that the cluster does not have is not created. Objects that a user has changed stay, and are shown; their
//! image is updated if it is of the same repository.
//!
//! Reads: the API servers' Pods, the objects of the addons. Writes: those objects.

use super::corefile;
use crate::base::fault::Result;
use crate::config::images::is_replaced_by;
use crate::context::{Context, Run, Upgrading};
use crate::kube::cluster::Cluster;
use crate::kube::kind::{DAEMON_SET, DEPLOYMENT, ObjectRef};
use crate::phases::addon::{self, AddonCoreDns, AddonKubeProxy};
use crate::pipeline::{Action, Phase, Target};
use crate::render::objects::addon::AddonName;
use crate::state::upgrade::cluster;
use crate::state::upgrade::component::numbers;
use serde_json::Value;

const NAMESPACE: &str = "kube-system";

pub struct UpgradeCoreDns;
pub struct UpgradeKubeProxy;

impl Phase<Upgrading> for UpgradeCoreDns {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, target: &Target) -> Result<()> {
        upgrade(cx, target, AddonName::CoreDns, &ObjectRef::new(&DEPLOYMENT, NAMESPACE, "coredns"), &AddonCoreDns)
    }
}

impl Phase<Upgrading> for UpgradeKubeProxy {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, target: &Target) -> Result<()> {
        let workload = ObjectRef::new(&DAEMON_SET, NAMESPACE, "kube-proxy");
        upgrade(cx, target, AddonName::KubeProxy, &workload, &AddonKubeProxy)
    }
}

fn upgrade(
    cx: &mut Run<Upgrading>,
    target: &Target,
    name: AddonName,
    workload: &ObjectRef,
    install: &dyn Action,
) -> Result<()> {
    let cluster = cx.new_cluster()?;
    let Some(there) = cluster.find(workload)? else {
        cx.events.message(format!("{} is not in the cluster and is not created", name.name()));
        return Ok(());
    };
    let (old, new) = (image_of(&there, &workload.name), wanted_image(cx, name, workload)?);
    let number =
        |image: &Option<String>| numbers(image.as_ref().and_then(|image| image.rsplit(':').next()).unwrap_or_default());
    if number(&old) > number(&new) && !number(&new).is_empty() {
        cx.events.message(format!("{workload} stays at {}, which is newer", old.unwrap_or_default()));
        return Ok(());
    }
    if let Some(waits) = older_api_servers(cx, &cluster)? {
        cx.events.message(format!("{} stays until all API servers are upgraded: {waits}", name.name()));
        cx.work.purpose.addons_wait = Some(waits);
        return Ok(());
    }
    if let (AddonName::CoreDns, Some(old), Some(new)) = (name, &old, &new)
        && !corefile::migrate(cx, &cluster, old, new)?
    {
        cx.events.warning(format!("{workload} stays at {old}, with which the Corefile works"));
        return Ok(());
    }
    install.run(cx, target)?;
    update_image(cx, &cluster, name, workload)
}

/// The API servers that do not have the target version yet; None if all do.
fn older_api_servers(cx: &Context, cluster: &Cluster) -> Result<Option<String>> {
    let (target, own) = (cx.cluster()?.version.clone(), cx.node()?.name.clone());
    let reading = cluster::read(cx, cluster)?;
    // The Pod of this host may be shown with its former image for a minute.
    let older =
        reading.api_servers().into_iter().filter(|server| server.node != own && server.version != Some(target.clone()));
    let named: Vec<String> = older
        .map(|server| {
            let version = server.version.map_or_else(|| "an unknown version".into(), |version| version.to_string());
            format!("{} has {version}", server.node)
        })
        .collect();
    Ok((!named.is_empty()).then(|| named.join(", ")))
}

/// A workload that a user has changed keeps its settings and gets the image of the target version.
fn update_image(cx: &Context, cluster: &Cluster, name: AddonName, workload: &ObjectRef) -> Result<()> {
    let Some(image) = wanted_image(cx, name, workload)? else { return Ok(()) };
    let there = cluster.read(workload)?;
    let old = image_of(&there, &workload.name).unwrap_or_default();
    if old == image || !is_replaced_by(&old, &image) {
        if old != image {
            cx.events.warning(format!("{workload} keeps its image {old}, which is not of the cluster's repository"));
        }
        return Ok(());
    }
    cluster.modify(workload, |live| set_image(live, &workload.name, &image))?;
    cx.events.message(format!("changed the image of {workload} to {image}; its other settings stay"));
    Ok(())
}

/// The image of the target version.
fn wanted_image(cx: &Context, name: AddonName, workload: &ObjectRef) -> Result<Option<String>> {
    let objects = addon::objects(cx, name)?;
    let ours = objects.iter().find(|object| ObjectRef::of(&object.value).as_ref() == Some(workload));
    Ok(ours.and_then(|ours| image_of(&ours.value, &workload.name)))
}

fn image_of(workload: &Value, container: &str) -> Option<String> {
    let containers = workload["spec"]["template"]["spec"]["containers"].as_array()?;
    let own = containers.iter().find(|one| one["name"] == container)?;
    own["image"].as_str().map(str::to_owned)
}

fn set_image(workload: &mut Value, container: &str, image: &str) {
    let containers = workload["spec"]["template"]["spec"]["containers"].as_array_mut();
    for own in containers.into_iter().flatten().filter(|one| one["name"] == container) {
        own["image"] = image.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_image_of_the_container_changes() {
        let mut workload = json!({"spec": {"template": {"spec": {"containers": [
            {"name": "coredns", "image": "r.io:5000/coredns:1", "resources": {"limits": {"memory": "1Gi"}}},
            {"name": "other", "image": "x:1"},
        ]}}}});
        assert_eq!(image_of(&workload, "coredns").as_deref(), Some("r.io:5000/coredns:1"));
        set_image(&mut workload, "coredns", "r.io:5000/coredns:2");
        let containers = &workload["spec"]["template"]["spec"]["containers"];
        assert_eq!(containers[0]["image"], "r.io:5000/coredns:2");
        assert_eq!(
            (&containers[0]["resources"]["limits"]["memory"], &containers[1]["image"]),
            (&json!("1Gi"), &json!("x:1"))
        );
    }
}
