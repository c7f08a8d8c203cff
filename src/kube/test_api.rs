//! A strict API server in memory: versions and conflicts like the real one, failures on demand; an unknown request
//! fails the test.

use super::apply::patch::patched;
use super::client::Api;
use super::cluster::{Cluster, has_fields};
use super::error::KubeError;
use super::kind::KINDS;
use super::request::{PatchKind, Request};
use crate::base::env::Clock;
use crate::base::gate::Gate;
use crate::base::https::{HttpsError, Trouble};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The fate of the next request of a method.
#[derive(Clone, Debug)]
pub(crate) enum Mishap {
    /// It never arrives.
    Lost(Trouble),
    /// It is applied, but the response is lost.
    AnswerLost,
    /// It gets a response with this status instead.
    Status(u16, &'static str),
    /// Another client writes the object just before.
    Overtaken(Value),
}

#[derive(Default)]
pub(crate) struct State {
    /// Objects by path.
    pub objects: BTreeMap<String, Value>,
    /// `METHOD path` of every request, without queries.
    pub log: Vec<String>,
    /// Texts by path, for health checks.
    pub texts: BTreeMap<String, (u16, String)>,
    /// Paths that clients may not read.
    pub forbidden: Vec<String>,
    /// The largest number of objects in a page of a list; None: the requested limit.
    pub page: Option<usize>,
    /// The number of further pages after which a list expires, once.
    pub expires_after: Option<usize>,
    /// Every continued list is expired.
    pub always_expires: bool,
    /// The number of changes that are accepted; None: all.
    pub writes_left: Option<usize>,
    mishaps: VecDeque<(&'static str, Mishap)>,
    /// The server is not running.
    pub down: bool,
    version: u64,
}

#[derive(Clone, Default)]
pub(crate) struct TestApi(Arc<Mutex<State>>);

impl TestApi {
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    pub(crate) fn mishap(&self, method: &'static str, mishap: Mishap) -> &Self {
        self.with(|state| state.mishaps.push_back((method, mishap)));
        self
    }

    /// Stores an object like another client.
    pub(crate) fn put(&self, path: &str, object: Value) -> &Self {
        self.with(|state| state.store(path, object));
        self
    }

    /// Returns the requests so far and clears them.
    pub(crate) fn take_log(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.log))
    }

    pub(crate) fn cluster(&self, gate: &Gate) -> Cluster {
        Cluster::over(Box::new(self.clone()), gate.clone(), Clock::fixed(1000), Duration::from_secs(20))
    }

    pub(crate) fn starting(&self, gate: &Gate) -> Cluster {
        Cluster::starting_over(Box::new(self.clone()), gate.clone(), Clock::fixed(1000), Duration::from_secs(20))
    }
}

impl State {
    fn store(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        if object["metadata"]["uid"].is_null() {
            object["metadata"]["uid"] = json!(format!("uid-{}", self.version));
        }
        if object["kind"] == "Deployment" && object["spec"]["replicas"].is_null() {
            object["spec"]["replicas"] = json!(1);
        }
        self.objects.insert(path.into(), object.clone());
        object
    }

    fn answer(&mut self, request: &Request, what: &str) -> Result<Value, KubeError> {
        let path = request.path.split('?').next().unwrap();
        let no = |code, reason: &str| {
            Err(KubeError::of_answer(what, code, json!({"reason": reason, "message": reason}).to_string().as_bytes()))
        };
        if let Some(left) = self.writes_left.as_mut().filter(|_| request.method != "GET") {
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => return no(403, "Forbidden"),
            }
        }
        let body = request.body.clone().unwrap_or_default();
        // The status of a node has its own path.
        let (path, is_status) = match path.strip_suffix("/status") {
            Some(path) => (path, true),
            None => (path, false),
        };
        let found = self.objects.get(path).cloned();
        match (request.method.as_str(), found) {
            ("GET", _) if self.forbidden.iter().any(|one| one == path) => no(403, "Forbidden"),
            ("GET", Some(object)) => Ok(object),
            ("GET", None) if is_list(path) => {
                assert!(!request.path.contains("labelSelector"), "the fake does not support label selectors");
                let query = |name: &str| {
                    let part =
                        request.path.split(['?', '&']).find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
                    part.map(unescaped)
                };
                if query("continue").is_some() {
                    let due = self.expires_after == Some(0);
                    self.expires_after = self.expires_after.and_then(|left| left.checked_sub(1));
                    if due || self.always_expires {
                        return no(410, "Expired");
                    }
                }
                let (base, plural) = path.rsplit_once('/').unwrap_or_default();
                // Without a namespace, the objects of all namespaces.
                let elsewhere = |key: &str| {
                    let rest = key.strip_prefix(base).and_then(|rest| rest.strip_prefix("/namespaces/"));
                    rest.is_some_and(|rest| rest.split('/').nth(1) == Some(plural))
                };
                let inside = |key: &String| (key.starts_with(path) || elsewhere(key)) && !is_list(key);
                let fields = query("fieldSelector").unwrap_or_default();
                let all = self.objects.iter().filter(|(key, value)| inside(key) && has_fields(value, &fields));
                let all: Vec<Value> = all.map(|(_, value)| value.clone()).collect();
                let number = |name: &str| query(name).and_then(|text| text.parse::<usize>().ok());
                let start = number("continue").unwrap_or(0).min(all.len());
                let size = number("limit").unwrap_or(usize::MAX).min(self.page.unwrap_or(usize::MAX));
                let end = start.saturating_add(size).min(all.len());
                let next = if end < all.len() { end.to_string() } else { String::new() };
                Ok(json!({"items": all[start..end], "metadata": {"continue": next}}))
            }
            ("PATCH", None) if request.content_type == Some(APPLY) => Ok(self.store(path, body)),
            ("PUT" | "PATCH" | "DELETE" | "GET", None) => no(404, "NotFound"),
            ("POST", None) if path.ends_with("/eviction") => {
                let pod = path.trim_end_matches("/eviction");
                match self.objects.remove(pod) {
                    Some(_) => Ok(json!({"kind": "Status", "status": "Success"})),
                    None => no(404, "NotFound"),
                }
            }
            ("POST", None) => {
                assert!(is_list(path), "POST {path}");
                let path = format!("{path}/{}", body["metadata"]["name"].as_str().unwrap());
                if self.objects.contains_key(&path) { no(409, "AlreadyExists") } else { Ok(self.store(&path, body)) }
            }
            ("PUT", Some(old)) => {
                let version = &body["metadata"]["resourceVersion"];
                if !version.is_null() && *version != old["metadata"]["resourceVersion"] {
                    return no(409, "Conflict");
                }
                Ok(self.store(path, body))
            }
            ("PATCH", Some(mut old)) => {
                let new = patched(&old, kind_of(request), &body).unwrap();
                if is_status {
                    old["status"] = new["status"].clone();
                    return Ok(self.store(path, old));
                }
                assert!(new["status"] == old["status"], "the status of {path} does not change by this path");
                Ok(self.store(path, new))
            }
            ("DELETE", Some(object)) => {
                self.objects.remove(path);
                Ok(object)
            }
            other => panic!("the fake API does not know {other:?} {path}"),
        }
    }
}

/// The content type of server-side apply, which creates what does not exist.
const APPLY: &str = "application/apply-patch+yaml";

fn kind_of(request: &Request) -> PatchKind {
    if request.content_type == Some(APPLY) {
        return PatchKind::Merge;
    }
    let kinds = [PatchKind::Merge, PatchKind::Strategic, PatchKind::Json];
    kinds.into_iter().find(|kind| request.content_type == Some(kind.content_type())).unwrap()
}

/// A value of a query, as it was before it was escaped.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let code = u8::from_str_radix(&part[..2], 16).unwrap();
        format!("{text}{}{}", char::from(code), &part[2..])
    })
}

fn is_list(path: &str) -> bool {
    KINDS.iter().any(|kind| path.ends_with(&format!("/{}", kind.plural)))
}

impl Api for TestApi {
    fn send(&self, request: &Request, what: &str) -> Result<Value, KubeError> {
        self.with(|state| {
            let path = request.path.split('?').next().unwrap().to_owned();
            state.log.push(format!("{} {path}", request.method));
            if state.down {
                return Err(HttpsError::made_up(Trouble::Refused).into());
            }
            match state.mishaps.iter().position(|(method, _)| *method == request.method.as_str()) {
                None => state.answer(request, what),
                Some(at) => match state.mishaps.remove(at).unwrap().1 {
                    Mishap::Lost(trouble) => Err(HttpsError::made_up(trouble).into()),
                    Mishap::AnswerLost => {
                        let _ = state.answer(request, what);
                        Err(HttpsError::made_up(Trouble::Broken).into())
                    }
                    Mishap::Status(code, message) => {
                        Err(KubeError::of_answer(what, code, json!({"message": message}).to_string().as_bytes()))
                    }
                    Mishap::Overtaken(object) => {
                        let name = object["metadata"]["name"].as_str().unwrap();
                        let path = if is_list(&path) { format!("{path}/{name}") } else { path };
                        state.store(&path, object.clone());
                        state.answer(request, what)
                    }
                },
            }
        })
    }

    fn text(&self, path: &str) -> Result<(u16, String), KubeError> {
        self.with(|state| {
            state.log.push(format!("GET {path}"));
            if state.down {
                return Err(HttpsError::made_up(Trouble::Refused).into());
            }
            Ok(state.texts.get(path).cloned().unwrap_or_else(|| panic!("the fake API has no text at {path}")))
        })
    }
}
