//! The pod network that `init` installs: one with templates of our own, or the objects of a manifest.
//!
//! Pure: the caller reads or downloads the manifest. What it says about networks is compared with the cluster's.

mod stated;

pub use stated::Stated;

use super::tree;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::versions::networks;
use ipnet::IpNet;
use serde_json::Value;
use sha2::{Digest, Sha256};
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

/// Where its objects come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// Our own templates.
    Templates,
    /// A file.
    File(&'a Path),
    /// An HTTPS address.
    Address(Address),
}

/// The address of a manifest, and what it must contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Without the digest.
    pub url: String,
    /// The SHA-256 digest of the manifest.
    pub sha256: [u8; 32],
}

/// A manifest.
#[derive(Clone, PartialEq)]
pub struct Manifest {
    /// The file.
    pub path: PathBuf,
    /// Its objects, in order.
    pub objects: Vec<Value>,
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
    /// The name of a network without a template.
    #[error("{given:?} is neither {FLANNEL} nor the path or address of a manifest")]
    Unknown {
        /// The given text.
        given: String,
    },
    /// Anyone between this machine and that server could send another one.
    #[error("the address {url} of the pod network's manifest does not start with https://")]
    NotHttps { url: String },
    /// It would be in messages of the connection.
    #[error("the address {url} of the pod network's manifest has a user name or password")]
    HasUser { url: String },
    /// The manifest runs with all rights on every node, so its content must be known.
    #[error("the address {url} of the pod network's manifest has no SHA-256 digest after it")]
    NoDigest { url: String },
    /// The manifest is not the expected one.
    #[error("the manifest at {url} is not the expected one: its SHA-256 digest is {found}")]
    OtherContent { url: String, found: String },
}

impl Fault for PodNetworkError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::OtherContent { .. } => ExitCode::Untrusted,
            _ => ExitCode::Input,
        }
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
            Self::NotHttps { .. } | Self::HasUser { .. } => {
                "download the manifest, look at it, and specify its path".into()
            }
            Self::NoDigest { url } => format!(
                "download it, look at it, and run 'sha256sum' on it; then specify its path, or '{url}#sha256=DIGEST'"
            ),
            Self::OtherContent { .. } => {
                "it has changed, or someone else has sent it: download it and compare it with the one that you know"
                    .into()
            }
        })
    }
}

impl PodNetwork {
    /// What a flag names.
    pub fn source(given: &str) -> Result<Source<'_>, PodNetworkError> {
        match given {
            FLANNEL => Ok(Source::Templates),
            _ if given.contains("://") => Address::parse(given).map(Source::Address),
            _ if given.contains(['/', '.']) => Ok(Source::File(Path::new(given))),
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
            for one in stated::by(object) {
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

impl Address {
    /// Reads `https://…#sha256=DIGEST`.
    fn parse(given: &str) -> Result<Self, PodNetworkError> {
        let (url, fragment) = given.split_once('#').unwrap_or((given, ""));
        let (plain, user) = url.rsplit_once('@').map_or((url, false), |(_, rest)| (rest, true));
        let shown =
            || if user { format!("https://***@{}", without_query(plain)) } else { without_query(url).to_owned() };
        if !url.starts_with("https://") {
            return Err(PodNetworkError::NotHttps { url: shown() });
        }
        if user {
            return Err(PodNetworkError::HasUser { url: shown() });
        }
        let mut sha256 = [0; 32];
        let digest = fragment.strip_prefix("sha256=").unwrap_or_default();
        hex::decode_to_slice(digest, &mut sha256).map_err(|_| PodNetworkError::NoDigest { url: shown() })?;
        Ok(Self { url: url.to_owned(), sha256 })
    }

    /// For messages.
    pub fn shown(&self) -> &str {
        without_query(&self.url)
    }

    /// Fails if these bytes are not the expected manifest.
    pub fn verify(&self, bytes: &[u8]) -> Result<(), PodNetworkError> {
        let found: [u8; 32] = Sha256::digest(bytes).into();
        if found == self.sha256 {
            return Ok(());
        }
        Err(PodNetworkError::OtherContent { url: self.shown().into(), found: hex::encode(found) })
    }
}

/// A query may be a key to what the address has.
fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
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
    fn a_name_a_path_an_address_and_anything_else_are_distinguished() {
        assert_eq!(PodNetwork::source("flannel").unwrap(), Source::Templates);
        assert_eq!(PodNetwork::source("./calico.yaml").unwrap(), Source::File(Path::new("./calico.yaml")));
        for given in ["calico", "http://example.com/calico.yaml", ""] {
            let error = PodNetwork::source(given).unwrap_err();
            assert!(error.hint().unwrap().contains("download the manifest"), "{given}");
        }
    }

    #[test]
    fn an_address_needs_the_digest_of_its_manifest() {
        let digest = hex::encode(Sha256::digest(b"text"));
        let given = format!("https://example.com/calico.yaml#sha256={digest}");
        let Source::Address(address) = PodNetwork::source(&given).unwrap() else { panic!() };
        assert_eq!(address.url, "https://example.com/calico.yaml");
        address.verify(b"text").unwrap();
        let error = address.verify(b"other").unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::Untrusted);
        assert!(error.to_string().contains(&hex::encode(Sha256::digest(b"other"))), "{error}");
        for rest in ["", "#", "#sha256=", "#sha256=00ff", "#md5=00", &format!("#{digest}")] {
            let error = PodNetwork::source(&format!("https://example.com/c.yaml?key=hunter2{rest}")).err().unwrap();
            let text = format!("{error} {}", error.hint().unwrap());
            assert!(matches!(error, PodNetworkError::NoDigest { .. }) && !text.contains("hunter2"), "{text}");
        }
        let error =
            PodNetwork::source(&format!("https://joe:hunter2@example.com/c.yaml#sha256={digest}")).err().unwrap();
        assert!(matches!(error, PodNetworkError::HasUser { .. }) && !error.to_string().contains("hunter2"), "{error}");
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
