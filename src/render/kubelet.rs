//! The kubelet's files in `/var/lib/kubelet`: `config.yaml`, `instance-config.yaml` and `kubeadm-flags.env`, and the
//! configuration that all nodes of a cluster share in a ConfigMap.
//!
//! The configuration of a node is the shared one plus what only this host knows.

use super::engine::{TemplateError, Templates};
use super::patches::{self, PatchError, PatchSet, Target};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::go_yaml;
use crate::config::model::ClusterConfig;
use crate::versions::Minor;
use crate::versions::kubelet_fields::{Zero, zero_fields};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

mod cleaned;
mod flags;
mod removed_args;

pub use cleaned::cleaned_flags;
pub use flags::{FlagsInput, WITHOUT_AWS, flags_env, uses_instance_config};
pub use removed_args::{Cleaned, without_removed};

/// The resolver configuration in which systemd-resolved keeps the real name servers.
const RESOLVED_CONF: &str = "/run/systemd/resolve/resolv.conf";

/// The cluster DNS address if the Service network is too small to contain one.
const FALLBACK_DNS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 96, 0, 10));

static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| {
    Templates::new(&[
        ("defaults.yaml", include_str!("../../templates/kubelet/defaults.yaml.tera")),
        ("instance-config.yaml", include_str!("../../templates/kubelet/instance-config.yaml.tera")),
    ])
});

/// A kubelet configuration cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum KubeletError {
    #[error("the cluster's kubelet configuration is not a YAML mapping")]
    Shared(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    #[error(transparent)]
    Patch(#[from] PatchError),
    /// A bug in this build.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

impl Fault for KubeletError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Shared(_) => ExitCode::Input,
            Self::Patch(e) => e.exit_code(),
            Self::Template(e) => e.exit_code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Shared(_) => Some(
                "run 'kubectl -n kube-system get configmap' and fix the one whose name starts with kubelet-config"
                    .into(),
            ),
            Self::Patch(e) => e.hint(),
            Self::Template(e) => e.hint(),
        }
    }
}

/// The input of the shared configuration.
#[derive(Clone, Copy)]
pub struct SharedInput<'a> {
    /// The cluster; its `kubelet` document takes precedence over all defaults.
    pub cluster: &'a ClusterConfig,
    pub facts: &'static Minor,
    /// True if systemd-resolved runs on this host.
    pub systemd_resolved: bool,
}

#[derive(Serialize)]
struct Defaults {
    client_ca_file: String,
    cgroup_driver: Option<String>,
    cluster_dns: IpAddr,
    cluster_domain: String,
    feature_gates: Option<Map<String, Value>>,
}

/// The configuration that all nodes share, as stored in the ConfigMap.
pub fn shared_config(input: &SharedInput<'_>) -> Result<String, KubeletError> {
    let cluster = input.cluster;
    let user = &cluster.kubelet;
    let defaults = Defaults {
        client_ca_file: cluster.certificates_dir.join("ca.crt").to_string_lossy().into_owned(),
        cgroup_driver: input.facts.default_cgroup_driver.map(ToOwned::to_owned),
        cluster_dns: cluster.networking.service_subnets.first().and_then(super::dns_address).unwrap_or(FALLBACK_DNS),
        cluster_domain: cluster.networking.dns_domain.clone(),
        feature_gates: super::dual_stack_gate(cluster, input.facts)
            .map(|on| Map::from_iter([(super::DUAL_STACK_GATE.to_owned(), json!(on))])),
    };
    let mut config = parse(&TEMPLATES.render("defaults.yaml", &defaults)?)?;
    overlay(&mut config, user);
    // The kubelet's client certificate must be renewed, or the node fails after a year.
    config.insert("rotateCertificates".into(), json!(true));
    if input.facts.uploads_resolv_conf {
        add_resolver(&mut config, input.systemd_resolved);
    }
    for field in zero_fields(input.facts.minor) {
        add_zero(&mut config, field.path, field.zero);
    }
    Ok(write(config))
}

/// The input of a node's configuration.
#[derive(Clone, Copy)]
pub struct NodeInput<'a> {
    pub facts: &'static Minor,
    /// True if systemd-resolved runs on this host.
    pub systemd_resolved: bool,
    /// The content of [`instance_config`], if the minor version has that file.
    pub instance_config: Option<&'a str>,
    pub patches: &'a PatchSet,
}

/// This host's `config.yaml`, based on the configuration that all nodes share.
pub fn node_config(shared: &str, input: &NodeInput<'_>) -> Result<String, KubeletError> {
    let mut config = parse(shared)?;
    if !input.facts.uploads_resolv_conf {
        add_resolver(&mut config, input.systemd_resolved);
    }
    let mut text = input.patches.apply(Target::KubeletConfiguration, &write(config))?;
    if let Some(instance) = input.instance_config {
        let mut patched = parse(&text)?;
        overlay(&mut patched, &parse(instance)?);
        text = write(patched);
    }
    Ok(text)
}

/// This host's `instance-config.yaml`: the CRI socket, which may differ between hosts.
pub fn instance_config(cri_socket: &str) -> Result<String, TemplateError> {
    TEMPLATES.render("instance-config.yaml", &json!({ "endpoint": cri_socket }))
}

fn parse(text: &str) -> Result<Map<String, Value>, KubeletError> {
    match patches::parse_documents(text) {
        Ok(mut documents) if documents.len() == 1 => match documents.pop() {
            Some(Value::Object(map)) => Ok(map),
            _ => Err(KubeletError::Shared(None)),
        },
        Ok(_) => Err(KubeletError::Shared(None)),
        Err(source) => Err(KubeletError::Shared(Some(source))),
    }
}

fn write(config: Map<String, Value>) -> String {
    go_yaml::to_string(&Value::Object(config))
}

/// Merges `over` into `base`. Null and, for a default, the empty string mean unset.
fn overlay(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (_, Value::Null) => {}
            (Some(Value::Object(below)), Value::Object(above)) => overlay(below, above),
            (Some(_), Value::String(text)) if text.is_empty() => {}
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// systemd-resolved's stub in `/etc/resolv.conf` is a loopback address, which does not work in a Pod.
fn add_resolver(config: &mut Map<String, Value>, systemd_resolved: bool) {
    if systemd_resolved {
        config.entry("resolvConf").or_insert_with(|| json!(RESOLVED_CONF));
    }
}

fn add_zero(config: &mut Map<String, Value>, path: &str, zero: Zero) {
    let value = match zero {
        Zero::Duration => json!("0s"),
        Zero::Number => json!(0),
        Zero::Quantity => json!("0"),
        Zero::Struct => json!({}),
        Zero::Text => json!(""),
    };
    match path.split_once('.') {
        None => {
            config.entry(path).or_insert(value);
        }
        Some((outer, inner)) => {
            // A value of another type was set by the user and is left for the kubelet to refuse.
            if let Value::Object(below) = config.entry(outer).or_insert_with(|| json!({})) {
                add_zero(below, inner, zero);
            }
        }
    }
}

#[cfg(test)]
mod tests;
