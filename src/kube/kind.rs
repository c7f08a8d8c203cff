//! The kinds of objects that kubewright uses, and references to single objects.

use serde_json::Value;
use std::fmt;

/// A kind of object in the API.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// `Deployment`.
    pub name: &'static str,
    /// `apps/v1`, or `v1` for the core group: served by every minor version from 1.20 on.
    pub api_version: &'static str,
    /// `deployments`.
    pub plural: &'static str,
    /// False for cluster-scoped kinds.
    pub namespaced: bool,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $constant:ident: $name:literal, $api_version:literal, $plural:literal, $namespaced:literal;)*) => {
        $($(#[$doc])* pub const $constant: Kind =
            Kind { name: $name, api_version: $api_version, plural: $plural, namespaced: $namespaced };)*
        pub const KINDS: &[&Kind] = &[$(&$constant),*];
    };
}

kinds! {
    CERTIFICATE_SIGNING_REQUEST: "CertificateSigningRequest", "certificates.k8s.io/v1", "certificatesigningrequests", false;
    CLUSTER_ROLE: "ClusterRole", "rbac.authorization.k8s.io/v1", "clusterroles", false;
    CLUSTER_ROLE_BINDING: "ClusterRoleBinding", "rbac.authorization.k8s.io/v1", "clusterrolebindings", false;
    CONFIG_MAP: "ConfigMap", "v1", "configmaps", true;
    DAEMON_SET: "DaemonSet", "apps/v1", "daemonsets", true;
    DEPLOYMENT: "Deployment", "apps/v1", "deployments", true;
    ENDPOINTS: "Endpoints", "v1", "endpoints", true;
    EVENT: "Event", "v1", "events", true;
    LEASE: "Lease", "coordination.k8s.io/v1", "leases", true;
    NAMESPACE: "Namespace", "v1", "namespaces", false;
    NODE: "Node", "v1", "nodes", false;
    POD: "Pod", "v1", "pods", true;
    ROLE: "Role", "rbac.authorization.k8s.io/v1", "roles", true;
    ROLE_BINDING: "RoleBinding", "rbac.authorization.k8s.io/v1", "rolebindings", true;
    SECRET: "Secret", "v1", "secrets", true;
    SERVICE: "Service", "v1", "services", true;
    SERVICE_ACCOUNT: "ServiceAccount", "v1", "serviceaccounts", true;
}

impl Kind {
    /// The kind with this name, if it is in the table.
    pub fn find(name: &str) -> Option<&'static Kind> {
        KINDS.iter().copied().find(|kind| kind.name == name)
    }

    /// The path of its objects, in one namespace or in all: `/apis/apps/v1/namespaces/kube-system/deployments`.
    pub fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.api_version.contains('/') { "/apis" } else { "/api" };
        let Kind { api_version, plural, .. } = self;
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{root}/{api_version}/namespaces/{}/{plural}", escape(namespace)),
            None => format!("{root}/{api_version}/{plural}"),
        }
    }
}

/// A reference to one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRef {
    pub kind: &'static Kind,
    /// Empty for cluster-scoped objects.
    pub namespace: String,
    pub name: String,
}

impl ObjectRef {
    /// A namespaced object.
    pub fn new(kind: &'static Kind, namespace: &str, name: &str) -> Self {
        let namespace = if kind.namespaced { namespace } else { "" };
        Self { kind, namespace: namespace.into(), name: name.into() }
    }

    /// A cluster-scoped object.
    pub fn global(kind: &'static Kind, name: &str) -> Self {
        Self::new(kind, "", name)
    }

    /// The reference to `object`; None if its kind is not in the table, it has no name, or it lacks the namespace that
    /// its kind needs.
    pub fn of(object: &Value) -> Option<Self> {
        let kind = Kind::find(object["kind"].as_str()?)?;
        let name = object["metadata"]["name"].as_str()?;
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let complete = !name.is_empty() && (!kind.namespaced || !namespace.is_empty());
        (complete && object["apiVersion"] == kind.api_version).then(|| Self::new(kind, namespace, name))
    }

    pub fn path(&self) -> String {
        format!("{}/{}", self.kind.path(Some(&self.namespace)), escape(&self.name))
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind: Kind { name: kind, .. }, namespace, name } = self;
        if namespace.is_empty() { write!(f, "{kind} {name}") } else { write!(f, "{kind} {namespace}/{name}") }
    }
}

/// Escapes `text` for a path or query: letters, digits, `-._~` and the colons of RBAC names are kept.
pub(super) fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_and_plurals_are_unique_and_match() {
        for (i, kind) in KINDS.iter().enumerate() {
            assert!(KINDS[i + 1..].iter().all(|other| other.name != kind.name && other.plural != kind.plural));
            assert_eq!(kind.plural.trim_end_matches('s'), kind.name.to_lowercase().trim_end_matches('s'));
        }
    }

    #[test]
    fn paths_follow_group_and_namespace() {
        assert_eq!(
            ObjectRef::new(&CONFIG_MAP, "kube-system", "kubeadm-config").path(),
            "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
        );
        assert_eq!(
            ObjectRef::global(&CLUSTER_ROLE, "kubeadm:get-nodes").path(),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/kubeadm:get-nodes"
        );
        assert_eq!(ObjectRef::global(&NODE, "../x").path(), "/api/v1/nodes/..%2Fx");
        assert_eq!(POD.path(None), "/api/v1/pods");
    }

    #[test]
    fn an_object_without_a_name_or_namespace_has_no_reference() {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "b"}});
        assert_eq!(ObjectRef::of(&secret).unwrap().to_string(), "Secret b/a");
        for (pointer, value) in [
            ("/metadata/name", json!("")),
            ("/metadata/namespace", json!(null)),
            ("/kind", json!("Widget")),
            ("/apiVersion", json!("v2")),
        ] {
            let mut broken = secret.clone();
            *broken.pointer_mut(pointer).unwrap() = value;
            assert_eq!(ObjectRef::of(&broken), None, "{pointer}");
        }
    }
}
