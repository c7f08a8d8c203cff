use super::super::test_etcd::{Mishap, State, TestEtcd, url};
use super::*;
use crate::base::exit_code::ExitCode;

mod cut_off;
mod majority;
mod place;

struct Host {
    gate: Gate,
    clock: Clock,
    events: Events,
}

impl Host {
    fn new() -> Self {
        Self { gate: Gate::open(), clock: Clock::fixed(0), events: Events::silent() }
    }

    fn dry() -> Self {
        Self { gate: Gate::recording(), ..Self::new() }
    }

    fn membership<'a>(&'a self, etcd: &'a TestEtcd) -> Membership<'a> {
        let Self { gate, clock, events } = self;
        Membership { api: etcd, gate, clock, events, limit: Duration::from_secs(30), known: RefCell::default() }
    }

    /// A complete join; etcd on the host starts during it.
    fn join(&self, etcd: &TestEtcd, name: &str) -> Result<(), Failure> {
        let membership = self.membership(etcd);
        let admission = membership.admit(name, &url(name), LocalData::Absent)?;
        etcd.with(|state| state.start(name));
        membership.establish(&admission, IDLE, IDLE)
    }
}

/// The member of this name.
const IDLE: fn() -> Result<(), Failure> = || Ok(());

fn at(name: &str) -> impl Fn(&Member) -> bool {
    let url = url(name);
    move |member| member.peer_urls.contains(&url)
}

fn verbs(gate: &Gate) -> Vec<String> {
    let verb = |change| match change {
        crate::base::gate::Change::Request { api, verb, .. } => format!("{api} {verb}"),
        other => panic!("{other:?}"),
    };
    gate.entries().into_iter().map(|entry| verb(entry.change)).collect()
}

#[test]
fn a_member_is_added_as_a_learner_and_promoted_when_it_has_all_data() {
    let (etcd, host) = (TestEtcd::of(&["a"]), Host::new());
    etcd.with(|state| state.rounds_to_sync = 3);
    let membership = host.membership(&etcd);
    let admission = membership.admit("b", &url("b"), LocalData::Absent).unwrap();
    assert_eq!(etcd.shown(), "a (?)");
    assert!(!admission.has_started);
    assert_eq!(admission.initial_cluster, [("a".into(), url("a")), ("b".into(), url("b"))]);
    etcd.with(|state| state.start("b"));
    membership.establish(&admission, IDLE, IDLE).unwrap();
    assert_eq!(etcd.shown(), "a b");
    assert_eq!(verbs(&host.gate), ["etcd add learner", "etcd promote"]);
}

#[test]
fn a_join_ends_with_one_voting_member_if_any_call_is_lost() {
    let calls = {
        let (etcd, host) = (TestEtcd::of(&["a", "b"]), Host::new());
        host.join(&etcd, "c").unwrap();
        etcd.with(|state| state.log.len())
    };
    assert!(calls >= 5, "{calls}");
    for first in 0..calls + 2 {
        for second in 0..calls + 2 {
            for mishap in [Mishap::RequestLost, Mishap::AnswerLost, Mishap::TimedOutInside] {
                let (etcd, host) = (TestEtcd::of(&["a", "b"]), Host::new());
                etcd.with(|state| state.mishaps.extend([(first, mishap), (second, mishap)]));
                host.join(&etcd, "c").unwrap_or_else(|failure| panic!("{mishap:?} at {first}, {second}: {failure:?}"));
                assert_eq!(etcd.shown(), "a b c", "{mishap:?} at {first}, {second}");
                assert_eq!(verbs(&host.gate), ["etcd add learner", "etcd promote"], "{mishap:?} at {first}, {second}");
            }
        }
    }
}

#[test]
fn a_member_is_removed_if_any_call_is_lost() {
    for lost in 0..5 {
        for mishap in [Mishap::RequestLost, Mishap::AnswerLost, Mishap::TimedOutInside] {
            let (etcd, host) = (TestEtcd::of(&["a", "b", "c"]), Host::new());
            etcd.with(|state| state.mishaps.insert(lost, mishap));
            assert_eq!(host.membership(&etcd).leave(&at("b")).unwrap(), Departure::Removed);
            assert_eq!(etcd.shown(), "a c", "{mishap:?} at {lost}");
        }
    }
}

#[test]
fn a_join_that_was_killed_at_any_point_is_continued() {
    // Killed after the member was added, before etcd started.
    let (etcd, host) = (TestEtcd::of(&["a"]), Host::new());
    let first = host.membership(&etcd).admit("b", &url("b"), LocalData::Absent).unwrap();
    let again = host.membership(&etcd).admit("b", &url("b"), LocalData::Absent).unwrap();
    assert_eq!((again.id, again.has_started), (first.id, false));
    // Killed after it started, before it was promoted.
    etcd.with(|state| state.start("b"));
    let again = host.membership(&etcd).admit("b", &url("b"), LocalData::Present).unwrap();
    assert_eq!((again.id, again.has_started), (first.id, true));
    host.membership(&etcd).establish(&again, IDLE, IDLE).unwrap();
    // Killed after the last step.
    let count = host.gate.count();
    let again = host.membership(&etcd).admit("b", &url("b"), LocalData::Present).unwrap();
    host.membership(&etcd).establish(&again, IDLE, IDLE).unwrap();
    assert_eq!((etcd.shown().as_str(), host.gate.count()), ("a b", count));
}

#[test]
fn of_two_concurrent_joins_one_waits_and_both_succeed() {
    let (etcd, first, second) = (TestEtcd::of(&["a"]), Host::new(), Host::new());
    let admission = first.membership(&etcd).admit("b", &url("b"), LocalData::Absent).unwrap();
    etcd.with(|state| state.start("b"));
    // While c waits to be added, b is promoted.
    let soon = etcd.with(|state| state.log.len()) + 6;
    etcd.with(|state| {
        state.events.insert(soon, Box::new(|state| state.members.iter_mut().for_each(|m| m.learner = false)));
    });
    second.join(&etcd, "c").unwrap();
    first.membership(&etcd).establish(&admission, IDLE, IDLE).unwrap();
    assert_eq!(etcd.shown(), "a b c");
}

#[test]
fn a_join_waits_for_a_member_that_was_added_after_the_members_were_read() {
    let (etcd, host) = (TestEtcd::of(&["a"]), Host::new());
    // Call number 2 is our add: b is added just before it, and promoted a little later.
    etcd.with(|state| {
        state.events.insert(2, Box::new(|state| _ = state.add("b").id));
        state.events.insert(
            4,
            Box::new(|state| {
                state.start("b");
                state.members.iter_mut().for_each(|m| m.learner = false);
            }),
        );
    });
    host.join(&etcd, "c").unwrap();
    assert_eq!(etcd.shown(), "a b c");
    assert_eq!(verbs(&host.gate), ["etcd add learner", "etcd promote"]);
}

#[test]
fn a_learner_that_never_starts_is_removed_again() {
    let (etcd, host) = (TestEtcd::of(&["a", "b", "c"]), Host::new());
    let membership = host.membership(&etcd);
    let admission = membership.admit("d", &url("d"), LocalData::Absent).unwrap();
    let failure = membership.establish(&admission, IDLE, IDLE).unwrap_err();
    assert!(matches!(failure.downcast_ref(), Some(EtcdError::NeverStarted { rolled_back: true, .. })), "{failure}");
    assert!(failure.to_string().ends_with("the cluster is as it was before"), "{failure}");
    assert_eq!((etcd.shown().as_str(), failure.exit_code()), ("a b c", ExitCode::Unhealthy));
    assert_eq!(verbs(&host.gate), ["etcd add learner", "etcd remove"]);
}

/// etcd 3.6 did not serve requests for half a minute after it had joined, but had its vote all that time.
#[test]
fn a_learner_is_promoted_only_when_it_is_ready() {
    let (etcd, host) = (TestEtcd::of(&["a"]), Host::new());
    let membership = host.membership(&etcd);
    let admission = membership.admit("b", &url("b"), LocalData::Absent).unwrap();
    etcd.with(|state| state.start("b"));
    let unfit = || Err(EtcdError::Gone { id: 7 }.into());
    assert!(matches!(
        membership.establish(&admission, IDLE, unfit).unwrap_err().downcast_ref(),
        Some(EtcdError::Gone { id: 7 })
    ));
    assert_eq!(verbs(&host.gate), ["etcd add learner"]);
    membership.establish(&admission, IDLE, IDLE).unwrap();
    let asked = || panic!("it already votes");
    membership.establish(&admission, IDLE, asked).unwrap();
    assert_eq!(verbs(&host.gate), ["etcd add learner", "etcd promote"]);
}

#[test]
fn a_learner_that_started_but_lags_is_kept() {
    let (etcd, host) = (TestEtcd::of(&["a"]), Host::new());
    etcd.with(|state| state.rounds_to_sync = usize::MAX);
    let failure = host.join(&etcd, "b").unwrap_err();
    assert!(failure.to_string().contains("still receiving data"), "{failure}");
    assert_eq!(etcd.shown(), "a (b)");
    // The same command continues.
    etcd.with(|state| state.rounds_to_sync = 0);
    let again = host.membership(&etcd).admit("b", &url("b"), LocalData::Present).unwrap();
    host.membership(&etcd).establish(&again, IDLE, IDLE).unwrap();
    assert_eq!(etcd.shown(), "a b");
}

#[test]
fn the_removal_of_a_joining_member_is_reported() {
    let (etcd, host) = (TestEtcd::of(&["a"]), Host::new());
    let membership = host.membership(&etcd);
    let admission = membership.admit("b", &url("b"), LocalData::Absent).unwrap();
    etcd.with(|state| state.members.retain(|m| m.id != admission.id));
    let failure = membership.establish(&admission, IDLE, IDLE).unwrap_err();
    assert!(matches!(failure.downcast_ref(), Some(EtcdError::Gone { .. })), "{failure}");
}

#[test]
fn a_member_without_its_data_is_replaced_under_a_new_id() {
    let (etcd, host) = (TestEtcd::of(&["a", "b", "c"]), Host::new());
    etcd.with(|state| {
        state.sick.push("c".into());
        // The old process is gone; the new one is healthy.
        state.events.insert(3, Box::new(|state| state.sick.clear()));
    });
    let old = etcd.with(|state| state.members[2].id);
    host.join(&etcd, "c").unwrap();
    assert_eq!(etcd.shown(), "a b c");
    assert_ne!(etcd.with(|state| state.members[2].id), old);
    assert_eq!(verbs(&host.gate), ["etcd remove", "etcd add learner", "etcd promote"]);
}

/// The only check failed if it coincided with an election.
#[test]
fn an_election_does_not_count_as_a_lost_majority() {
    let (etcd, host) = (TestEtcd::of(&["a", "b", "c"]), Host::new());
    let membership = host.membership(&etcd);
    let during_election = || etcd.with(|state| state.electing = 9);
    during_election();
    membership.check_room("d", &url("d"), LocalData::Absent).unwrap();
    during_election();
    host.join(&etcd, "d").unwrap();
    during_election();
    assert_eq!(membership.foresee(&at("d")).unwrap().0, Departure::Removed);
    during_election();
    assert_eq!(membership.leave(&at("d")).unwrap(), Departure::Removed);
}

#[test]
fn data_of_a_previous_membership_are_refused() {
    let (etcd, host) = (TestEtcd::of(&["a"]), Host::new());
    let failure = host.membership(&etcd).admit("b", &url("b"), LocalData::Present).unwrap_err();
    assert!(matches!(failure.downcast_ref(), Some(EtcdError::StaleData { .. })));
    assert_eq!((failure.exit_code(), etcd.shown().as_str()), (ExitCode::Refused, "a"));
    let hint = failure.hint().unwrap();
    assert!(hint.contains("keep the data") && !hint.contains("reset"), "{hint}");
}

#[test]
fn quorum_is_kept() {
    // Members, the unhealthy ones, the one to remove (or none: one joins), allowed?
    for (names, sick, leaving, allowed) in [
        (&["a"][..], &[][..], None, true),
        (&["a"], &["a"], None, false),
        (&["a", "b"], &[], None, true),
        (&["a", "b"], &["b"], None, false),
        (&["a", "b", "c"], &["b", "c"], None, false),
        (&["a", "b"], &[], Some("b"), true),
        (&["a", "b"], &["b"], Some("b"), false),
        (&["a", "b", "c"], &["c"], Some("c"), true),
        (&["a", "b", "c"], &["c"], Some("b"), false),
        (&["a", "b", "c"], &[], Some("b"), true),
        (&["a", "b", "c", "d"], &["d"], Some("c"), true),
        (&["a", "b", "c", "d", "e"], &["d", "e"], Some("c"), false),
        (&["a", "b", "c", "d", "e"], &["d", "e"], Some("d"), true),
    ] {
        let (etcd, host) = (TestEtcd::of(names), Host::new());
        etcd.with(|state| state.sick = sick.iter().map(ToString::to_string).collect());
        let membership = host.membership(&etcd);
        if leaving.is_none() {
            assert_eq!(
                membership.check_room("z", &url("z"), LocalData::Absent).is_ok(),
                allowed,
                "{names:?} sick {sick:?}"
            );
        }
        let outcome = match leaving {
            None => membership.admit("z", &url("z"), LocalData::Absent).map(drop),
            Some(name) => membership.leave(&at(name)).map(drop),
        };
        let case = format!("{names:?} sick {sick:?} leaving {leaving:?}");
        match outcome {
            Ok(()) => assert!(allowed, "{case} was allowed"),
            Err(failure) => {
                assert!(!allowed, "{case}: {failure}");
                // Each of the joins is one into a cluster without a majority.
                let code = if leaving.is_none() { ExitCode::Unhealthy } else { ExitCode::Refused };
                assert_eq!(failure.exit_code(), code, "{case}");
                assert_eq!(host.gate.count(), 0, "{case}");
            }
        }
    }
}

#[test]
fn no_member_is_added_while_one_is_unreachable_and_it_is_named() {
    let (etcd, host) = (TestEtcd::of(&["a", "b", "c"]), Host::new());
    etcd.with(|state| state.sick.push("c".into()));
    let failure = host.membership(&etcd).admit("d", &url("d"), LocalData::Absent).unwrap_err();
    assert!(failure.to_string().ends_with("while a member is unreachable: c: no answer"), "{failure}");
    assert!(host.clock.monotonic() <= PATIENCE * 2, "it is reported within seconds: {:?}", host.clock.monotonic());
    assert!(failure.hint().unwrap().contains("node remove"));
    // It comes back during the wait.
    etcd.with(|state| {
        state.sick.clear();
        state.starting = 5;
    });
    host.join(&etcd, "d").unwrap();
    assert_eq!(etcd.shown(), "a b c d");
}

#[test]
fn the_last_member_and_unknown_members_are_left_alone() {
    let (etcd, host) = (TestEtcd::of(&["a"]), Host::new());
    assert_eq!(host.membership(&etcd).leave(&at("z")).unwrap(), Departure::WasNoMember);
    etcd.with(|state| _ = state.add("b").id);
    assert_eq!(host.membership(&etcd).leave(&at("a")).unwrap(), Departure::IsLast);
    // A learner is removed without a vote, whatever the health of the others.
    etcd.with(|state| state.sick.push("a".into()));
    assert_eq!(host.membership(&etcd).leave(&at("b")).unwrap(), Departure::Removed);
    assert_eq!(etcd.shown(), "a");
}

#[test]
fn a_dry_run_plans_all_changes_and_makes_none() {
    let (etcd, host) = (TestEtcd::of(&["a"]), Host::dry());
    let membership = host.membership(&etcd);
    let admission = membership.admit("b", &url("b"), LocalData::Absent).unwrap();
    assert_eq!(admission.initial_cluster.len(), 2);
    membership.establish(&admission, IDLE, IDLE).unwrap();
    assert_eq!(verbs(&host.gate), ["etcd add learner", "etcd promote"]);
    assert!(etcd.with(|state| state.log.iter().all(|call| call == "list")));
    let (etcd, host) = (TestEtcd::of(&["a", "b"]), Host::dry());
    assert_eq!(host.membership(&etcd).leave(&at("b")).unwrap(), Departure::Removed);
    assert_eq!(etcd.shown(), "a b");
}

#[test]
fn an_etcd_that_stays_unreachable_is_reported_with_a_hint() {
    let (etcd, host) = (TestEtcd::of(&["a"]), Host::new());
    etcd.with(|state| state.mishaps.extend((0..1000).map(|call| (call, Mishap::RequestLost))));
    let failure = host.membership(&etcd).admit("b", &url("b"), LocalData::Absent).unwrap_err();
    assert!(failure.to_string().contains("refused the connection"), "{failure}");
    assert!(matches!(failure.downcast_ref(), Some(EtcdError::TimedOut { .. })) && failure.hint().is_some());
}

#[test]
fn the_result_of_a_removal_is_known_before_any_change() {
    let (etcd, host) = (TestEtcd::of(&["a", "b", "c"]), Host::new());
    let (departure, members) = host.membership(&etcd).foresee(&at("b")).unwrap();
    assert_eq!((departure, members.len(), etcd.shown().as_str()), (Departure::Removed, 3, "a b c"));
    etcd.with(|state| state.sick.push("c".into()));
    let failure = host.membership(&etcd).foresee(&at("b")).unwrap_err();
    assert!(matches!(failure.downcast_ref(), Some(EtcdError::NoQuorum { .. })), "{failure}");
}
