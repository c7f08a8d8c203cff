//! The pod network that `init` installs: one with templates of our own, or the objects of a file.
//!
//! Pure: the caller reads the file. What it says about networks is compared with the cluster's.

use super::tree;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::versions::networks;
use ipnet::IpNet;
use serde_json::Value;
use std::fmt;
use std::path::{Path, PathBuf};

/// The name of the network with templates of our own.
pub const FLANNEL: &str = "flannel";
/// No network has more objects than that.
const MOST: usize = 1000;

/// The network for Pods.
#[derive(Clone, PartialEq)]
pub enum PodNetwork {
    /// flannel, from our own templates.
    Flannel,
    /// The objects of a manifest.
    Manifest(Manifest),
}

/// A manifest.
#[derive(Clone, PartialEq)]
pub struct Manifest {
    /// The file.
    pub path: PathBuf,
    /// Its objects, in order.
    pub objects: Vec<Value>,
}

/// A network that a manifest is written for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// Where it is stated.
    pub place: String,
    /// The network.
    pub net: IpNet,
    /// It must be one of the cluster's, and not only a part of one.
    pub is_whole: bool,
}

/// The network cannot be installed.
#[derive(Debug, thiserror::Error)]
pub enum PodNetworkError {
    /// The manifest cannot be used.
    #[error("the pod network's manifest {path} cannot be used: {why}")]
    Manifest {
        /// The file.
        path: String,
        /// The line and the reason.
        why: String,
    },
    /// The name of a network without a template, or an address.
    #[error("{given:?} is neither {FLANNEL} nor the path of a manifest")]
    Unknown {
        /// The given text.
        given: String,
    },
}

impl Fault for PodNetworkError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Manifest { .. } => {
                "'kubectl apply --dry-run=client -f FILE' shows more of what is wrong with it".into()
            }
            Self::Unknown { given } => format!(
                "download the manifest of the network, look at it, and specify its path, such as ./{}.yaml",
                if given.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') { given } else { "network" }
            ),
        })
    }
}

impl PodNetwork {
    /// The path of the manifest that a flag names; None for a network with templates.
    pub fn path(given: &str) -> Result<Option<&Path>, PodNetworkError> {
        let is_address = given.contains("://");
        match given {
            FLANNEL => Ok(None),
            _ if !is_address && given.contains(['/', '.']) => Ok(Some(Path::new(given))),
            _ => Err(PodNetworkError::Unknown { given: given.into() }),
        }
    }

    /// The network of a manifest with this content.
    pub fn manifest(path: &Path, bytes: &[u8]) -> Result<Self, PodNetworkError> {
        let refused = |why: String| PodNetworkError::Manifest { path: path.display().to_string(), why };
        let mut loaded = tree::load(bytes);
        if let Some((mark, _, complaint)) = loaded.defects.pop() {
            return Err(refused(format!("line {}: {}", mark.line, complaint.what)));
        }
        let mut objects = Vec::new();
        for document in &loaded.documents {
            let value = document.to_json();
            let is_list = value["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
            match value["items"].as_array().filter(|_| is_list) {
                Some(items) => objects.extend(items.iter().cloned()),
                None => objects.push(value),
            }
        }
        for object in &objects {
            let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).is_some_and(|t| !t.is_empty());
            if let Some(missing) = ["/apiVersion", "/kind", "/metadata/name"].into_iter().find(|one| !text(one)) {
                let field = missing.trim_start_matches('/').replace('/', ".");
                return Err(refused(format!(
                    "one of its documents has no {field}, so it is not an object of Kubernetes"
                )));
            }
        }
        let runs = |object: &Value| matches!(object["kind"].as_str(), Some("DaemonSet" | "Deployment"));
        match objects.len() {
            0 => Err(refused("it has no objects".into())),
            count if count > MOST => Err(refused(format!("it has {count} objects; at most {MOST} are supported"))),
            _ if !objects.iter().any(runs) => Err(refused("it has no DaemonSet and no Deployment".into())),
            _ => Ok(Self::Manifest(Manifest { path: path.into(), objects })),
        }
    }

    /// The network for Pods if the cluster's configuration has none.
    pub fn default_subnets(&self) -> Vec<IpNet> {
        match self {
            Self::Flannel => networks::FLANNEL.pod_subnet.parse().into_iter().collect(),
            Self::Manifest(_) => self.stated().into_iter().map(|stated| stated.net).collect(),
        }
    }

    /// The networks that a manifest is written for; empty for templates, which take the network of the cluster.
    pub fn stated(&self) -> Vec<Stated> {
        let Self::Manifest(manifest) = self else { return Vec::new() };
        let mut found: Vec<Stated> = Vec::new();
        for object in &manifest.objects {
            for one in stated_by(object) {
                if !found.iter().any(|known| known.net == one.net) {
                    found.push(one);
                }
            }
        }
        found
    }

    /// The first disagreement of its networks with those of the cluster.
    pub fn conflict(&self, subnets: &[IpNet]) -> Option<Stated> {
        self.stated().into_iter().find(|stated| {
            let agrees =
                |net: &IpNet| net.trunc() == stated.net.trunc() || (!stated.is_whole && net.contains(&stated.net));
            !subnets.iter().any(agrees)
        })
    }

    /// The images of a manifest's Pods, each once. Those of a network with templates depend on the cluster.
    pub fn manifest_images(&self) -> Vec<String> {
        let Self::Manifest(manifest) = self else { return Vec::new() };
        let mut images = Vec::new();
        for object in manifest.objects.iter().filter(|object| object.pointer("/spec/template/spec").is_some()) {
            visit(object, &mut |key, value| {
                if let ("image", Some(image)) = (key, value.as_str())
                    && !images.iter().any(|known| known == image)
                {
                    images.push(image.to_owned());
                }
            });
        }
        images
    }
}

impl fmt::Display for PodNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flannel => f.write_str(FLANNEL),
            Self::Manifest(manifest) => write!(f, "{}", manifest.path.display()),
        }
    }
}

impl fmt::Debug for PodNetwork {
    /// Like Display, because a manifest may contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())
    }
}

/// The networks in one object: in flannel's `net-conf.json`, Calico's variable and pools, and Cilium's configuration.
fn stated_by(object: &Value) -> Vec<Stated> {
    let mut found = Vec::new();
    let mut add = |place: &str, text: &str, is_whole: bool| {
        let nets = text.split([',', ' ']).filter_map(|part| part.trim().parse().ok());
        found.extend(nets.map(|net| Stated { place: place.to_owned(), net, is_whole }));
    };
    let data = |key: &str| object["data"].get(key).and_then(Value::as_str);
    if let Some(settings) = data("net-conf.json").and_then(|text| serde_json::from_str::<Value>(text).ok()) {
        for field in ["Network", "IPv6Network"] {
            add(&format!("{field} in net-conf.json"), settings[field].as_str().unwrap_or_default(), true);
        }
    }
    for field in ["cluster-pool-ipv4-cidr", "cluster-pool-ipv6-cidr"] {
        add(field, data(field).unwrap_or_default(), true);
    }
    if object["kind"] == "Installation" {
        for pool in object.pointer("/spec/calicoNetwork/ipPools").and_then(Value::as_array).into_iter().flatten() {
            add("ipPools", pool["cidr"].as_str().unwrap_or_default(), false);
        }
    }
    for variable in ["CALICO_IPV4POOL_CIDR", "CALICO_IPV6POOL_CIDR"] {
        visit_maps(object, &mut |map| {
            if map["name"] == variable {
                add(variable, map["value"].as_str().unwrap_or_default(), false);
            }
        });
    }
    found
}

fn visit(value: &Value, look: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            look(key, value);
            visit(value, look);
        }),
        Value::Array(list) => list.iter().for_each(|value| visit(value, look)),
        _ => {}
    }
}

fn visit_maps(value: &Value, look: &mut dyn FnMut(&Value)) {
    match value {
        Value::Object(map) => {
            look(value);
            map.values().for_each(|value| visit_maps(value, look));
        }
        Value::Array(list) => list.iter().for_each(|value| visit_maps(value, look)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLANNEL_FILE: &str = "\
kind: ConfigMap
apiVersion: v1
metadata: {name: kube-flannel-cfg, namespace: kube-flannel}
data:
  net-conf.json: |
    {\"Network\": \"10.244.0.0/16\", \"Backend\": {\"Type\": \"vxlan\"}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: d}
spec:
  template:
    spec:
      initContainers: [{name: a, image: x/a:1}]
      containers: [{name: b, image: x/b:1}, {name: c, image: x/a:1}]
";

    fn manifest(text: &str) -> Result<PodNetwork, PodNetworkError> {
        PodNetwork::manifest(Path::new("net.yaml"), text.as_bytes())
    }

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_name_a_path_and_anything_else_are_distinguished() {
        assert_eq!(PodNetwork::path("flannel").unwrap(), None);
        assert_eq!(PodNetwork::path("./calico.yaml").unwrap(), Some(Path::new("./calico.yaml")));
        for given in ["calico", "https://example.com/calico.yaml", ""] {
            let error = PodNetwork::path(given).unwrap_err();
            assert!(error.hint().unwrap().contains("download the manifest"), "{given}");
        }
    }

    #[test]
    fn networks_and_images_of_a_manifest_are_found() {
        let network = manifest(FLANNEL_FILE).unwrap();
        assert_eq!(network.default_subnets(), nets(&["10.244.0.0/16"]));
        assert_eq!(network.manifest_images(), ["x/a:1", "x/b:1"]);
        assert_eq!(network.conflict(&nets(&["10.244.0.0/16", "fd00::/48"])), None);
        let conflict = network.conflict(&nets(&["10.0.0.0/8"])).unwrap();
        assert_eq!(conflict.place, "Network in net-conf.json");
    }

    #[test]
    fn a_pool_of_calico_may_be_a_part_of_the_network_and_one_of_cilium_may_not() {
        let daemon = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d}\n";
        let calico = format!(
            "{daemon}spec: {{template: {{spec: {{containers: [{{name: a, env: [{{name: CALICO_IPV4POOL_CIDR, value: 10.1.0.0/16}}]}}]}}}}}}\n"
        );
        assert_eq!(manifest(&calico).unwrap().conflict(&nets(&["10.0.0.0/8"])), None);
        assert!(manifest(&calico).unwrap().conflict(&nets(&["10.2.0.0/16"])).is_some());
        let cilium = format!(
            "{daemon}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{cluster-pool-ipv4-cidr: 10.0.0.0/8}}\n"
        );
        assert!(manifest(&cilium).unwrap().conflict(&nets(&["10.0.0.0/7"])).is_some());
        let pools = "apiVersion: operator.tigera.io/v1\nkind: Installation\nmetadata: {name: default}\n\
                     spec: {calicoNetwork: {ipPools: [{cidr: 192.168.0.0/16}]}}\n";
        let stated = manifest(&format!("{daemon}---\n{pools}")).unwrap().stated();
        assert_eq!((stated[0].place.as_str(), stated[0].is_whole), ("ipPools", false));
    }

    #[test]
    fn what_is_not_a_manifest_is_refused_without_its_content() {
        for text in [
            "",
            "a: [",
            "kind: ConfigMap\n",
            "<html>hunter2</html>",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n",
        ] {
            let error = manifest(text).unwrap_err().to_string();
            assert!(error.starts_with("the pod network's manifest net.yaml cannot be used: "), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert_eq!(format!("{:?}", manifest(FLANNEL_FILE).unwrap()), "net.yaml");
    }

    #[test]
    fn objects_of_a_list_are_taken_out_of_it() {
        let text =
            "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a}}\n";
        let PodNetwork::Manifest(manifest) = manifest(text).unwrap() else { panic!() };
        assert_eq!(manifest.objects[0]["kind"], "DaemonSet");
    }
}
