//! The nodes that take part, and for each an image that it has: nothing is pulled.

use super::super::cluster::Cluster;
use super::super::kind::NODE;
use super::super::node;
use super::error::{MOST, NetworkTestError};
use super::setting::address_of;
use crate::base::fault::Result;
use crate::base::sanitize;
use serde::Serialize;
use serde_json::Value;
use std::net::IpAddr;

/// With more nodes, only two of them take part.
const ALL: usize = 20;
/// Of so many.
const SOME: usize = 2;

/// A node that takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub name: String,
    /// Where other nodes reach it.
    pub address: Option<IpAddr>,
    /// An image that it has.
    pub image: String,
}

/// A node that does not, or whose Pods did not start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Untested {
    pub node: String,
    pub why: Why,
    /// In a sentence.
    pub what: String,
    pub next: String,
}

/// Why a node was not tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Why {
    NodeNotReady,
    NoImage,
    BinaryMissing,
    BinaryUnusable,
    BinaryTooOld,
    PodNotStarted,
    NoAnswers,
    NotChosen,
}

/// The nodes that were asked for, or all, or two of many; and those that cannot take part.
pub fn choose(cluster: &Cluster, wanted: &[String]) -> Result<(Vec<Member>, Vec<Untested>)> {
    if wanted.len() > MOST {
        return Err(NetworkTestError::TooMany.into());
    }
    let mut nodes = cluster.list(&NODE, None, "")?;
    if let Some(unknown) = wanted.iter().find(|name| !nodes.iter().any(|node| node["metadata"]["name"] == **name)) {
        return Err(NetworkTestError::UnknownNode(unknown.clone()).into());
    }
    if !wanted.is_empty() {
        nodes.retain(|node| wanted.iter().any(|name| node["metadata"]["name"] == **name));
    }
    nodes.retain(|node| node["metadata"]["labels"]["kubernetes.io/os"] != "windows");
    let mut members = Vec::new();
    let mut untested = Vec::new();
    for node in &nodes {
        match member(node) {
            Ok(member) => members.push((node::is_control_plane(node), member)),
            Err(one) => untested.push(one),
        }
    }
    if wanted.is_empty() && members.len() > ALL {
        untested.extend(leave_some(&mut members));
    }
    Ok((members.into_iter().map(|(_, member)| member).collect(), untested))
}

/// Of many nodes one worker and one control plane remain, or the first two.
fn leave_some(members: &mut Vec<(bool, Member)>) -> Vec<Untested> {
    let first = |control_plane| members.iter().position(|(is_one, _)| *is_one == control_plane);
    let mut kept: Vec<usize> = [first(true), first(false)].into_iter().flatten().collect();
    kept.extend(
        (0..members.len()).filter(|at| !kept.contains(at)).take(SOME - kept.len().min(SOME)).collect::<Vec<_>>(),
    );
    let (mut staying, mut others) = (Vec::new(), Vec::new());
    for (at, member) in members.drain(..).enumerate() {
        if kept.contains(&at) { staying.push(member) } else { others.push(member) }
    }
    *members = staying;
    let untested = |member: Member| Untested {
        what: format!("{} was not chosen: of more than {ALL} nodes {SOME} are tested", member.name),
        next: format!("run 'kubewright network test --nodes {}' with the nodes that matter", member.name),
        node: member.name,
        why: Why::NotChosen,
    };
    others.into_iter().map(|(_, member)| untested(member)).collect()
}

fn member(found: &Value) -> Result<Member, Untested> {
    let name = found["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if !node::is_ready(found) {
        let conditions = found["status"]["conditions"].as_array();
        let ready = conditions.into_iter().flatten().find(|condition| condition["type"] == "Ready");
        let message = ready.and_then(|ready| ready["message"].as_str()).unwrap_or("the kubelet has not reported yet");
        return Err(Untested {
            what: format!("{name} is not Ready: {}", sanitize::line(message)),
            next: format!("run 'kubewright doctor' on {name}"),
            node: name,
            why: Why::NodeNotReady,
        });
    }
    let addresses = found["status"]["addresses"].as_array();
    let internal = addresses.into_iter().flatten().find(|address| address["type"] == "InternalIP");
    let address = internal.and_then(|internal| address_of(&internal["address"]));
    match image_of(found) {
        Some(image) => Ok(Member { name, address, image }),
        None => Err(Untested {
            what: format!("{name} reports no image, and a test pulls none"),
            next: format!("run 'crictl images' on {name}: the pause image must be there"),
            node: name,
            why: Why::NoImage,
        }),
    }
}

/// An image that the node has: the pause image, or where the node lists only its largest ones, the smallest of them. Any
/// will do, because the program is not part of it.
fn image_of(node: &Value) -> Option<String> {
    let images = node["status"]["images"].as_array()?;
    let named = |image: &Value| {
        let names = image["names"].as_array()?.iter().filter_map(Value::as_str);
        let mut names: Vec<&str> = names.filter(|name| !name.contains("<none>") && !name.is_empty()).collect();
        // A name with a tag is read more easily than one with a digest.
        names.sort_by_key(|name| name.contains('@'));
        Some((names.first()?.to_string(), image["sizeBytes"].as_u64().unwrap_or(u64::MAX)))
    };
    let mut found: Vec<(String, u64)> = images.iter().filter_map(named).collect();
    let is_pause = |name: &str| name.contains("/pause:") || name.contains("/pause@") || name.contains("/pause-amd64");
    found.sort_by_key(|(name, size)| (!is_pause(name), *size));
    found.into_iter().next().map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_pause_image_is_preferred_and_otherwise_the_smallest() {
        let image = |names: &[&str], size: u64| json!({"names": names, "sizeBytes": size});
        let node = |images: &[Value]| json!({"status": {"images": images}});
        let pause = image(&["registry.k8s.io/pause@sha256:1", "registry.k8s.io/pause:3.10"], 700);
        let small = image(&["x/small:1"], 5);
        let large = image(&["x/large:1"], 9000);
        assert_eq!(
            image_of(&node(&[large.clone(), small.clone(), pause])).as_deref(),
            Some("registry.k8s.io/pause:3.10")
        );
        assert_eq!(image_of(&node(&[large, small])).as_deref(), Some("x/small:1"));
        assert_eq!(image_of(&node(&[image(&["<none>@<none>"], 1)])), None);
        assert_eq!(image_of(&json!({})), None);
    }

    #[test]
    fn of_many_nodes_a_control_plane_and_a_worker_take_part() {
        let one = |at: usize| Member { name: format!("n{at}"), address: None, image: "i".into() };
        let mut members: Vec<(bool, Member)> = (0..30).map(|at| (at == 4, one(at))).collect();
        let left = leave_some(&mut members);
        let names: Vec<&str> = members.iter().map(|(_, member)| member.name.as_str()).collect();
        assert_eq!((names, left.len()), (vec!["n0", "n4"], 28));
        let mut workers: Vec<(bool, Member)> = (0..30).map(|at| (false, one(at))).collect();
        assert_eq!(leave_some(&mut workers).len(), 28);
    }
}
