//! Losses of the majority before and during a change.

use super::*;

/// The whole timeout for etcd passed, and the error then named the API server.
#[test]
fn a_majority_that_is_lost_during_a_join_ends_the_wait_and_is_named() {
    let (etcd, host) = (TestEtcd::of(&["a", "b", "c"]), Host::new());
    let membership = host.membership(&etcd);
    let admission = membership.admit("d", &url("d"), LocalData::Absent).unwrap();
    etcd.with(|state| {
        state.lost_majority = true;
        state.sick = vec!["b".into(), "c".into()];
    });
    let failure = membership.establish(&admission, IDLE, IDLE).unwrap_err();
    let Some(EtcdError::QuorumLost { answering, voters, missing, .. }) = failure.downcast_ref() else {
        panic!("{failure}")
    };
    assert_eq!((*answering, *voters, missing.join(", ")), (1, 3, "b: no answer, c: no answer".into()));
    assert!(host.clock.monotonic() <= PATIENCE * 2, "{:?}", host.clock.monotonic());
    assert!(failure.hint().unwrap().contains("docs/quorum.md"));
}

#[test]
fn a_majority_of_the_voting_members_must_respond() {
    for (names, sick, is_there) in [
        (&["a"][..], &["a"][..], true),
        (&["a", "b"], &["b"], false),
        (&["a", "b", "c"], &["c"], true),
        (&["a", "b", "c"], &["b", "c"], false),
        (&["a", "b", "c", "d"], &["c", "d"], false),
    ] {
        let (etcd, host) = (TestEtcd::of(names), Host::new());
        etcd.with(|state| state.sick = sick.iter().map(ToString::to_string).collect());
        assert_eq!(host.membership(&etcd).require_majority().is_ok(), is_there, "{names:?} without {sick:?}");
        assert!(host.clock.monotonic() <= PATIENCE * 2);
    }
}

/// A join of d, which loses its majority by `loss` once d is a member.
fn lost_in_join(names: &[&str], start: bool, loss: impl FnOnce(&mut State)) -> (Failure, Duration, Option<bool>) {
    let (etcd, host) = (TestEtcd::of(names), Host::new());
    let membership = host.membership(&etcd);
    let admission = membership.admit("d", &url("d"), LocalData::Absent).unwrap();
    etcd.with(|state| {
        if start {
            state.start("d");
        }
        loss(state);
    });
    let start = host.clock.monotonic();
    let failure = membership.establish(&admission, IDLE, IDLE).unwrap_err();
    (failure, host.clock.monotonic().saturating_sub(start), membership.is_learner(&url("d")))
}

/// etcd 3.4 lists its members without a majority, so no request of the wait failed.
#[test]
fn a_lost_majority_is_noticed_although_the_members_are_listed() {
    for start in [false, true] {
        let (failure, waited, is_learner) = lost_in_join(&["a", "b"], start, |state| {
            state.rounds_to_sync = usize::MAX;
            state.sick = vec!["b".into()];
        });
        let Some(EtcdError::QuorumLost { answering: 1, missing, .. }) = failure.downcast_ref() else {
            panic!("{failure}")
        };
        assert_eq!(missing.join(", "), "b: no answer");
        assert!(waited <= PATIENCE * 2, "{waited:?}");
        assert_eq!(is_learner, Some(true));
    }
}

/// The etcd of the survivor restarts, and responds to nothing without a majority: the network of the joining host was blamed.
#[test]
fn a_survivor_that_restarts_does_not_hide_the_lost_majority() {
    let (failure, waited, _) = lost_in_join(&["a", "b"], false, |state| {
        state.silent = true;
        state.refusing = vec!["a".into()];
        state.sick = vec!["b".into()];
    });
    let Some(EtcdError::QuorumLost { answering: 0, cut_off: false, missing, .. }) = failure.downcast_ref() else {
        panic!("{failure}")
    };
    assert_eq!(missing.join(", "), "a: connection refused, b: no answer");
    assert!(waited <= PATIENCE * 2, "{waited:?}");
}

/// The voter was the only one, so no majority seemed to be missing, and the whole timeout passed.
#[test]
fn the_only_voter_that_dies_during_a_join_is_named() {
    let (failure, waited, is_learner) = lost_in_join(&["a"], true, |state| {
        state.lost_majority = true;
        state.silent = true;
        state.refusing = vec!["a".into()];
    });
    let Some(EtcdError::QuorumLost { answering: 0, voters: 1, cut_off: false, missing, .. }) = failure.downcast_ref()
    else {
        panic!("{failure}")
    };
    assert_eq!(missing.join(", "), "a: connection refused");
    assert!(waited <= PATIENCE * 2, "{waited:?}");
    assert_eq!(is_learner, Some(true));
    assert!(failure.to_string().starts_with("etcd has lost its majority: its only voting member does not answer: a: "));
    assert!(failure.hint().unwrap().contains("docs/etcd.md"), "{failure:?}");
}

/// The members had been listed a moment before, and were lost before they were listed again.
#[test]
fn members_that_were_listed_before_are_known_when_none_responds() {
    let (etcd, host) = (TestEtcd::of(&["a"]), Host::new());
    let membership = host.membership(&etcd);
    membership.check_room("d", &url("d"), LocalData::Absent).unwrap();
    let known = membership.known();
    etcd.with(|state| {
        state.silent = true;
        state.refusing = vec!["a".into()];
    });
    let failure = host.membership(&etcd).knowing(known).admit("d", &url("d"), LocalData::Absent).unwrap_err();
    assert!(matches!(failure.downcast_ref(), Some(EtcdError::QuorumLost { voters: 1, .. })), "{failure}");
    assert!(host.clock.monotonic() <= PATIENCE * 2, "{:?}", host.clock.monotonic());
}

/// The network of this host may come back within half a minute.
#[test]
fn a_host_that_reaches_no_member_waits_longer() {
    let (failure, waited, _) = lost_in_join(&["a", "b"], false, |state| {
        state.silent = true;
        state.sick = vec!["a".into(), "b".into()];
    });
    let Some(EtcdError::QuorumLost { answering: 0, cut_off: true, .. }) = failure.downcast_ref() else {
        panic!("{failure}")
    };
    assert!((PATIENCE * 2..PATIENCE * 3).contains(&waited), "{waited:?}");
}

#[test]
fn a_member_that_restarts_during_a_join_is_waited_for() {
    let (etcd, host) = (TestEtcd::of(&["a", "b"]), Host::new());
    let membership = host.membership(&etcd);
    let admission = membership.admit("d", &url("d"), LocalData::Absent).unwrap();
    // Each look asks both voters.
    etcd.with(|state| state.starting = 8);
    let mut polls = 0;
    let meanwhile = || {
        polls += 1;
        if polls == 90 {
            etcd.with(|state| state.start("d"));
        }
        Ok(())
    };
    membership.establish(&admission, meanwhile, IDLE).unwrap();
    assert_eq!(etcd.with(|state| state.starting), 0);
}
