//! Renews the certificates of control planes, one after the other, before anything else changes on them.
//!
//! The first failure ends the work: that host has gone back by itself. Only where certificates have expired the others are renewed
//! all the same, and those that failed again: a member of etcd does not become ready while the others refuse its connections with
//! certificates that have expired.

use super::changing::{first_seen_first, skipped};
use super::job::{Done, Job};
use super::outcome::{HostResult, State};
use super::window::Budget;
use super::work::{Applying, Place, all, put, wait_for_run};
use crate::base::fault::Result;
use crate::base::secret::Secret;
use serde_json::Value;

/// Renews the certificates of the hosts at these places whose plan says so; false if that has failed.
pub(super) fn renew_all(work: &Applying<'_>, places: &[Place<'_>], results: &mut [Option<HostResult>]) -> bool {
    let mut renewed: Vec<Place<'_>> = places.iter().copied().filter(|place| place.1.renewal.is_some()).collect();
    first_seen_first(work, &mut renewed);
    let expired = renewed.iter().any(|place| place.1.has_expired());
    let budget = Budget::new(if expired { renewed.len() } else { 0 });
    let done = all(work, &renewed, 1, &budget, |place, show| renew(work, place, &format!("{}-renew", work.id), show));
    let mut outcome: Vec<(Place<'_>, HostResult)> = renewed.into_iter().zip(done).collect();
    if expired && outcome.iter().any(|(_, result)| !is_bad(result)) {
        let id = format!("{}-renew-again", work.id);
        for (place, result) in outcome.iter_mut().filter(|(_, result)| result.state == State::Failed) {
            let again = all(work, &[*place], 1, &Budget::new(0), |place, show| renew(work, place, &id, show));
            for again in again {
                *result = again;
            }
        }
    }
    let mut is_well = true;
    for (place, result) in outcome {
        is_well &= !is_bad(&result) && result.state != State::Skipped;
        put(results, place, result);
    }
    for place in places.iter().filter(|place| !is_well && (place.1.alters_further() || place.1.renewal.is_none())) {
        put(results, *place, skipped(&place.1.host));
    }
    is_well
}

fn is_bad(result: &HostResult) -> bool {
    matches!(result.state, State::Failed | State::Unreachable)
}

fn renew(work: &Applying<'_>, place: Place<'_>, id: &str, show: &mut dyn FnMut(u64, &Value)) -> Result<Done> {
    let (_, plan, link) = place;
    let waited = wait_for_run(work, plan, link, show)?;
    let words = ["certs", "renew", "all", "--within", &work.file.renew.within];
    let done = Job::new(id, &words, &Secret::new(String::new())).run(link, work.clock, show)?;
    Ok(waited.map_or(done, |before| before.and(done)))
}
