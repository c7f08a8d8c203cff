//! A Lease that one run in the whole cluster holds at a time.
//!
//! Whether a holder is gone is decided by what the observer sees: a Lease that does not change for its whole duration has none
//! that lives. Clocks of hosts are not compared. While the API is away no holder can renew: a Lease that is the same
//! afterwards was not renewed meanwhile, but its holder gets time to do so before it counts as gone.
//!
//! Reads and writes: Lease `kube-system/kubewright`.

use super::api_servers;
use super::cluster::Cluster;
use super::error::KubeError;
use super::kind::{LEASE, ObjectRef};
use crate::base::env::Clock;
use crate::base::fault::Fault;
use serde_json::{Value, json};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A holder that has not renewed for so long is gone. API servers that restart take less.
pub const DURATION: Duration = Duration::from_secs(55);
/// How long a holder that lives may take to renew once the API is back: it tries every 5 s, and two attempts at servers
/// that do not answer take 10 s.
const GRACE: Duration = Duration::from_secs(20);
/// The annotation with the command of the holder.
const COMMAND: &str = "kubewright.io/command";

/// The Lease as one run sees it.
pub struct Lease {
    /// The same cluster through several of its API servers, one of which may just restart.
    clusters: Vec<Cluster>,
    clock: Clock,
    host: String,
    /// Of this run only: the host, and a random part.
    identity: String,
    command: String,
}

/// The result of an attempt.
#[derive(Debug, PartialEq)]
pub enum Attempt {
    /// This run holds it.
    Held,
    /// Another run does.
    Busy(Holder),
}

/// Another run that holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Holder {
    /// Its host.
    pub host: String,
    /// Its command; empty where it is not known.
    pub command: String,
    spec: Value,
}

/// How long the same holder was seen without any change.
#[derive(Default)]
pub struct Observation {
    /// What is there, and since when.
    seen: Option<(Value, Duration)>,
    /// The API was away and has not answered since.
    away: bool,
    /// Since when it answers again.
    back: Option<Duration>,
}

impl Observation {
    /// Notes what is there now.
    pub fn note(&mut self, holder: &Holder, now: Duration) {
        if std::mem::take(&mut self.away) {
            self.back = Some(now);
        }
        if self.seen.as_ref().is_none_or(|(spec, _)| *spec != holder.spec) {
            self.seen = Some((holder.spec.clone(), now));
        }
    }

    /// Notes that the API did not answer.
    pub fn note_away(&mut self) {
        self.away = true;
    }

    /// What is there, if its holder is gone.
    fn expired(&self, now: Duration) -> Option<&Value> {
        let could_renew = !self.away && self.back.is_none_or(|back| now.saturating_sub(back) >= GRACE);
        let (spec, since) = self.seen.as_ref().filter(|_| could_renew)?;
        (now.saturating_sub(*since) >= DURATION).then_some(spec)
    }
}

impl Lease {
    /// For a run of `command` on `host`. `nonce`: unlike that of any other run.
    pub fn new(clusters: Vec<Cluster>, clock: Clock, host: &str, nonce: &str, command: &str) -> Self {
        Self { clusters, clock, host: host.into(), identity: format!("{host}/{nonce}"), command: command.into() }
    }

    fn name() -> ObjectRef {
        ObjectRef::new(&LEASE, "kube-system", "kubewright")
    }

    /// Asks the API servers in turn, as long as they do not answer.
    fn ask<T>(&self, request: impl Fn(&Cluster) -> Result<T, KubeError>) -> Result<T, KubeError> {
        let mut failed = None;
        for cluster in &self.clusters {
            match request(cluster) {
                Err(error) if error.retryable() => failed = Some(error),
                other => return other,
            }
        }
        Err(failed.unwrap_or_else(|| KubeError::Address { address: String::new() }))
    }

    /// The API servers of the cluster, as URLs; empty if they cannot be read. This host's API server may be the one that
    /// the holder restarts: then the Lease is renewed through another.
    pub fn api_servers(&self) -> Vec<String> {
        let all = self.ask(api_servers::addresses).unwrap_or_default();
        all.iter().map(|address| format!("https://{address}")).collect()
    }

    /// The same Lease, also through these API servers.
    #[must_use]
    pub fn also_through(mut self, clusters: Vec<Cluster>) -> Self {
        self.clusters.extend(clusters);
        self
    }

    /// Tries to get the Lease once. An earlier run on this host is gone: two do not run at once there.
    pub fn attempt(&self, seen: &Observation) -> Result<Attempt, KubeError> {
        self.ask(|cluster| self.attempt_through(cluster, seen))
    }

    fn attempt_through(&self, cluster: &Cluster, seen: &Observation) -> Result<Attempt, KubeError> {
        match cluster.find(&Self::name())? {
            None => {
                cluster.create_or_retain(&self.object())?;
            }
            Some(lease) => {
                let is_free = match holder(&lease) {
                    None => true,
                    Some(holder) => {
                        holder.host == self.host || seen.expired(self.clock.monotonic()) == Some(&holder.spec)
                    }
                };
                if is_free {
                    self.put(cluster, &lease["spec"], &self.identity)?;
                }
            }
        }
        let now = cluster.find(&Self::name())?.unwrap_or_default();
        Ok(match holder(&now) {
            Some(_) if now["spec"]["holderIdentity"] == self.identity.as_str() => Attempt::Held,
            Some(holder) => Attempt::Busy(holder),
            // It was given back just now.
            None => Attempt::Busy(Holder { host: String::new(), command: String::new(), spec: now["spec"].clone() }),
        })
    }

    /// Shows that the holder lives; false when another run has it.
    pub fn renew(&self) -> Result<bool, KubeError> {
        self.put_own(&self.identity)
    }

    /// Gives it back, if this run has it.
    pub fn release(&self) -> Result<bool, KubeError> {
        self.put_own("")
    }

    fn put_own(&self, identity: &str) -> Result<bool, KubeError> {
        self.ask(|cluster| {
            let there = cluster.find(&Self::name())?.unwrap_or_default();
            let is_own = there["spec"]["holderIdentity"] == self.identity.as_str();
            if is_own {
                self.put(cluster, &there["spec"], identity)?;
            }
            Ok(is_own)
        })
    }

    /// Writes the Lease, unless it has changed since it was `seen`.
    fn put(&self, cluster: &Cluster, seen: &Value, identity: &str) -> Result<(), KubeError> {
        let object = self.object();
        cluster.modify(&Self::name(), |lease| {
            if lease["spec"] == *seen {
                lease["spec"] = object["spec"].clone();
                lease["spec"]["holderIdentity"] = json!(identity);
                lease["metadata"]["annotations"][COMMAND] = json!(self.command);
            }
        })?;
        Ok(())
    }

    fn object(&self) -> Value {
        let name = Self::name();
        json!({
            "apiVersion": LEASE.api_version,
            "kind": LEASE.name,
            "metadata": {"name": name.name, "namespace": name.namespace, "annotations": {COMMAND: self.command}},
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": DURATION.as_secs(),
                "renewTime": micro_time(self.clock.nanos()),
            },
        })
    }
}

/// The holder that a Lease names; None for one that was given back.
pub fn holder(lease: &Value) -> Option<Holder> {
    let identity = lease["spec"]["holderIdentity"].as_str().filter(|identity| !identity.is_empty())?;
    Some(Holder {
        host: identity.rsplit_once('/').map_or(identity, |(host, _)| host).to_owned(),
        command: lease["metadata"]["annotations"][COMMAND].as_str().unwrap_or_default().to_owned(),
        spec: lease["spec"].clone(),
    })
}

/// As Kubernetes' `MicroTime`, which must have six digits after the second.
fn micro_time(nanos: i64) -> String {
    let seconds = OffsetDateTime::from_unix_timestamp(nanos.div_euclid(1_000_000_000)).ok();
    let text = seconds.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_default();
    format!("{}.{:06}Z", text.trim_end_matches('Z'), nanos.rem_euclid(1_000_000_000) / 1000)
}

#[cfg(test)]
mod tests;
