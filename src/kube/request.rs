//! Requests to the API, without any I/O: method, path, query, content type, body.

use super::kind::{Kind, ObjectRef, escape};
use http::Method;
use serde_json::{Value, json};

/// The type of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// JSON merge patch (RFC 7396): maps merge, `null` removes, lists are replaced.
    Merge,
    /// Strategic merge patch: like a merge patch, but lists of objects merge by their key.
    Strategic,
    /// A list of operations (RFC 6902).
    Json,
}

impl PatchKind {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Merge => "application/merge-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
            Self::Json => "application/json-patch+json",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub method: Method,
    /// The path with its query.
    pub path: String,
    /// The content type of the body; None without one.
    pub content_type: Option<&'static str>,
    pub body: Option<Value>,
    /// A list returns only the `metadata` of the objects.
    pub metadata_only: bool,
}

/// Selects objects of a kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<'a> {
    /// A label selector: `a=b,c=d`; empty: all.
    pub labels: &'a str,
    /// A field selector: `type=x`; empty: all.
    pub fields: &'a str,
    /// Only names, labels and annotations.
    pub metadata_only: bool,
}

const JSON: &str = "application/json";

/// Objects per page, as in kubectl: a response with all objects of a cluster may be too large.
const PAGE: usize = 500;

/// The field manager in `managedFields`.
const FIELD_MANAGER: &str = "kubewright";

impl Request {
    /// Reads any path.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), content_type: None, body: None, metadata_only: false }
    }

    /// Reads one object.
    pub fn read(object: &ObjectRef) -> Self {
        Self::get(object.path())
    }

    /// Reads the first page of the objects of a kind.
    pub fn list(kind: &Kind, namespace: Option<&str>, query: Query<'_>) -> Self {
        let mut path = format!("{}?limit={PAGE}", kind.path(namespace));
        for (name, selector) in [("labelSelector", query.labels), ("fieldSelector", query.fields)] {
            if !selector.is_empty() {
                path.push_str(&format!("&{name}={}", escape(selector)));
            }
        }
        Self { metadata_only: query.metadata_only, ..Self::get(path) }
    }

    /// The next page of a list; `token` is the `continue` value of the last one.
    #[must_use]
    pub fn next_page(&self, token: &str) -> Self {
        Self { path: format!("{}&continue={}", self.path, escape(token)), ..self.clone() }
    }

    /// Creates an object.
    pub fn create(object: &ObjectRef, body: Value) -> Self {
        Self::write(Method::POST, &object.kind.path(Some(&object.namespace)), JSON, body)
    }

    /// Replaces an object; with `metadata.resourceVersion` only that version of it.
    pub fn update(object: &ObjectRef, body: Value) -> Self {
        Self::write(Method::PUT, &object.path(), JSON, body)
    }

    /// Patches an object.
    pub fn patch(object: &ObjectRef, kind: PatchKind, body: Value) -> Self {
        Self::write(Method::PATCH, &object.path(), kind.content_type(), body)
    }

    /// Applies an object at a path on the server's side.
    pub fn apply(path: &str, body: Value) -> Self {
        Self::write(Method::PATCH, path, "application/apply-patch+yaml", body)
    }

    /// Patches the status of an object. The server ignores other fields.
    pub fn patch_status(object: &ObjectRef, kind: PatchKind, body: Value) -> Self {
        Self::write(Method::PATCH, &format!("{}/status", object.path()), kind.content_type(), body)
    }

    /// Deletes an object and, in the background, its dependents.
    pub fn delete(object: &ObjectRef) -> Self {
        let body = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"});
        let (path, content_type) = (object.path(), Some(JSON));
        Self { method: Method::DELETE, path, content_type, body: Some(body), metadata_only: false }
    }

    /// Evicts a Pod as its disruption budget allows. `api_version` is that of the Eviction, which differs between minor
    /// versions.
    pub fn evict(pod: &ObjectRef, api_version: &str) -> Self {
        let body = json!({
            "apiVersion": api_version,
            "kind": "Eviction",
            "metadata": {"name": pod.name, "namespace": pod.namespace},
        });
        Self::write(Method::POST, &format!("{}/eviction", pod.path()), JSON, body)
    }

    /// Approves a certificate signing request: the whole object, with its new conditions.
    pub fn approve(object: &ObjectRef, body: Value) -> Self {
        Self::write(Method::PUT, &format!("{}/approval", object.path()), JSON, body)
    }

    fn write(method: Method, path: &str, content_type: &'static str, body: Value) -> Self {
        let path = format!("{path}?fieldManager={FIELD_MANAGER}");
        Self { method, path, content_type: Some(content_type), body: Some(body), metadata_only: false }
    }
}

#[cfg(test)]
mod tests {
    use super::super::kind::{CONFIG_MAP, NODE, POD, SECRET};
    use super::*;

    #[test]
    fn writes_name_their_manager_and_type() {
        let node = ObjectRef::global(&NODE, "n1");
        let request = Request::patch(&node, PatchKind::Strategic, json!({}));
        assert_eq!(request.method, Method::PATCH);
        assert_eq!(request.path, "/api/v1/nodes/n1?fieldManager=kubewright");
        assert_eq!(request.content_type, Some("application/strategic-merge-patch+json"));
        let request = Request::patch_status(&node, PatchKind::Strategic, json!({}));
        assert_eq!(request.path, "/api/v1/nodes/n1/status?fieldManager=kubewright");
        assert_eq!(request.content_type, Some("application/strategic-merge-patch+json"));
        let map = ObjectRef::new(&CONFIG_MAP, "kube-public", "cluster-info");
        let create = Request::create(&map, json!({}));
        assert_eq!(create.path, "/api/v1/namespaces/kube-public/configmaps?fieldManager=kubewright");
        assert_eq!((create.method, create.content_type), (Method::POST, Some("application/json")));
        assert_eq!(Request::update(&map, json!({})).method, Method::PUT);
    }

    #[test]
    fn selectors_are_escaped() {
        let query = Query { labels: "a=b,c!=d", ..Query::default() };
        let list = Request::list(&SECRET, Some("kube-system"), query);
        assert_eq!(list.path, "/api/v1/namespaces/kube-system/secrets?limit=500&labelSelector=a%3Db%2Cc%21%3Dd");
        assert_eq!(Request::list(&POD, None, Query::default()).path, "/api/v1/pods?limit=500");
        let pods = Request::list(&POD, None, Query { fields: "spec.nodeName=n1", ..Query::default() });
        assert_eq!(pods.path, "/api/v1/pods?limit=500&fieldSelector=spec.nodeName%3Dn1");
        assert_eq!(pods.next_page("a/b=").path, format!("{}&continue=a%2Fb%3D", pods.path));
    }

    #[test]
    fn an_eviction_names_its_pod() {
        let pod = ObjectRef::new(&POD, "default", "web-0");
        let request = Request::evict(&pod, "policy/v1beta1");
        assert_eq!(request.path, "/api/v1/namespaces/default/pods/web-0/eviction?fieldManager=kubewright");
        assert_eq!(request.body.unwrap()["metadata"], json!({"name": "web-0", "namespace": "default"}));
    }
}
