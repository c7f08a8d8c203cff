//! Server-side apply of objects of any kind, also of kinds that the cluster only knows since a moment.
//!
//! Reads: the resources of the API, and the current object. Writes: what differs, through the gate, as the field manager
//! `kubewright`. Fields that someone else has set to another value are not taken over: that is a conflict.

use super::apply::merge;
use super::cluster::Cluster;
use super::error::KubeError;
use super::kind::{Kind, escape};
use super::request::Request;
use super::shown;
use crate::base::files::Written;
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// A kind that was just defined is served a moment later.
const UNKNOWN_KIND: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);

/// What an object is called, in messages.
struct Title<'a>(&'a Value);

impl fmt::Display for Title<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |pointer: &str| self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        match text("/metadata/namespace") {
            "" => write!(f, "{} {}", text("/kind"), text("/metadata/name")),
            namespace => write!(f, "{} {namespace}/{}", text("/kind"), text("/metadata/name")),
        }
    }
}

impl Cluster {
    /// Creates the object, or changes the fields that differ. An object of a namespaced kind without a namespace is in
    /// `default`.
    pub fn apply(&self, desired: &Value) -> Result<Written, KubeError> {
        let desired = merge::canonical(desired);
        let title = Title(&desired).to_string();
        let path = self.unless_empty(self.path_when_served(&desired))?;
        let live = match &path {
            Some(path) => self.unless_empty(self.read_path(path, &title))?,
            None => None,
        };
        if live.as_ref().is_some_and(|live| merge::covers(live, &desired)) {
            return Ok(Written::Unchanged);
        }
        let written = if live.is_some() { Written::Changed } else { Written::Created };
        let change = shown::titled("apply", &title, desired["kind"] == "Secret", &desired, live.as_ref());
        self.gate.pass(change, || {
            let path = match path {
                Some(path) => path,
                None => self.wait_for_path(&desired)?,
            };
            self.send(&Request::apply(&path, desired.clone()), &format!("apply {title}"), true)
        })?;
        Ok(written)
    }

    /// A cluster that a dry run would start has nothing yet.
    fn unless_empty<T>(&self, looked: Result<Option<T>, KubeError>) -> Result<Option<T>, KubeError> {
        match looked {
            Err(error) if self.is_still_empty(&error) => Ok(None),
            other => other,
        }
    }

    fn read_path(&self, path: &str, title: &str) -> Result<Option<Value>, KubeError> {
        match self.send(&Request::get(path), &format!("read {title}"), true) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The path of an object; None if the API has no such kind now.
    fn path_when_served(&self, object: &Value) -> Result<Option<String>, KubeError> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (version, kind) = (text("/apiVersion"), text("/kind"));
        let root = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
        let known = Kind::find(kind).filter(|known| known.api_version == version);
        let (plural, namespaced) = match known {
            Some(known) => (known.plural.to_owned(), known.namespaced),
            None => match self.resource(&root, kind)? {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        let name = escape(text("/metadata/name"));
        let namespace = Some(text("/metadata/namespace")).filter(|text| !text.is_empty()).unwrap_or("default");
        Ok(Some(if namespaced {
            format!("{root}/namespaces/{}/{plural}/{name}", escape(namespace))
        } else {
            format!("{root}/{plural}/{name}")
        }))
    }

    /// The plural of a kind, and whether it is namespaced.
    fn resource(&self, root: &str, kind: &str) -> Result<Option<(String, bool)>, KubeError> {
        let list = match self.send(&Request::get(root), &format!("list the resources of {root}"), true) {
            Ok(list) => list,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let resources = list["resources"].as_array().cloned().unwrap_or_default();
        // Subresources such as `deployments/scale` have kinds too.
        let found = resources.iter().find(|resource| {
            resource["kind"] == kind && resource["name"].as_str().is_some_and(|name| !name.contains('/'))
        });
        Ok(found.and_then(|one| Some((one["name"].as_str()?.to_owned(), one["namespaced"] == true))))
    }

    fn wait_for_path(&self, object: &Value) -> Result<String, KubeError> {
        let start = self.clock.monotonic();
        loop {
            if let Some(path) = self.path_when_served(object)? {
                return Ok(path);
            }
            if self.clock.monotonic().saturating_sub(start) > UNKNOWN_KIND {
                let what = format!("apply {}", Title(object));
                let message = format!("the cluster has no kind {} of {}", object["kind"], object["apiVersion"]);
                let body = json!({"reason": "NotFound", "message": message}).to_string();
                return Err(KubeError::of_answer(what, 404, body.as_bytes()));
            }
            self.clock.sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_api::TestApi;
    use super::*;
    use crate::base::gate::Gate;

    fn widget() -> Value {
        json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 1}})
    }

    #[test]
    fn a_kind_of_its_own_is_found_by_its_resource_and_applied_once() {
        let api = TestApi::default();
        let resources = json!({"resources": [
            {"name": "widgets/status", "kind": "Widget", "namespaced": true},
            {"name": "widgets", "kind": "Widget", "namespaced": true},
        ]});
        api.put("/apis/example.com/v1", resources);
        let cluster = api.cluster(&Gate::open());
        assert_eq!(cluster.apply(&widget()).unwrap(), Written::Created);
        let path = "/apis/example.com/v1/namespaces/default/widgets/w";
        assert_eq!(api.take_log().last().unwrap(), &format!("PATCH {path}"));
        assert_eq!(cluster.apply(&widget()).unwrap(), Written::Unchanged);
        let larger =
            json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 2}});
        assert_eq!(cluster.apply(&larger).unwrap(), Written::Changed);
        assert_eq!(api.with(|state| state.objects[path]["spec"]["size"].clone()), 2);
    }

    #[test]
    fn a_kind_that_the_cluster_does_not_get_is_named() {
        let api = TestApi::default();
        let error = api.cluster(&Gate::open()).apply(&widget()).unwrap_err();
        assert!(error.to_string().contains("Widget"), "{error}");
    }

    #[test]
    fn a_dry_run_sends_nothing() {
        let (api, gate) = (TestApi::default(), Gate::recording());
        assert_eq!(api.cluster(&gate).apply(&widget()).unwrap(), Written::Created);
        assert_eq!(gate.count(), 1);
        assert!(api.take_log().iter().all(|request| request.starts_with("GET ")));
        api.with(|state| state.down = true);
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}});
        for object in [widget(), map] {
            assert_eq!(api.starting(&gate).apply(&object).unwrap(), Written::Created, "the cluster does not exist yet");
        }
    }
}
