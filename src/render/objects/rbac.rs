//! The two patterns of kubeadm's RBAC rules: reading one named object, and binding a ClusterRole.

use super::templates;
use super::{Object, ObjectError};
use serde::Serialize;
use serde_json::json;

/// The group of kubeadm's bootstrap tokens.
pub(super) const BOOTSTRAPPERS: Subject<'static> = Subject::group("system:bootstrappers:kubeadm:default-node-token");
/// The group of all nodes.
pub(super) const NODES: Subject<'static> = Subject::group("system:nodes");

/// The subject of a binding.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Subject<'a> {
    kind: &'a str,
    name: &'a str,
    /// Only ServiceAccounts have a namespace.
    namespace: Option<&'a str>,
}

impl<'a> Subject<'a> {
    pub(super) const fn group(name: &'a str) -> Self {
        Self { kind: "Group", name, namespace: None }
    }

    pub(super) const fn user(name: &'a str) -> Self {
        Self { kind: "User", name, namespace: None }
    }

    pub(super) const fn service_account(namespace: &'a str, name: &'a str) -> Self {
        Self { kind: "ServiceAccount", name, namespace: Some(namespace) }
    }
}

/// The namespaced object to read.
pub(super) struct Readable<'a> {
    pub(super) namespace: &'a str,
    /// `configmaps` or `secrets`.
    pub(super) resource: &'a str,
    pub(super) name: &'a str,
}

/// The Role `role` for reading one object, and its RoleBinding.
pub(super) fn reader(role: &str, what: &Readable<'_>, subjects: &[Subject<'_>]) -> Result<Vec<Object>, ObjectError> {
    templates::objects(
        "rbac/reader.yaml.tera",
        &json!({
            "name": role,
            "namespace": what.namespace,
            "resource": what.resource,
            "resource_name": what.name,
            "subjects": subjects,
        }),
    )
}

/// The ClusterRoleBinding `name` of the ClusterRole `role` to `subject`.
pub(super) fn cluster_binding(name: &str, role: &str, subject: Subject<'_>) -> Result<Vec<Object>, ObjectError> {
    templates::objects("rbac/cluster-binding.yaml.tera", &json!({ "name": name, "role": role, "subject": subject }))
}
