//! What callers use of a cluster: reads go directly to the API, writes through the gate, and objects that a dry run
//! would have written are read back as if they existed.

use super::client::{Api, Client};
use super::error::KubeError;
use super::kind::{Kind, ObjectRef, POD};
use super::request::{Query, Request};
use super::shown;
use crate::base::env::Clock;
use crate::base::gate::Gate;
use http::Method;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// A cluster, through one of its API servers.
pub struct Cluster {
    api: Box<dyn Api>,
    pub(super) gate: Gate,
    pub(super) clock: Clock,
    /// How long a request is retried after temporary failures.
    patience: Duration,
    /// This run starts the server: until it first responds, nothing exists in it.
    starting: bool,
    /// The server has responded.
    seen: AtomicBool,
    /// The version of Eviction, after the first request.
    eviction: OnceLock<String>,
    /// Objects that a dry run would have written, or (None) deleted.
    planned: Mutex<Vec<(ObjectRef, Option<Value>)>>,
}

/// How often an expired list is read again from the start.
const ATTEMPTS: usize = 3;

/// Objects of a list, page by page.
enum Page {
    /// The first page, also after the list expired.
    First(Vec<Value>),
    Next(Vec<Value>),
}

/// The effect of a dry run on an object.
enum Planned {
    Nothing,
    Removed,
    Written(Value),
}

impl Cluster {
    /// A running cluster. Requests with temporary failures are retried for `patience` (the `kubernetesAPICall` timeout
    /// of the configuration), but only if the server has responded before: a server that never responded is reported at
    /// once.
    pub fn running(client: Client, gate: Gate, clock: Clock, patience: Duration) -> Self {
        Self::over(Box::new(client), gate, clock, patience)
    }

    /// A running cluster that has responded in this run before, to other credentials: requests wait for it if it is
    /// unreachable now.
    pub fn known(client: Client, gate: Gate, clock: Clock, patience: Duration) -> Self {
        Self { seen: AtomicBool::new(true), ..Self::over(Box::new(client), gate, clock, patience) }
    }

    /// A cluster that this run starts. As long as its address is unreachable, reads find nothing; in a dry run until
    /// the end.
    pub fn starting(client: Client, gate: Gate, clock: Clock, patience: Duration) -> Self {
        Self::starting_over(Box::new(client), gate, clock, patience)
    }

    pub(super) fn starting_over(api: Box<dyn Api>, gate: Gate, clock: Clock, patience: Duration) -> Self {
        Self { starting: true, ..Self::over(api, gate, clock, patience) }
    }

    pub(super) fn over(api: Box<dyn Api>, gate: Gate, clock: Clock, patience: Duration) -> Self {
        let (seen, planned) = (AtomicBool::new(false), Mutex::default());
        Self { api, gate, clock, patience, starting: false, seen, eviction: OnceLock::new(), planned }
    }

    /// The object, if it exists.
    pub fn find(&self, object: &ObjectRef) -> Result<Option<Value>, KubeError> {
        match self.planned_for(object) {
            Planned::Nothing => {}
            Planned::Removed => return Ok(None),
            Planned::Written(value) => return Ok(Some(value)),
        }
        match self.send(&Request::read(object), &format!("read {object}"), true) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() || self.is_still_empty(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// [`Cluster::find`] without retries: for waits, which repeat it themselves.
    pub(super) fn glance(&self, object: &ObjectRef) -> Result<Option<Value>, KubeError> {
        match self.send_once(&Request::read(object), &format!("read {object}")) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The object, which must exist.
    pub fn read(&self, object: &ObjectRef) -> Result<Value, KubeError> {
        self.find(object)?.ok_or_else(|| {
            let body = json!({"reason": "NotFound", "message": "it does not exist"}).to_string();
            KubeError::of_answer(format!("read {object}"), 404, body.as_bytes())
        })
    }

    /// All objects of a kind in a namespace (None: in all) with these labels (`a=b,c=d`; empty: any).
    pub fn list(&self, kind: &'static Kind, namespace: Option<&str>, labels: &str) -> Result<Vec<Value>, KubeError> {
        self.list_where(kind, namespace, Query { labels, ..Query::default() })
    }

    /// The metadata of all objects of a kind: names, labels and annotations.
    pub fn list_metadata(&self, kind: &'static Kind) -> Result<Vec<Value>, KubeError> {
        self.list_where(kind, None, Query { metadata_only: true, ..Query::default() })
    }

    /// The objects of a kind in a namespace (None: in all) that match a query.
    pub fn list_where(
        &self,
        kind: &'static Kind,
        namespace: Option<&str>,
        query: Query<'_>,
    ) -> Result<Vec<Value>, KubeError> {
        let mut items = Vec::new();
        self.pages(kind, &Request::list(kind, namespace, query), &mut |page| match page {
            Page::First(first) => items = first,
            Page::Next(next) => items.extend(next),
        })?;
        self.add_planned(kind, namespace, query, &mut items);
        Ok(items)
    }

    /// Calls `look` with every object of a kind in the cluster, one page at a time to save memory. It may be called
    /// twice for an object.
    pub fn visit(&self, kind: &'static Kind, look: &mut dyn FnMut(&Value)) -> Result<(), KubeError> {
        self.pages(kind, &Request::list(kind, None, Query::default()), &mut |page| {
            let (Page::First(items) | Page::Next(items)) = page;
            items.iter().for_each(&mut *look);
        })
    }

    pub fn pods_of(&self, node: &str) -> Result<Vec<Value>, KubeError> {
        // With a field selector that a kubelet is allowed to use.
        let fields = format!("spec.nodeName={node}");
        let mut items = self.list_where(&POD, None, Query { fields: &fields, ..Query::default() })?;
        // Drop other Pods, in case the server ignores the selector.
        items.retain(|pod| has_fields(pod, &fields));
        Ok(items)
    }

    /// A list may expire while it is read; it must then be read from the start.
    fn pages(&self, kind: &'static Kind, first: &Request, take: &mut dyn FnMut(Page)) -> Result<(), KubeError> {
        let what = format!("list {}", kind.plural);
        let mut request = first.clone();
        let mut expired = 0;
        loop {
            let mut list = match self.send(&request, &what, true) {
                Ok(list) => list,
                Err(error) if self.is_still_empty(&error) => Value::Null,
                Err(error) if error.is_expired() && expired < ATTEMPTS => {
                    expired += 1;
                    request = first.clone();
                    continue;
                }
                Err(error) => return Err(error),
            };
            let mut items = match list["items"].take() {
                Value::Array(items) => items,
                _ => Vec::new(),
            };
            for item in &mut items {
                // Items of a list have no kind; with it they are objects like any other.
                item["apiVersion"] = json!(kind.api_version);
                item["kind"] = json!(kind.name);
            }
            take(if request == *first { Page::First(items) } else { Page::Next(items) });
            match list["metadata"]["continue"].as_str().filter(|token| !token.is_empty()) {
                Some(token) => request = first.next_page(token),
                None => return Ok(()),
            }
        }
    }

    /// The version of Eviction that this server supports: `policy/v1beta1` up to v1.21, `policy/v1` later. Requested once.
    pub(super) fn eviction_version(&self) -> Result<String, KubeError> {
        if let Some(version) = self.eviction.get() {
            return Ok(version.clone());
        }
        let resources = self.send(&Request::get("/api/v1"), "list the resources of the core API", true)?;
        let eviction = resources["resources"].as_array().into_iter().flatten().find(|r| r["name"] == "pods/eviction");
        let part = |name| eviction.and_then(|eviction| eviction[name].as_str()).filter(|text| !text.is_empty());
        let version = format!("{}/{}", part("group").unwrap_or("policy"), part("version").unwrap_or("v1"));
        Ok(self.eviction.get_or_init(|| version).clone())
    }

    /// Reads a path with a text response, such as `/readyz`: status and text.
    pub fn text(&self, path: &str) -> Result<(u16, String), KubeError> {
        let answer = self.api.text(path)?;
        self.seen.store(true, Ordering::Relaxed);
        Ok(answer)
    }

    /// Sends a request that changes something, and returns the response; None in a dry run. A plan contains `body`, and
    /// the object before and after if it exists already.
    pub(super) fn change(
        &self,
        verb: &str,
        object: &ObjectRef,
        body: Option<&Value>,
        exchange: Option<(&Value, &Value)>,
        act: impl FnOnce() -> Result<Value, KubeError>,
    ) -> Result<Option<Value>, KubeError> {
        self.gate.pass(shown::change(verb, object, body, exchange), act)
    }

    /// Sends one request, and retries it as long as that is safe and may help. `repeatable`: sending it twice is safe.
    pub(super) fn send(&self, request: &Request, what: &str, repeatable: bool) -> Result<Value, KubeError> {
        let start = self.clock.monotonic();
        let mut pause = Duration::from_millis(50);
        loop {
            let error = match self.send_once(request, what) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let safe = repeatable || request.method == Method::GET || error.changed_nothing();
            let helps = crate::base::Fault::retryable(&error) && self.seen.load(Ordering::Relaxed);
            let late = self.clock.monotonic().saturating_sub(start) + pause > self.patience;
            if !safe || !helps || late {
                return Err(error);
            }
            self.clock.sleep(pause);
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    /// Sends one request without retries.
    pub(super) fn send_once(&self, request: &Request, what: &str) -> Result<Value, KubeError> {
        let answer = self.api.send(request, what);
        if matches!(answer, Ok(_) | Err(KubeError::Status { .. })) {
            self.seen.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// Records what a dry run would have written (None: deleted) for later reads.
    pub(super) fn remember(&self, object: &ObjectRef, value: Option<Value>) {
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        planned.retain(|(known, _)| known != object);
        planned.push((object.clone(), value));
    }

    fn planned_for(&self, object: &ObjectRef) -> Planned {
        let planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        match planned.iter().find(|(known, _)| known == object) {
            None => Planned::Nothing,
            Some((_, None)) => Planned::Removed,
            Some((_, Some(value))) => Planned::Written(value.clone()),
        }
    }

    fn add_planned(&self, kind: &Kind, namespace: Option<&str>, query: Query<'_>, items: &mut Vec<Value>) {
        let planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        for (object, value) in planned.iter() {
            if object.kind != kind || namespace.is_some_and(|namespace| namespace != object.namespace) {
                continue;
            }
            items.retain(|item| ObjectRef::of(item).as_ref() != Some(object));
            let is_wanted = |value: &&Value| has_labels(value, query.labels) && has_fields(value, query.fields);
            items.extend(value.iter().filter(is_wanted).cloned());
        }
    }

    /// True for failures that mean that the server that this run starts is not up yet. With a load balancer in front,
    /// that is not only a refused connection.
    pub(super) fn is_still_empty(&self, error: &KubeError) -> bool {
        let absent = matches!(error, KubeError::Transport(_)) && crate::base::Fault::retryable(error);
        self.starting && absent && !self.seen.load(Ordering::Relaxed)
    }
}

/// True if `object` has all labels of a selector such as `a=b,c`.
fn has_labels(object: &Value, selector: &str) -> bool {
    let labels = &object["metadata"]["labels"];
    selector.split(',').filter(|term| !term.is_empty()).all(|term| match term.split_once('=') {
        Some((name, value)) => labels[name.trim()] == value.trim_start_matches('=').trim(),
        None => labels.get(term.trim()).is_some(),
    })
}

/// True if `object` matches all terms of a field selector such as `spec.nodeName=n1`.
pub(super) fn has_fields(object: &Value, selector: &str) -> bool {
    selector.split(',').filter(|term| !term.is_empty()).all(|term| {
        let Some((path, value)) = term.split_once('=') else { return false };
        path.split('.').fold(object, |found, word| &found[word]) == value
    })
}

#[cfg(test)]
mod tests;
