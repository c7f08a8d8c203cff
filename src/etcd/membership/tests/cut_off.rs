//! Unreachable members.

use super::*;

/// The hint blamed the network of this host although the hosts of the other members refused the connections.
#[test]
fn a_host_whose_connections_are_refused_is_not_cut_off() {
    for (refusing, expected) in [(&[][..], true), (&["b"], false)] {
        let (etcd, host) = (TestEtcd::of(&["a", "b", "c"]), Host::new());
        etcd.with(|state| {
            state.sick = vec!["b".into(), "c".into()];
            state.refusing = refusing.iter().map(ToString::to_string).collect();
        });
        let failure = host.membership(&etcd).require_majority().unwrap_err();
        let Some(EtcdError::QuorumLost { cut_off, .. }) = failure.downcast_ref() else { panic!("{failure}") };
        assert_eq!(*cut_off, expected, "{refusing:?}");
    }
}

#[test]
fn the_last_reachable_of_several_members_is_not_the_only_member() {
    let (etcd, host) = (TestEtcd::of(&["a", "b", "c"]), Host::new());
    etcd.with(|state| {
        state.sick.extend(["b".into(), "c".into()]);
        state.lost_majority = true;
    });
    let failure = host.membership(&etcd).leave(&at("a")).unwrap_err();
    assert!(matches!(failure.downcast_ref(), Some(EtcdError::NoQuorum { healthy: 1, voters: 3, .. })), "{failure}");
    assert_eq!(host.gate.count(), 0);
}
