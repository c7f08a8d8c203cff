//! Waits for components to become healthy and for nodes to register.
//!
//! Reads: health endpoints and objects. Writes nothing. A dry run starts nothing, so it does not wait.

use super::client::PROBE_LIMIT;
use super::cluster::Cluster;
use super::error::KubeError;
use super::kind::{NODE, ObjectRef};
use crate::base::env::Clock;
use crate::base::events::Events;
use crate::base::fault::{Failure, Fault};
use crate::base::gate::Gate;
use crate::base::https::{Https, Options, Trust};
use crate::base::parallel::for_each;
use crate::base::sanitize;
use crate::base::wait::{Poll, Wait};
use serde_json::{Value, json};
use std::time::Duration;

#[cfg(test)]
mod tests;

/// The longest pause between two polls. A poll costs the server well under a millisecond; a node or a Pod is noticed at
/// once.
const SLOWEST: Duration = Duration::from_millis(100);

/// A component with a health endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// `kube-scheduler`.
    pub name: String,
    /// `https://127.0.0.1:10259/livez`; the kubelet's and etcd's are plain `http://`.
    pub url: String,
}

/// Checks the health of a component: None, or the problem in one line.
///
/// Its certificate is not verified: components create their own, no secret is sent, and the response is only used as
/// health status.
pub fn problem_of(component: &Component) -> Result<Option<String>, KubeError> {
    problem_within(component, PROBE_LIMIT)
}

/// The same with another timeout.
pub fn problem_within(component: &Component, limit: Duration) -> Result<Option<String>, KubeError> {
    let https = Https::new(Options { connect_limit: limit, ..Options::new(Trust::Anyone) })?;
    probe(&https, component, limit)
}

/// Waits until every component is healthy. All are checked at once; the wait reports those that are not healthy.
/// `meanwhile` is called before each poll.
pub fn wait_for_components(
    components: &[Component],
    limit: Duration,
    gate: &Gate,
    clock: &Clock,
    events: &Events,
    mut meanwhile: impl FnMut() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let https = Https::new(Options { connect_limit: PROBE_LIMIT, ..Options::new(Trust::Anyone) })?;
    let what = match components {
        [only] => format!("a healthy {}", only.name),
        _ => "healthy control-plane components".to_owned(),
    };
    let mut left = components.to_vec();
    gate.effect(|| {
        wait(&what, limit).until(clock, events, || {
            meanwhile()?;
            let found = for_each(&left, |component| probe(&https, component, PROBE_LIMIT));
            let mut troubles = Vec::new();
            let mut still = Vec::new();
            for (component, found) in left.drain(..).zip(found) {
                if let Some(trouble) = found? {
                    troubles.push(format!("{}: {trouble}", component.name));
                    still.push(component);
                }
            }
            left = still;
            Ok(if left.is_empty() { Poll::Ready(()) } else { Poll::Pending(troubles.join("; ")) })
        })
    })?;
    Ok(())
}

impl Cluster {
    /// Waits until the API server is healthy at `path`, such as `/readyz`; events name `what`.
    pub fn wait_until_ready(&self, path: &str, what: &str, limit: Duration, events: &Events) -> Result<(), Failure> {
        self.gate.effect(|| {
            wait(what, limit).until(&self.clock, events, || {
                let (status, text) = self.text(path)?;
                Ok(match trouble_in(status, &text) {
                    None => Poll::Ready(()),
                    Some(trouble) => Poll::Pending(trouble),
                })
            })
        })?;
        Ok(())
    }

    /// Waits until the kubelet has registered the node, and returns it. A dry run continues with an empty node. `meanwhile` may
    /// end the wait.
    pub fn wait_for_node(
        &self,
        name: &str,
        limit: Duration,
        events: &Events,
        mut meanwhile: impl FnMut() -> Result<(), Failure>,
    ) -> Result<Value, Failure> {
        let node = ObjectRef::global(&NODE, name);
        let what = format!("the node {name} in the cluster");
        let found = self.gate.effect(|| {
            wait(&what, limit).until(&self.clock, events, || {
                meanwhile()?;
                Ok(match self.glance(&node)? {
                    Some(found) => Poll::Ready(found),
                    None => Poll::Pending("the kubelet has not registered it yet".into()),
                })
            })
        })?;
        if let Some(found) = found {
            return Ok(found);
        }
        if let Some(known) = self.find(&node)? {
            return Ok(known);
        }
        let imagined =
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {}}, "spec": {}});
        self.remember(&node, Some(imagined.clone()));
        Ok(imagined)
    }

    /// Waits until the node is Ready.
    pub fn wait_for_ready_node(&self, name: &str, limit: Duration, events: &Events) -> Result<(), Failure> {
        let what = format!("the node {name} to be Ready");
        let node = ObjectRef::global(&NODE, name);
        self.gate.effect(|| {
            wait(&what, limit).until(&self.clock, events, || {
                let Some(found) = self.glance(&node)? else {
                    return Ok(Poll::Pending("it is not in the cluster".into()));
                };
                Ok(condition(&found, "Ready").map_or(Poll::Ready(()), Poll::Pending))
            })
        })?;
        Ok(())
    }
}

fn wait(what: &str, limit: Duration) -> Wait<'_> {
    Wait { slowest: SLOWEST, ..Wait::new(what, limit) }
}

/// Why a condition of the object is not true; None if it is.
fn condition(object: &Value, name: &str) -> Option<String> {
    let found = object["status"]["conditions"].as_array().into_iter().flatten().find(|c| c["type"] == name);
    let Some(found) = found else { return Some(format!("it has no condition {name} yet")) };
    if found["status"] == "True" {
        return None;
    }
    let part = |field: &str| found[field].as_str().filter(|text| !text.is_empty());
    Some(part("message").or_else(|| part("reason")).map_or_else(|| format!("it is not {name}"), str::to_owned))
}

fn probe(https: &Https, component: &Component, limit: Duration) -> Result<Option<String>, KubeError> {
    let address = || KubeError::Address { address: component.url.clone() };
    let request = http::Request::get(&component.url).body(Vec::new()).map_err(|_| address())?;
    Ok(match https.send(request, limit) {
        Ok(answer) => trouble_in(answer.status().as_u16(), &String::from_utf8_lossy(answer.body())),
        Err(error) if error.retryable() || error.is_trust() => Some(error.to_string()),
        Err(error) => return Err(error.into()),
    })
}

/// The problem in the response of a health endpoint; None if it is healthy. The endpoints list their checks, failed
/// ones with `[-]`; etcd responds in JSON.
fn trouble_in(status: u16, text: &str) -> Option<String> {
    let etcd: Option<Value> = serde_json::from_str(text).ok();
    let sick = etcd.as_ref().and_then(|etcd| etcd["health"].as_str()).is_some_and(|health| health != "true");
    if (200..300).contains(&status) && !sick {
        return None;
    }
    let failed: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("[-]")).collect();
    let reason =
        etcd.and_then(|etcd| ["reason", "message"].iter().find_map(|key| etcd[key].as_str().map(str::to_owned)));
    Some(match reason {
        _ if !failed.is_empty() => sanitize::line(&failed.join(", ")),
        Some(reason) if !reason.is_empty() => sanitize::line(&reason),
        _ => format!("it responds with status {status}: {}", sanitize::line(text)),
    })
}
