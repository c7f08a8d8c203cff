use super::*;
use crate::base::gate::Gate;
use crate::kube::test_api::{Mishap, TestApi};

fn run(api: &TestApi, clock: &Clock, host: &str, nonce: &str) -> Lease {
    Lease::new(vec![api.cluster(&Gate::open())], clock.clone(), host, nonce, "certs renew")
}

fn busy(attempt: Attempt) -> Holder {
    match attempt {
        Attempt::Busy(holder) => holder,
        Attempt::Held => panic!("it is held by this run"),
    }
}

/// Three renewals that were started at the same moment took the API away from everybody.
#[test]
fn of_several_runs_one_holds_the_lease_until_it_gives_it_back() {
    let (api, clock) = (TestApi::default(), Clock::fixed(1_000));
    let (first, second) = (run(&api, &clock, "cp1", "a"), run(&api, &clock, "cp2", "b"));
    let seen = Observation::default();
    assert_eq!(first.attempt(&seen).unwrap(), Attempt::Held);
    let holder = busy(second.attempt(&seen).unwrap());
    assert_eq!((holder.host.as_str(), holder.command.as_str()), ("cp1", "certs renew"));
    assert!(first.renew().unwrap() && !second.renew().unwrap());
    second.release().unwrap();
    busy(second.attempt(&seen).unwrap());
    first.release().unwrap();
    assert_eq!(second.attempt(&seen).unwrap(), Attempt::Held);
}

#[test]
fn a_holder_that_renews_keeps_it_and_one_that_is_gone_blocks_for_less_than_a_minute() {
    let (api, clock) = (TestApi::default(), Clock::fixed(1_000));
    let (first, second) = (run(&api, &clock, "cp1", "a"), run(&api, &clock, "cp2", "b"));
    let mut seen = Observation::default();
    first.attempt(&seen).unwrap();
    for _ in 0..20 {
        clock.sleep(Duration::from_secs(10));
        first.renew().unwrap();
        seen.note(&busy(second.attempt(&seen).unwrap()), clock.monotonic());
    }
    let start = clock.monotonic();
    while second.attempt(&seen).unwrap() != Attempt::Held {
        clock.sleep(Duration::from_secs(1));
        let holder = Holder { host: String::new(), command: String::new(), spec: seen.seen.clone().unwrap().0 };
        seen.note(&holder, clock.monotonic());
        assert!(clock.monotonic().saturating_sub(start) < Duration::from_mins(1));
    }
    assert!(!first.renew().unwrap(), "the one that was gone does not take it back");
}

/// Each failed request began the wait again: two minutes after a run that was killed while the API server restarted.
#[test]
fn an_api_that_was_away_does_not_restart_the_wait_for_a_holder_that_is_gone() {
    let (api, clock) = (TestApi::default(), Clock::fixed(1_000));
    run(&api, &clock, "cp1", "a").attempt(&Observation::default()).unwrap();
    let second = run(&api, &clock, "cp2", "b");
    let mut seen = Observation::default();
    let start = clock.monotonic();
    let waited = || clock.monotonic().saturating_sub(start);
    loop {
        api.with(|state| state.down = (20..35).contains(&waited().as_secs()));
        match second.attempt(&seen) {
            Ok(Attempt::Held) => break,
            Ok(Attempt::Busy(holder)) => seen.note(&holder, clock.monotonic()),
            Err(_) => seen.note_away(),
        }
        clock.sleep(Duration::from_secs(1));
    }
    assert_eq!(waited(), DURATION);
}

/// The whole API may be away for longer than the Lease lasts, while etcd restarts.
#[test]
fn a_holder_that_could_not_renew_has_time_for_it_once_the_api_is_back() {
    let (api, clock) = (TestApi::default(), Clock::fixed(1_000));
    let (first, second) = (run(&api, &clock, "cp1", "a"), run(&api, &clock, "cp2", "b"));
    let mut seen = Observation::default();
    first.attempt(&seen).unwrap();
    seen.note(&busy(second.attempt(&seen).unwrap()), clock.monotonic());
    clock.sleep(Duration::from_secs(5));
    seen.note_away();
    clock.sleep(Duration::from_secs(70));
    for _ in 0..15 {
        let holder = busy(second.attempt(&seen).unwrap());
        seen.note(&holder, clock.monotonic());
        clock.sleep(Duration::from_secs(1));
    }
    first.renew().unwrap();
    for _ in 0..50 {
        seen.note(&busy(second.attempt(&seen).unwrap()), clock.monotonic());
        clock.sleep(Duration::from_secs(1));
    }
    seen.note(&busy(second.attempt(&seen).unwrap()), clock.monotonic());
    clock.sleep(Duration::from_secs(5));
    assert_eq!(second.attempt(&seen).unwrap(), Attempt::Held, "it did not renew again");
}

#[test]
fn an_earlier_run_on_the_same_host_is_gone() {
    let (api, clock) = (TestApi::default(), Clock::fixed(1_000));
    run(&api, &clock, "cp1", "a").attempt(&Observation::default()).unwrap();
    assert_eq!(run(&api, &clock, "cp1", "c").attempt(&Observation::default()).unwrap(), Attempt::Held);
}

#[test]
fn of_two_that_try_at_the_same_moment_one_gets_it() {
    let (api, clock) = (TestApi::default(), Clock::fixed(1_000));
    let (first, second) = (run(&api, &clock, "cp1", "a"), run(&api, &clock, "cp2", "b"));
    api.mishap("POST", Mishap::Overtaken(second.object()));
    assert_eq!(busy(first.attempt(&Observation::default()).unwrap()).host, "cp2");
    second.release().unwrap();
    let mut theirs = second.object();
    theirs["spec"]["renewTime"] = json!("later");
    api.mishap("PUT", Mishap::Overtaken(theirs));
    assert_eq!(busy(first.attempt(&Observation::default()).unwrap()).host, "cp2");
}

#[test]
fn the_time_has_the_six_digits_that_the_api_wants() {
    assert_eq!(micro_time(1_795_238_460_000_000_000), "2026-11-21T05:21:00.000000Z");
    assert_eq!(micro_time(1_795_238_460_123_456_789), "2026-11-21T05:21:00.123456Z");
}

/// The API server that the kubeconfig names was the one that another run restarted.
#[test]
fn another_api_server_is_asked_while_one_restarts() {
    let (api, away, clock) = (TestApi::default(), TestApi::default(), Clock::fixed(1_000));
    away.with(|state| state.down = true);
    let clusters = [&away, &api].map(|api| api.cluster(&Gate::open())).into();
    let lease = Lease::new(clusters, clock, "cp1", "a", "certs renew");
    assert_eq!(lease.attempt(&Observation::default()).unwrap(), Attempt::Held);
    assert!(lease.renew().unwrap());
    api.with(|state| state.down = true);
    assert!(lease.renew().is_err());
}

/// A run that restarted the API server of its host could not renew meanwhile, and another run took the Lease away from it.
#[test]
fn the_lease_is_renewed_through_the_other_api_servers_while_the_own_one_restarts() {
    let (own, other, clock) = (TestApi::default(), TestApi::default(), Clock::fixed(1_000));
    let path = "/api/v1/namespaces/default/endpoints/kubernetes";
    own.put(path, json!({"subsets": [{"addresses": [{"ip": "10.0.0.4"}], "ports": [{"port": 6443}]}]}));
    let lease = run(&own, &clock, "cp1", "a");
    assert_eq!(lease.api_servers(), ["https://10.0.0.4:6443"]);
    assert_eq!(lease.attempt(&Observation::default()).unwrap(), Attempt::Held);
    // Both serve what etcd has.
    other.put("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kubewright", lease.object());
    let lease = lease.also_through(vec![other.cluster(&Gate::open())]);
    own.with(|state| state.down = true);
    assert!(lease.renew().unwrap());
    assert!(lease.api_servers().is_empty(), "they are not known");
}
