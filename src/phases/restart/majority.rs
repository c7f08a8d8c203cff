//! Waits for etcd's majority after certificates of its member were renewed that had expired.
//!
//! Members refuse each other's expired certificates. Their majority comes back by itself when those of enough control planes are
//! renewed, which the first of these hosts cannot do alone.
//!
//! Reads: the container runtime, etcd's members. Writes: removes containers of etcd that have exited, so that the kubelet starts the
//! next one at once.

use super::error::NoMajority;
use crate::base::fault::Result;
use crate::base::wait::{Poll, Wait};
use crate::context::renewal::Renewed;
use crate::context::{Renewal, Run};
use crate::ops::running::{Running, end_exited};
use crate::state::quorum;
use std::time::Duration;

/// The time for the member of this host to start, and for an election.
const LIMIT: Duration = Duration::from_mins(1);

/// Succeeds at once if none of etcd's certificates had expired.
pub(super) fn await_majority<P>(cx: &mut Run<Renewal<P>>, host: &dyn Running) -> Result<()> {
    if !cx.work.renewed.iter().any(had_expired) {
        return Ok(());
    }
    end_exited("etcd", host)?;
    let (gate, clock, events) = (cx.host.gate.clone(), cx.host.clock.clone(), cx.events.clone());
    let mut lost = None;
    let wait = Wait::new("the majority of etcd, whose certificates had expired", LIMIT);
    // A dry run has renewed nothing, so there is nothing to wait for.
    let waited = gate.effect(|| {
        wait.until(&clock, &events, || match quorum::require(cx) {
            Ok(()) => Ok(Poll::Ready(())),
            Err(failure) if quorum::is_lost(&failure) => {
                lost = Some(failure.to_string());
                Ok(Poll::Pending(failure.to_string()))
            }
            Err(failure) => Err(failure),
        })
    });
    match (waited, lost) {
        (Err(_), Some(lost)) => Err(NoMajority { lost }.into()),
        (waited, _) => waited.map(drop),
    }
}

fn had_expired(one: &Renewed) -> bool {
    ["etcd-server", "etcd-peer"].contains(&one.name) && one.old.not_after <= one.at
}

#[cfg(test)]
mod tests {
    use super::super::tests::fake_components::with_renewed;
    use super::*;
    use crate::base::fault::Failure;
    use crate::base::gate::Gate;
    use crate::state::quorum_fixture::Voters;

    /// A renewal of certificates that had expired on all members ended after two seconds, and led to 'etcd recover'.
    #[test]
    fn members_whose_certificates_have_expired_too_are_to_be_renewed_and_not_recovered_from() {
        let wait_with = |gate: Option<Gate>, expired: bool, answering: fn(&Voters)| {
            let (root, host, mut cx) = with_renewed(&["etcd-peer"]);
            cx.host.gate = gate.unwrap_or_else(|| cx.host.gate.clone());
            if expired {
                cx.work.renewed[0].old.not_after = cx.work.renewed[0].at - 1;
            }
            let voters = Voters::start(root.path());
            Voters::attach(&mut cx);
            answering(&voters);
            await_majority(&mut cx, &host)
        };
        let wait = |expired, answering| wait_with(None, expired, answering);
        let failure: Failure = wait(true, Voters::lose_majority).unwrap_err();
        assert!(failure.to_string().contains("are renewed, but etcd has lost its majority"), "{failure}");
        let hint = failure.hint().unwrap();
        assert!(hint.contains("kubewright certs renew all") && !hint.contains("recover"), "{hint}");
        wait(true, Voters::bring_back).unwrap();
        wait(false, Voters::lose_majority).expect("the restart of a component checks this");
        wait_with(Some(Gate::recording()), true, Voters::lose_majority).expect("a dry run has renewed nothing");
    }
}
