//! Which membership is a host's, and which it must not replace.

use super::*;

/// A new host with the configuration of the first one, and so with its address, removed the first one's member.
#[test]
fn a_host_with_the_address_of_another_does_not_replace_its_member() {
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

/// A healthy member with its data in another directory was treated as one that had lost them.
#[test]
fn a_running_member_is_kept_if_its_data_are_not_found() {
    let (etcd, host) = (TestEtcd::of(&["a", "b", "c"]), Host::new());
    let id = etcd.with(|state| state.members[2].id);
    let admission = host.membership(&etcd).admit("c", &url("c"), LocalData::Manifest).unwrap();
    assert_eq!((admission.id, admission.has_started, host.gate.count()), (id, true, 0));
}

#[test]
fn a_restarting_member_is_not_treated_as_dead() {
    let (etcd, host) = (TestEtcd::of(&["a", "b", "c"]), Host::new());
    etcd.with(|state| state.starting = 3);
    let admission = host.membership(&etcd).admit("c", &url("c"), LocalData::Manifest).unwrap();
    assert!(admission.has_started && etcd.shown() == "a b c");
}

/// Its host died before etcd started there, so no node has its name: the hint was useless.
#[test]
fn an_unfinished_join_is_reported_with_the_command_that_removes_it() {
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
