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
use crate::kube::kind::ObjectRef;
use crate::phases::addon::{self, InstallAddon, NoSuchAddon};
use crate::pipeline::{Action, Item, Phase, Target};
use crate::render::objects::Object;
use crate::render::objects::addon::Addon;
use crate::render::objects::addons::{self, ADDONS, coredns};
use crate::state::upgrade::cluster;
use crate::state::upgrade::component::numbers;
use serde_json::Value;

/// Upgrades an addon.
pub struct UpgradeAddon;

impl Phase<Upgrading> for UpgradeAddon {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, target: &Target) -> Result<()> {
        upgrade(cx, target, addons::named(target.item()).ok_or(NoSuchAddon)?)
    }
}

/// The addons as sub-phases.
pub fn items() -> Vec<Item> {
    ADDONS.iter().map(|addon| Item { name: addon.name, short: addon.upgrade }).collect()
}

fn upgrade(cx: &mut Run<Upgrading>, target: &Target, addon: &Addon) -> Result<()> {
    let Some(ours) = workload(cx, addon)? else { return Ok(()) };
    let Some(workload) = &ObjectRef::of(&ours.value) else { return Ok(()) };
    let cluster = cx.new_cluster()?;
    let Some(there) = cluster.find(workload)? else {
        cx.events.message(format!("{} is not in the cluster and is not created", addon.name));
        return Ok(());
    };
    let (old, new) = (image_of(&there, addon.name), image_of(&ours.value, addon.name));
    let number =
        |image: &Option<String>| numbers(image.as_ref().and_then(|image| image.rsplit(':').next()).unwrap_or_default());
    if number(&old) > number(&new) && !number(&new).is_empty() {
        cx.events.message(format!("{workload} stays at {}, which is newer", old.unwrap_or_default()));
        return Ok(());
    }
    if let Some(waits) = older_api_servers(cx, &cluster)? {
        cx.events.message(format!("{} stays until all API servers are upgraded: {waits}", addon.name));
        cx.work.purpose.addons_wait = Some(waits);
        return Ok(());
    }
    if *addon == coredns::ADDON
        && let (Some(old), Some(new)) = (&old, &new)
        && !corefile::migrate(cx, &cluster, old, new)?
    {
        cx.events.warning(format!("{workload} stays at {old}, with which the Corefile works"));
        return Ok(());
    }
    Action::run(&InstallAddon, cx, target)?;
    new.map_or(Ok(()), |new| update_image(cx, &cluster, workload, addon.name, &new))
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
fn update_image(cx: &Context, cluster: &Cluster, workload: &ObjectRef, container: &str, image: &str) -> Result<()> {
    let there = cluster.read(workload)?;
    let old = image_of(&there, container).unwrap_or_default();
    if old == image || !is_replaced_by(&old, image) {
        if old != image {
            cx.events.warning(format!("{workload} keeps its image {old}, which is not of the cluster's repository"));
        }
        return Ok(());
    }
    cluster.modify(workload, |live| set_image(live, container, image))?;
    cx.events.message(format!("changed the image of {workload} to {image}; its other settings stay"));
    Ok(())
}

/// What runs the addon in the target version.
fn workload(cx: &Context, addon: &Addon) -> Result<Option<Object>> {
    Ok(addon::objects(cx, addon)?.into_iter().find(Object::is_workload))
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
