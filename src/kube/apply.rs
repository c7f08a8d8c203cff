//! Brings objects into the state that is wanted, and says whether anything had to change.
//!
//! Reads: the objects as they are. Writes: those that differ from what is wanted, through the gate. An object
//! is right when every field we set has our value; what the server or somebody else added counts neither
//! as a difference nor is it removed.

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

/// How often an object is read and written again when others change it at the same time.
const ATTEMPTS: usize = 8;

/// What to do with an object that is there already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    Update,
    Retain,
}

/// A write that has to be done.
struct Pending {
    index: usize,
    object: ObjectRef,
    verb: &'static str,
    request: Request,
}

impl Cluster {
    /// Creates the object, or changes the fields of it that differ.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub fn create_or_update(&self, desired: &Value) -> Result<Written, KubeError> {
        self.settle_one(desired, Existing::Update)
    }

    /// Creates the object unless there is one of its name, which is left as it is.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub fn create_or_retain(&self, desired: &Value) -> Result<Written, KubeError> {
        self.settle_one(desired, Existing::Retain)
    }

    /// [`Cluster::create_or_update`] for objects that do not depend on each other, all at once over one
    /// connection.
    ///
    /// # Errors
    /// The first failure in the order of the objects; the others are done all the same.
    pub fn create_or_update_all(&self, desired: &[Value]) -> Result<Vec<Written>, KubeError> {
        self.settle(desired, Existing::Update)
    }

    /// Changes an object that is there with `edit`, which may run several times when others change it too.
    ///
    /// # Errors
    /// When the object is not there, or the server cannot be reached or refuses.
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

    /// Patches an object that is there. Nothing is sent when the patch would change nothing.
    ///
    /// # Errors
    /// When the object is not there, the patch does not fit it, or the server cannot be reached or refuses.
    pub fn patch(&self, object: &ObjectRef, kind: PatchKind, patch: &Value) -> Result<Written, KubeError> {
        let request = Request::patch(object, kind, patch.clone());
        self.send_patch(object, kind, patch, &request)
    }

    /// Patches what is reported of an object that is there, in Kubernetes' own way; as [`Cluster::patch`] else.
    ///
    /// # Errors
    /// As [`Cluster::patch`].
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

    /// Removes an object; true when it was there.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub fn delete(&self, object: &ObjectRef) -> Result<bool, KubeError> {
        if self.find(object)?.is_none() {
            return Ok(false);
        }
        let done = self.change("delete", object, None, None, || {
            match self.send(&Request::delete(object), &format!("delete {object}"), true) {
                // Gone by somebody else's hand, or by our own request whose answer was lost.
                Err(error) if error.is_not_found() => Ok(Value::Null),
                other => other,
            }
        })?;
        if done.is_none() {
            self.remember(object, None);
        }
        Ok(true)
    }

    /// Asks for a Pod to leave its node; false when it was gone already. Its disruption budget may forbid that
    /// for now: [`KubeError::is_too_many_requests`].
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub fn evict(&self, pod: &ObjectRef) -> Result<bool, KubeError> {
        let request = Request::evict(pod, &self.eviction_version()?);
        let done = self.change("evict", pod, None, None, || {
            // One attempt: the caller waits for the budget, and tells so.
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

    /// Writes one object; when others were faster, looks again at what is to be done.
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

/// What has to be sent so that `live` becomes `desired`; None when nothing has.
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
