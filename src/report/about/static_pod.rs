//! The facts about a static Pod that plans show: its image, and the flags that not every cluster has.

use crate::base::env::Random;
use crate::base::masked::{self, Format};
use crate::config::model::Etcd;
use crate::config::{Documents, Facts, InitConfig, InitFlags, untrusted};
use crate::domain::paths::MANIFESTS_DIR;
use crate::render::pods::{self, PodInput};
use crate::state::static_pod::StaticPod;
use crate::versions::{Version, facts, facts_of, newest};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StaticPodFacts {
    pub name: String,
    pub image: String,
    /// Flags that differ from those of a cluster with the default configuration.
    pub flags: Vec<String>,
}

/// Flags with an address of this host, which are shown although every host has them.
const ADDRESSES: [&str; 2] = ["--advertise-address", "--advertise-client-urls"];

impl StaticPodFacts {
    /// The facts about a manifest; None for another file.
    pub fn read(path: &Path, text: &str) -> Option<Self> {
        if path.parent() != Some(Path::new(MANIFESTS_DIR)) {
            return None;
        }
        let pod = untrusted::value(text.as_bytes()).ok().filter(|pod| pod["kind"] == "Pod")?;
        let name = pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let manifest = StaticPod::of(&pod, &name);
        let defaults = default_words(&name, manifest.image(), manifest.words()).unwrap_or_default();
        let is_notable = |word: &String| {
            word.starts_with("--") && (!defaults.contains(word) || ADDRESSES.contains(&flag_name(word)))
        };
        // A flag of the user may hold a credential.
        let notable = manifest.words().iter().filter(|word| is_notable(word));
        let flags = notable.map(|word| masked::mask(word, Format::Words)).collect();
        Some(Self { name, image: manifest.image().to_owned(), flags })
    }
}

fn flag_name(word: &str) -> &str {
    word.split('=').next().unwrap_or(word)
}

/// The command of the component in a cluster with the default configuration on this host; None for another Pod.
fn default_words(name: &str, image: &str, words: &[String]) -> Option<BTreeSet<String>> {
    let config = default_config(image, words)?;
    let input = PodInput {
        cluster: &config.cluster,
        node: &config.node,
        facts: facts_of(&config.cluster.version).ok()?,
        environment: &BTreeMap::new(),
        host_has: &|_| false,
        external_ca: false,
    };
    let text = match (name, &config.cluster.etcd) {
        ("etcd", Etcd::Local(local)) => pods::etcd(&input, local, &[]),
        ("kube-apiserver", _) => pods::kube_apiserver(&input),
        ("kube-controller-manager", _) => pods::kube_controller_manager(&input),
        ("kube-scheduler", _) => pods::kube_scheduler(&input),
        _ => return None,
    };
    let pod = untrusted::value(text.ok()?.as_bytes()).ok()?;
    Some(StaticPod::of(&pod, name).words().iter().cloned().collect())
}

/// The default configuration for the version of the image and the name and address in the flags.
fn default_config(image: &str, words: &[String]) -> Option<InitConfig> {
    let value = |flag: &str| words.iter().find_map(|word| word.strip_prefix(flag)?.strip_prefix('='));
    let tag = image.rsplit_once(':').map(|(_, tag)| tag.replace('_', "+"));
    let version = tag.and_then(|tag| tag.parse().ok()).filter(|version| facts_of(version).is_ok());
    let version = version.or_else(|| facts(newest()).map(|_| Version::new(newest(), 0)))?;
    // The placeholder's token is never used, so it need not be random.
    let mut host = Facts::placeholder(Random::seeded(0));
    if let Some(name) = value("--name") {
        name.clone_into(&mut host.hostname);
    }
    let url = value("--advertise-client-urls").and_then(|urls| urls.split("://").nth(1)?.rsplit_once(':'));
    let address = value("--advertise-address").or(url.map(|(address, _)| address));
    match address.and_then(|text| text.trim_matches(['[', ']']).parse().ok()) {
        Some(IpAddr::V4(address)) => host.default_ipv4 = Some(address),
        Some(IpAddr::V6(address)) => (host.default_ipv4, host.default_ipv6) = (None, Some(address)),
        None => {}
    }
    let flags = InitFlags { kubernetes_version: Some(version.to_string()), ..InitFlags::default() };
    Some(Documents::none().init(&flags, &host).ok()?.config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, image: &str, flags: &[&str]) -> StaticPodFacts {
        let command: String = flags.iter().map(|flag| format!("    - {flag}\n")).collect();
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\nspec:\n  containers:\n  - name: {name}\n    \
             image: {image}\n    command:\n    - {name}\n{command}"
        );
        StaticPodFacts::read(&Path::new(MANIFESTS_DIR).join("a.yaml"), &text).unwrap()
    }

    #[test]
    fn only_flags_that_differ_from_a_default_cluster_are_shown() {
        let image = "registry.k8s.io/kube-scheduler:v1.30.1";
        let facts = read("kube-scheduler", image, &["--leader-elect=true", "--bind-address=0.0.0.0", "--v=4"]);
        assert_eq!((facts.image.as_str(), facts.flags.join(" ")), (image, "--bind-address=0.0.0.0 --v=4".to_owned()));
    }

    #[test]
    fn of_the_addresses_in_the_flags_of_etcd_one_is_shown() {
        for (address, local) in [("10.0.0.5", "127.0.0.1"), ("[fd00::5]", "[::1]")] {
            let client = format!("https://{address}:2379");
            let facts = read(
                "etcd",
                "registry.example.com/etcd@sha256:00",
                &[
                    &format!("--advertise-client-urls={client}"),
                    &format!("--initial-cluster=n1=https://{address}:2380"),
                    &format!("--listen-client-urls=https://{local}:2379,{client}"),
                    "--name=n1",
                    "--data-dir=/srv/etcd",
                ],
            );
            assert_eq!(facts.flags, [format!("--advertise-client-urls={client}"), "--data-dir=/srv/etcd".into()]);
        }
    }

    #[test]
    fn every_flag_of_another_pod_is_shown_and_other_files_are_not_read() {
        assert_eq!(read("proxy", "x", &["--a=b"]).flags, ["--a=b"]);
        assert!(StaticPodFacts::read(Path::new("/etc/x.yaml"), "kind: Pod\n").is_none());
        assert!(StaticPodFacts::read(&Path::new(MANIFESTS_DIR).join("a.yaml"), "kind: Pod\nx: \"").is_none());
    }
}
