//! Phase `addon/kube-proxy`: the network rules for Services on each node.

use crate::base::go_yaml;
use crate::config::images::Released;
use crate::config::model::ClusterConfig;
use crate::render::engine::Templates;
use crate::render::objects::addon::{Addon, AddonInput, EnvVar};
use crate::render::objects::config_map::ConfigMap;
use crate::render::objects::rbac::{self, BOOTSTRAPPERS, Readable, Subject};
use crate::render::objects::{Object, ObjectError, checksum, proxy_config, templates};
use crate::versions::addons::addon_facts;
use crate::versions::{OLDEST, facts, newest};
use serde_json::{Map, Value, json};
use std::net::IpAddr;
use std::sync::LazyLock;

#[expect(clippy::redundant_closure_for_method_calls, reason = "the method has the lifetime of one input")]
pub static ADDON: Addon = Addon {
    name: NAME,
    install: "Install kube-proxy, the network proxy for Services",
    upgrade: "Upgrade kube-proxy",
    field: "proxy",
    is_disabled: |cluster| cluster.proxy.disabled,
    disable: |cluster| cluster.proxy.disabled = true,
    patches: None,
    objects: |input| with(input, |ours| ours.objects()),
    known: |input| with(input, known),
};

const NAMESPACE: &str = "kube-system";
const NAME: &str = "kube-proxy";
const MANIFEST: &str = "addons/kube-proxy.yaml.tera";
const KUBECONFIG: &str = "addons/kube-proxy.kubeconfig.tera";
/// The feature gate of kubeadm that kube-proxy had as well.
const DUAL_STACK: &str = "IPv6DualStack";

/// The input of kube-proxy.
#[derive(Clone, Copy, Debug)]
pub struct KubeProxy<'a> {
    pub minor: u16,
    /// The cluster, with the user's KubeProxyConfiguration.
    pub cluster: &'a ClusterConfig,
    /// The full image reference with its tag.
    pub image: &'a str,
    /// The shared URL of the API server.
    pub server: &'a str,
    /// The address of this host's API server; its family decides which addresses kube-proxy binds to.
    pub advertise_address: IpAddr,
    /// The HTTP proxy variables of this process, which are passed on to the container.
    pub proxy_env: &'a [EnvVar],
}

static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| {
    Templates::new(&[
        (MANIFEST, include_str!("../../../../templates/objects/addons/kube-proxy.yaml.tera")),
        (KUBECONFIG, include_str!("../../../../templates/objects/addons/kube-proxy.kubeconfig.tera")),
    ])
});

fn with<T>(
    input: &AddonInput<'_>,
    make: impl FnOnce(&KubeProxy<'_>) -> Result<T, ObjectError>,
) -> Result<T, ObjectError> {
    let AddonInput { facts, cluster, server, advertise_address, proxy_env } = *input;
    let image = Released::Proxy.image(cluster).to_string();
    make(&KubeProxy { minor: facts.minor, cluster, image: &image, server, advertise_address, proxy_env })
}

impl KubeProxy<'_> {
    /// All objects in order, also for `--print-manifest`. When the user's KubeProxyConfiguration does not fit the
    /// minor.
    pub fn objects(&self) -> Result<Vec<Object>, ObjectError> {
        let config_map = self.config_map()?;
        let mut objects = workload(self.minor, self.image, self.proxy_env)?;
        // The ServiceAccount and the ConfigMap come before the Pods that need them.
        let after_account = objects.len().min(1);
        objects.splice(after_account..after_account, config_map);

        let account = Subject::service_account(NAMESPACE, NAME);
        objects.extend(rbac::cluster_binding("kubeadm:node-proxier", "system:node-proxier", account)?);
        let readable = Readable { namespace: NAMESPACE, resource: "configmaps", name: NAME };
        objects.extend(rbac::reader(NAME, &readable, &[BOOTSTRAPPERS])?);
        Ok(objects)
    }

    /// The `KubeProxyConfiguration`: the user's fields, and defaults for the rest.
    pub fn configuration(&self) -> Result<Value, ObjectError> {
        proxy_config::document(self.minor, &self.given(), &self.defaults())
    }

    /// Adds a hash unless the user provided a configuration.
    fn config_map(&self) -> Result<Vec<Object>, ObjectError> {
        let document = self.configuration()?;
        let kubeconfig = TEMPLATES.render(KUBECONFIG, &json!({ "server": self.server }))?;
        let data = [("config.conf", go_yaml::to_string(&document)), ("kubeconfig.conf", kubeconfig)];
        let map = ConfigMap {
            namespace: NAMESPACE,
            name: NAME,
            labels: Map::from_iter([("app".to_owned(), NAME.into())]),
            annotations: Map::new(),
            data: data.map(|(key, text)| (key.to_owned(), Value::from(text.trim_end()))).into_iter().collect(),
        };
        let objects = map.render()?;
        let is_ours = self.cluster.kube_proxy.is_empty();
        Ok(if is_ours { objects.into_iter().map(checksum::sign).collect() } else { objects })
    }

    /// kubeadm's defaults for unset fields, by path.
    fn defaults(&self) -> Map<String, Value> {
        let bind_address = if self.advertise_address.is_ipv4() { "0.0.0.0" } else { "::" };
        let pod_subnets: Vec<String> = self.cluster.networking.pod_subnets.iter().map(ToString::to_string).collect();
        Map::from_iter([
            ("bindAddress".to_owned(), bind_address.into()),
            ("clientConnection.kubeconfig".to_owned(), "/var/lib/kube-proxy/kubeconfig.conf".into()),
            ("clusterCIDR".to_owned(), pod_subnets.join(",").into()),
            ("mode".to_owned(), facts(self.minor).map_or("", |facts| facts.proxy_mode).into()),
        ])
    }

    /// The user's document, with the cluster-wide feature gate added to its feature gates.
    fn given(&self) -> Map<String, Value> {
        let mut given = self.cluster.kube_proxy.clone();
        if let Some(dual_stack) = self.cluster.feature_gates.get(DUAL_STACK) {
            let gates = given.entry("featureGates").or_insert_with(|| json!({}));
            if gates.is_null() {
                *gates = json!({});
            }
            // A value of another type is kept, and refused with the rest of the document.
            if let Some(gates) = gates.as_object_mut() {
                gates.insert(DUAL_STACK.into(), (*dual_stack).into());
            }
        }
        given
    }
}

/// The objects that any supported minor version would have created instead of `ours`, with its default image and with
/// ours: the states of a DaemonSet that was not changed by a user. The ConfigMap is recognized by its hash. Only by our
/// own fault.
pub fn known(ours: &KubeProxy<'_>) -> Result<Vec<Object>, ObjectError> {
    let mut objects = Vec::new();
    for facts in (OLDEST..=newest()).filter_map(facts) {
        let defaults = facts.image_repository.0.iter().map(|(_, registry)| format!("{registry}/kube-proxy:any"));
        for image in defaults.chain([ours.image.to_owned()]) {
            objects.extend(workload(facts.minor, &image, ours.proxy_env)?);
        }
    }
    Ok(objects)
}

/// The ServiceAccount and the DaemonSet.
fn workload(minor: u16, image: &str, proxy_env: &[EnvVar]) -> Result<Vec<Object>, ObjectError> {
    let values = json!({ "facts": addon_facts(minor), "image": image, "proxy_env": proxy_env });
    templates::parse(MANIFEST, &TEMPLATES.render(MANIFEST, &values)?)
}
