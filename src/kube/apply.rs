//! Brings objects into the desired state, and reports whether anything changed.
//!
//! Reads: the current objects. Writes: those that differ from the desired state, through the gate. An object is up to
//! date if every field that we set has our value; fields added by the server or by other clients are neither a
//! difference nor removed.

use super::cluster::Cluster;
use super::error::KubeError;
use super::kind::ObjectRef;
use super::request::{PatchKind, Request};
use super::shown;
use crate::base::files::Written;
use crate::base::parallel::for_each;
use serde_json::{Value, json};

pub mod merge;
pub(super) mod patch;
#[cfg(test)]
mod tests;

/// How often an object is read and written again after a conflict.
const ATTEMPTS: usize = 8;

/// What to do with an object that already exists.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    Update,
    Retain,
}

/// A required write.
struct Pending {
    index: usize,
    object: ObjectRef,
    verb: &'static str,
    request: Request,
}

impl Cluster {
    /// Creates the object, or updates the fields that differ.
    pub fn create_or_update(&self, desired: &Value) -> Result<Written, KubeError> {
        self.settle_one(desired, Existing::Update)
    }

    /// Creates the object unless one with its name exists, which is left unchanged.
    pub fn create_or_retain(&self, desired: &Value) -> Result<Written, KubeError> {
        self.settle_one(desired, Existing::Retain)
    }

    /// [`Cluster::create_or_update`] for independent objects, concurrently over one connection.
    pub fn create_or_update_all(&self, desired: &[Value]) -> Result<Vec<Written>, KubeError> {
        self.settle(desired, Existing::Update)
    }

    /// Updates an existing object with `edit`, which may run several times after conflicts.
    pub fn modify(&self, object: &ObjectRef, edit: impl Fn(&mut Value)) -> Result<Written, KubeError> {
        let before = self.read(object)?;
        let mut after = before.clone();
        edit(&mut after);
        if after == before {
            return Ok(Written::Unchanged);
        }
        let what = format!("update {object}");
        let done = self.change("update", object, Some(&after), Some((&before, &after)), || {
            let mut request = Request::update(object, after.clone());
            for _ in 1..ATTEMPTS {
                match self.send(&request, &what, true) {
                    Err(error) if error.is_conflict() => {
                        let now = self.read(object)?;
                        let mut wanted = now.clone();
                        edit(&mut wanted);
                        if wanted == now {
                            return Ok(now);
                        }
                        request = Request::update(object, wanted);
                    }
                    other => return other,
                }
            }
            self.send(&request, &what, true)
        })?;
        if done.is_none() {
            self.remember(object, Some(after));
        }
        Ok(Written::Changed)
    }

    /// Patches an existing object. Nothing is sent if the patch would not change it.
    pub fn patch(&self, object: &ObjectRef, kind: PatchKind, patch: &Value) -> Result<Written, KubeError> {
        let request = Request::patch(object, kind, patch.clone());
        self.send_patch(object, kind, patch, &request)
    }

    /// Patches the status of an existing object with a strategic merge patch; otherwise like [`Cluster::patch`].
    pub fn patch_status(&self, object: &ObjectRef, status: &Value) -> Result<Written, KubeError> {
        let patch = json!({ "status": status });
        let request = Request::patch_status(object, PatchKind::Strategic, patch.clone());
        self.send_patch(object, PatchKind::Strategic, &patch, &request)
    }

    fn send_patch(
        &self,
        object: &ObjectRef,
        kind: PatchKind,
        patch: &Value,
        request: &Request,
    ) -> Result<Written, KubeError> {
        let before = self.read(object)?;
        let after = patch::patched(&before, kind, patch)
            .map_err(|problem| KubeError::Patch { object: object.to_string(), problem })?;
        if after == before {
            return Ok(Written::Unchanged);
        }
        let done = self.change("patch", object, Some(patch), Some((&before, &after)), || {
            self.send(request, &format!("patch {object}"), kind != PatchKind::Json)
        })?;
        if done.is_none() {
            self.remember(object, Some(after));
        }
        Ok(Written::Changed)
    }

    /// Deletes an object; true if it existed.
    pub fn delete(&self, object: &ObjectRef) -> Result<bool, KubeError> {
        if self.find(object)?.is_none() {
            return Ok(false);
        }
        let done = self.change("delete", object, None, None, || {
            match self.send(&Request::delete(object), &format!("delete {object}"), true) {
                // Deleted by another client, or by our own request whose response was lost.
                Err(error) if error.is_not_found() => Ok(Value::Null),
                other => other,
            }
        })?;
        if done.is_none() {
            self.remember(object, None);
        }
        Ok(true)
    }

    /// Evicts a Pod; false if it no longer exists. Its disruption budget may not allow that now:
    /// [`KubeError::is_too_many_requests`].
    pub fn evict(&self, pod: &ObjectRef) -> Result<bool, KubeError> {
        let request = Request::evict(pod, &self.eviction_version()?);
        let done = self.change("evict", pod, None, None, || {
            // One attempt: the caller waits for the disruption budget, and reports it.
            self.send_once(&request, &format!("evict {pod}"))
        });
        match done {
            Ok(Some(_)) => Ok(true),
            Ok(None) => {
                self.remember(pod, None);
                Ok(true)
            }
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn settle_one(&self, desired: &Value, existing: Existing) -> Result<Written, KubeError> {
        let written = self.settle(std::slice::from_ref(desired), existing)?;
        Ok(written.first().copied().unwrap_or(Written::Unchanged))
    }

    fn settle(&self, desired: &[Value], existing: Existing) -> Result<Vec<Written>, KubeError> {
        let desired = desired.iter().map(merge::canonical).collect::<Vec<_>>();
        let objects = desired.iter().map(name).collect::<Result<Vec<_>, _>>()?;
        let live = for_each(&objects, |object| self.find(object)).into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut written = vec![Written::Unchanged; desired.len()];
        let mut pending = Vec::new();
        for (index, ((object, desired), live)) in objects.iter().zip(&desired).zip(&live).enumerate() {
            if let Some((verb, request)) = plan(object, desired, live.as_ref(), existing) {
                written[index] = if verb == "create" { Written::Created } else { Written::Changed };
                pending.push(Pending { index, object: object.clone(), verb, request });
            }
        }
        let wanted = |write: &Pending| desired.get(write.index).unwrap_or(&Value::Null);
        let shown = |write: &Pending| {
            let live = live.get(write.index).and_then(Option::as_ref);
            let exchange = live.zip(write.request.body.as_ref());
            shown::change(write.verb, &write.object, Some(wanted(write)), exchange)
        };
        let changes = pending.iter().map(shown).collect();
        let done =
            self.gate.pass_all(changes, || for_each(&pending, |write| self.carry_out(write, wanted(write), existing)));
        match done {
            Some(results) => results.into_iter().collect::<Result<Vec<_>, _>>().map(drop)?,
            None => {
                for write in pending {
                    self.remember(&write.object, write.request.body);
                }
            }
        }
        Ok(written)
    }

    /// Writes one object; after a conflict, reads it again and decides again.
    fn carry_out(&self, write: &Pending, desired: &Value, existing: Existing) -> Result<(), KubeError> {
        let object = &write.object;
        let (mut verb, mut request) = (write.verb, write.request.clone());
        let mut attempt = 1;
        loop {
            match self.send(&request, &format!("{verb} {object}"), true) {
                Ok(_) => return Ok(()),
                Err(error) => {
                    let overtaken =
                        error.is_conflict() || error.is_already_exists() || (verb == "update" && error.is_not_found());
                    if !overtaken || attempt == ATTEMPTS {
                        return Err(error);
                    }
                }
            }
            attempt += 1;
            let live = self.find(object)?;
            match plan(object, desired, live.as_ref(), existing) {
                Some(next) => (verb, request) = next,
                None => return Ok(()),
            }
        }
    }
}

/// What must be sent so that `live` becomes `desired`; None if nothing.
fn plan(
    object: &ObjectRef,
    desired: &Value,
    live: Option<&Value>,
    existing: Existing,
) -> Option<(&'static str, Request)> {
    match live {
        None => Some(("create", Request::create(object, desired.clone()))),
        Some(live) if existing == Existing::Retain || merge::covers(live, desired) => None,
        Some(live) => Some(("update", Request::update(object, merge::merged(live, desired)))),
    }
}

fn name(object: &Value) -> Result<ObjectRef, KubeError> {
    ObjectRef::of(object).ok_or_else(|| KubeError::NoObject {
        shown: json!([
            object["apiVersion"],
            object["kind"],
            object["metadata"]["namespace"],
            object["metadata"]["name"]
        ])
        .to_string(),
    })
}
