//! Which place is a host's, and whose it must not take.

use super::*;

/// A new host with the configuration of the first one, and so with its address, took the first one's member out.
#[test]
fn a_host_that_was_given_the_address_of_another_does_not_take_its_place() {
    for (name, local, sick) in [
        ("d", LocalData::Absent, false),
        ("d", LocalData::Absent, true),
        ("d", LocalData::Manifest, true),
        ("a", LocalData::Absent, false),
    ] {
        let (etcd, host) = (TestEtcd::of(&["a", "b", "c"]), Host::new());
        etcd.with(|state| state.sick.extend(sick.then(|| "a".to_owned())));
        let membership = host.membership(&etcd);
        let case = format!("{name} {local:?} {sick}");
        for failure in [
            membership.check_room(name, &url("a"), local).unwrap_err(),
            membership.admit(name, &url("a"), local).unwrap_err(),
        ] {
            let Some(EtcdError::Taken { holder, .. }) = failure.downcast_ref() else { panic!("{case}: {failure}") };
            assert_eq!((holder.as_str(), failure.exit_code()), ("a", ExitCode::Refused), "{case}");
            assert!(failure.hint().unwrap().contains("--apiserver-advertise-address"), "{case}");
        }
        assert_eq!((etcd.shown().as_str(), host.gate.count()), ("a b c", 0), "{case}");
    }
}

/// With its data in a folder that was not looked into, a healthy member was taken for one that had lost them.
#[test]
fn a_member_that_lives_keeps_its_place_where_its_data_are_not_seen() {
    let (etcd, host) = (TestEtcd::of(&["a", "b", "c"]), Host::new());
    let id = etcd.with(|state| state.members[2].id);
    let admission = host.membership(&etcd).admit("c", &url("c"), LocalData::Manifest).unwrap();
    assert_eq!((admission.id, admission.has_started, host.gate.count()), (id, true, 0));
}

#[test]
fn a_member_that_is_starting_again_is_not_taken_for_dead() {
    let (etcd, host) = (TestEtcd::of(&["a", "b", "c"]), Host::new());
    etcd.with(|state| state.starting = 3);
    let admission = host.membership(&etcd).admit("c", &url("c"), LocalData::Manifest).unwrap();
    assert!(admission.has_started && etcd.shown() == "a b c");
}

/// Its host died before etcd started there, so no node has its name: the way out that was told led nowhere.
#[test]
fn a_place_that_was_given_up_half_way_is_told_with_what_removes_it() {
    let (etcd, host) = (TestEtcd::of(&["a"]), Host::new());
    let id = etcd.with(|state| state.add("b").id);
    for (key, start) in [(format!("{id:x}"), false), ("b".to_owned(), true)] {
        etcd.with(|state| start.then(|| state.start("b")));
        let failure = host.membership(&etcd).admit("c", &url("c"), LocalData::Absent).unwrap_err();
        assert!(matches!(failure.downcast_ref(), Some(EtcdError::Behind { .. })), "{failure}");
        let way_out = format!("kubewright node remove {key} --dead");
        assert!(failure.hint().unwrap().contains(&way_out), "{failure}: {:?}", failure.hint());
    }
    assert_eq!(host.gate.count(), 0);
}
