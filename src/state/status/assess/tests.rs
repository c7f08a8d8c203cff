use super::*;
use crate::checks::diagnosis::Diagnosis;
use crate::state::status::causes::Severity;
use crate::state::status::fixture::{NOW, by_pods, certificate, healthy, node};
use crate::state::status::view::{ComponentState, ManifestState, Member, MissingFile, Unknown};

fn ids(view: &View) -> Vec<&'static str> {
    causes(view, NOW).iter().map(|cause| cause.id).collect()
}

/// The first cause of a view that was changed.
fn first(change: impl FnOnce(&mut View)) -> Cause {
    let mut view = healthy();
    change(&mut view);
    causes(&view, NOW).into_iter().next().expect("something is wrong")
}

fn first_id(change: impl FnOnce(&mut View)) -> (&'static str, Severity) {
    let cause = first(change);
    assert!(!cause.what.is_empty() && !cause.place.is_empty() && !cause.next.contains("{}"), "{cause:?}");
    (cause.id, cause.severity)
}

fn silent(view: &mut View, name: &str) {
    let node = view.nodes.as_mut().unwrap().iter_mut().find(|node| node.name == name).unwrap();
    (node.ready, node.silent, node.renewed) = (false, true, Some(NOW - 300));
    node.problem = Some("Kubelet stopped posting node status.".into());
}

fn lose_members(view: &mut View, names: &[&str]) {
    let etcd = view.etcd.as_mut().unwrap();
    for member in etcd.members.iter_mut().filter(|member| names.contains(&member.name.as_str())) {
        member.problem = Some("connection refused".into());
        etcd.responding -= 1;
    }
}

#[test]
fn nothing_is_wrong_with_a_healthy_cluster() {
    assert_eq!(causes(&healthy(), NOW), []);
}

#[test]
fn a_stopped_kubelet_comes_before_its_silent_node() {
    let (id, severity) = first_id(|view| {
        let kubelet = view.host.as_mut().unwrap().kubelet.as_mut().unwrap();
        (kubelet.active, kubelet.word) = (false, "inactive".into());
        silent(view, "n1");
    });
    assert_eq!((id, severity), ("KubeletStopped", Severity::Critical));
}

#[test]
fn a_full_disk_comes_before_everything_that_follows_from_it() {
    let cause = first(|view| {
        let host = view.host.as_mut().unwrap();
        host.disks[0].full = true;
        host.components[3].state = ComponentState::Crashing;
        lose_members(view, &["n1"]);
    });
    assert_eq!((cause.id, cause.severity), ("DiskFull", Severity::Critical));
    assert!(cause.next.contains("df -h /var/lib/etcd"), "{}", cause.next);
}

#[test]
fn an_expired_certificate_comes_before_the_api_that_is_down() {
    let cause = first(|view| {
        view.certificates.as_mut().unwrap().list.push(certificate("apiserver-etcd-client", -2));
        let api = view.api.as_mut().unwrap();
        (api.ready, api.responds, api.problem) = (false, false, Some("connection refused".into()));
    });
    assert_eq!(
        (cause.id, cause.next.as_str()),
        ("CertificateExpired", "run 'kubewright certs renew apiserver-etcd-client'")
    );
    assert!(cause.what.contains("expired 2 days ago") || cause.what.contains("48 hours"), "{}", cause.what);
}

/// The certificates of all members had expired, and 'etcd recover' was advised, which gives up the data of two of them.
#[test]
fn a_majority_that_is_lost_to_expired_certificates_is_not_to_be_recovered() {
    let seen = |days: i64| {
        let mut view = healthy();
        let names = ["etcd-server", "etcd-peer"];
        view.certificates.as_mut().unwrap().list = names.map(|name| certificate(name, days)).into();
        lose_members(&mut view, &["n1", "n2", "n3"]);
        causes(&view, NOW)
    };
    let next = |causes: &[Cause], id: &str| causes.iter().find(|cause| cause.id == id).map(|cause| cause.next.clone());
    let lost = next(&seen(-1), "EtcdQuorumLost").unwrap();
    assert!(lost.starts_with("first fix what keeps the member of this host") && !lost.contains("recover"), "{lost}");
    assert_eq!(seen(-1)[0].id, "CertificateExpired");
    assert!(next(&seen(300), "EtcdQuorumLost").unwrap().contains("kubewright etcd recover"));
}

#[test]
fn a_wrong_clock_is_found_by_leases_files_and_certificates() {
    let of = |name: &'static str, renewed: i64| {
        first(move |view| {
            let node = view.nodes.as_mut().unwrap().iter_mut().find(|node| node.name == name).unwrap();
            node.renewed = Some(renewed);
        })
    };
    let ahead = of("n5", NOW + 3600);
    assert_eq!((ahead.id, ahead.place.as_str()), ("ClockWrong", "n5"));
    assert!(ahead.what.contains("60 minutes ahead of"), "{}", ahead.what);
    assert!(of("n5", NOW - 7200).what.contains("2 hours behind"));
    let own =
        first(|view| view.nodes.as_mut().unwrap().iter_mut().skip(1).for_each(|node| node.renewed = Some(NOW + 3600)));
    assert_eq!((own.id, own.place.as_str()), ("ClockWrong", "n1"));
    let early = first(|view| view.certificates.as_mut().unwrap().list[0].valid_in = 7200);
    assert!(early.id == "ClockWrong" && early.what.contains("becomes valid only in 2 hours"), "{early:?}");
    let files = first(|view| view.host.as_mut().unwrap().written_later = Some(NOW + 86_400));
    assert_eq!((files.id, files.place.as_str()), ("ClockWrong", "n1"));
}

/// After the API was away no Lease is renewed yet: every clock seemed to be wrong.
#[test]
fn leases_that_are_all_old_are_not_a_wrong_clock() {
    let mut view = healthy();
    view.nodes.as_mut().unwrap().iter_mut().for_each(|node| node.renewed = Some(NOW - 400));
    assert_eq!(ids(&view), Vec::<&str>::new());
}

/// A node that is silent has an old Lease: its clock may be right.
#[test]
fn an_old_lease_of_a_silent_node_is_not_a_wrong_clock() {
    let mut view = healthy();
    silent(&mut view, "n5");
    assert_eq!(ids(&view), ["NodeSilent"]);
}

#[test]
fn a_lost_etcd_member_shows_the_margin_and_a_lost_majority_comes_before_the_api() {
    let cause = first(|view| lose_members(view, &["n3"]));
    assert_eq!((cause.id, cause.severity, cause.place.as_str()), ("EtcdMemberLost", Severity::Critical, "n3"));
    assert!(cause.what.contains("one more, and etcd stops"), "{}", cause.what);
    let cause = first(|view| {
        lose_members(view, &["n2", "n3"]);
        view.api.as_mut().unwrap().ready = false;
    });
    assert_eq!(cause.id, "EtcdQuorumLost");
    assert!(cause.what.contains("1 of 3 members respond, and 2 must"), "{}", cause.what);
}

#[test]
fn a_member_that_never_started_is_removed_by_its_id() {
    let cause = first(|view| {
        let members = &mut view.etcd.as_mut().unwrap().members;
        let problem = Some("it was added for https://10.0.0.9:2380 and has never started".into());
        members.push(Member {
            name: "9ce6390fc5b9549c".into(),
            never_started: true,
            learner: true,
            problem,
            ..Member::default()
        });
    });
    assert_eq!((cause.id, cause.severity), ("EtcdMemberLost", Severity::Warning));
    assert!(cause.next.ends_with("'kubewright node remove 9ce6390fc5b9549c --dead'"), "{}", cause.next);
}

#[test]
fn a_host_that_is_gone_comes_before_its_etcd_member() {
    let cause = first(|view| {
        silent(view, "n3");
        lose_members(view, &["n3"]);
    });
    assert_eq!((cause.id, cause.severity), ("NodeSilent", Severity::Critical));
}

#[test]
fn a_crashing_scheduler_is_named_with_what_its_log_says() {
    let crash = |view: &mut View| {
        let own = &mut view.host.as_mut().unwrap().components[2];
        (own.state, own.restarts) = (ComponentState::Crashing, 4);
    };
    assert_eq!(first_id(crash), ("ComponentCrashing", Severity::Warning));
    let cause = first(|view| {
        crash(view);
        view.host.as_mut().unwrap().diagnosis = Some(Diagnosis {
            id: "UnknownFlag",
            cause: "kube-scheduler does not know the flag --wrong".into(),
            evidence: Vec::new(),
            fix: "take --wrong out of extraArgs, then run the command again".into(),
            who: "kube-scheduler".into(),
            detail: "--wrong".into(),
        });
    });
    assert_eq!(
        cause.what,
        "kube-scheduler on n1 ends, after 4 restarts: kube-scheduler does not know the flag --wrong"
    );
    assert_eq!(cause.next, "take --wrong out of extraArgs");
    // The last one of a cluster is more than one of three.
    let alone = first(|view| {
        crash(view);
        view.control_planes.as_mut().unwrap().truncate(1);
        view.nodes.as_mut().unwrap().retain(|node| node.name == "n1");
    });
    assert_eq!(alone.severity, Severity::Critical);
}

#[test]
fn removed_edited_broken_and_doubled_manifests_are_named() {
    let of = |state: ManifestState| first_id(move |view| view.host.as_mut().unwrap().manifests[2].state = state);
    assert_eq!(of(ManifestState::Missing), ("ManifestMissing", Severity::Warning));
    assert_eq!(of(ManifestState::Edited), ("ManifestEdited", Severity::Warning));
    assert_eq!(of(ManifestState::Broken), ("ManifestBroken", Severity::Warning));
    assert_eq!(of(ManifestState::Extra), ("ManifestExtra", Severity::Warning));
}

/// What does not run because its manifest is missing or was edited is the same finding.
#[test]
fn a_manifest_explains_its_component() {
    let mut view = healthy();
    let host = view.host.as_mut().unwrap();
    host.manifests[2].state = ManifestState::Missing;
    host.components[2].state = ComponentState::Missing;
    view.control_planes.as_mut().unwrap().truncate(1);
    assert_eq!(ids(&view).first(), Some(&"ManifestMissing"));
    assert!(!ids(&view).contains(&"ComponentMissing"));
    let host = view.host.as_mut().unwrap();
    host.manifests[2].state = ManifestState::Edited;
    host.components[2].state = ComponentState::Crashing;
    assert_eq!(ids(&view).first(), Some(&"ManifestEdited"));
}

/// The advice was to remove the member of the host whose manifest was broken.
#[test]
fn a_manifest_of_etcd_that_is_broken_explains_its_own_member() {
    let mut view = healthy();
    lose_members(&mut view, &["n1"]);
    assert_eq!(ids(&view).first(), Some(&"EtcdMemberLost"));
    let manifests = &mut view.host.as_mut().unwrap().manifests;
    let of_etcd = manifests.iter_mut().find(|one| one.name == "etcd").unwrap();
    of_etcd.state = ManifestState::Broken;
    let found = causes(&view, NOW);
    assert_eq!((found[0].id, found[0].severity), ("ManifestBroken", Severity::Critical));
    assert!(found.iter().all(|cause| !cause.next.contains("node remove")), "{found:#?}");
}

/// Nothing was said of a CA certificate that was gone, because what runs does not read it again.
#[test]
fn a_file_that_components_need_and_that_is_gone_is_named_before_they_stop() {
    let file = MissingFile {
        path: "/etc/kubernetes/pki/ca.crt".into(),
        components: vec!["kube-apiserver".into(), "kube-controller-manager".into()],
        rewrite: None,
    };
    let cause = first(|view| view.host.as_mut().unwrap().missing.push(file.clone()));
    assert_eq!((cause.id, cause.severity), ("FileMissing", Severity::Warning));
    assert_eq!(
        cause.what,
        "/etc/kubernetes/pki/ca.crt does not exist on n1, and kube-apiserver, kube-controller-manager need it"
    );
    let alone = first(|view| {
        view.host.as_mut().unwrap().missing.push(file);
        view.host.as_mut().unwrap().components[0].state = ComponentState::Crashing;
        view.control_planes.as_mut().unwrap().truncate(1);
    });
    assert_eq!((alone.id, alone.severity), ("FileMissing", Severity::Critical));
}

/// A control plane whose admin.conf is gone was in order, until a command needed it.
#[test]
fn an_admin_conf_that_is_gone_is_worth_knowing() {
    let file = MissingFile {
        path: "/etc/kubernetes/admin.conf".into(),
        components: Vec::new(),
        rewrite: Some("kubewright init phase kubeconfig admin".into()),
    };
    let cause = first(|view| view.host.as_mut().unwrap().missing.push(file));
    assert_eq!((cause.id, cause.severity), ("FileMissing", Severity::Note));
    assert_eq!(cause.next, "run 'kubewright init phase kubeconfig admin' to write it again");
}

#[test]
fn an_address_that_does_not_lead_to_a_ready_api_server_is_not_an_api_that_is_down() {
    let down = |view: &mut View| {
        let api = view.api.as_mut().unwrap();
        (api.ready, api.responds, api.problem) = (false, false, Some("no route to host".into()));
        view.control_planes = None;
    };
    assert_eq!(first_id(down), ("EndpointDown", Severity::Critical));
    let own_is_down = |view: &mut View| {
        down(view);
        view.host.as_mut().unwrap().components[0].state = ComponentState::Missing;
    };
    let mut view = healthy();
    own_is_down(&mut view);
    assert!(ids(&view).contains(&"ApiDown") && !ids(&view).contains(&"EndpointDown"));
}

/// The list of the sockets that were tried has the one of CRI-O, and the advice was to restart that.
#[test]
fn the_runtime_to_restart_is_the_one_of_the_kubelet() {
    let cause = first(|view| {
        let host = view.host.as_mut().unwrap();
        host.runtime_problem = Some("tried /run/containerd/containerd.sock, /var/run/crio/crio.sock".into());
        host.runtime_service = "containerd".into();
    });
    assert!(cause.id == "RuntimeDown" && cause.next.contains("systemctl restart containerd"), "{cause:?}");
}

#[test]
fn a_missing_network_plugin_is_named_on_the_host_and_by_the_node() {
    let words = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady";
    let here = first_id(|view| view.host.as_mut().unwrap().network_problem = Some(words.into()));
    assert_eq!(here, ("NetworkMissing", Severity::Critical));
    let cause = first(|view| {
        let node = view.nodes.as_mut().unwrap().last_mut().unwrap();
        (node.ready, node.problem) = (false, Some(words.into()));
    });
    assert_eq!((cause.id, cause.place.as_str()), ("NetworkMissing", "n5"));
}

/// containerd ignores a file that is moved into its directory; the advice was to install a Pod network.
#[test]
fn a_network_configuration_that_the_runtime_has_not_loaded_is_not_called_missing() {
    let cause = first(|view| {
        let host = view.host.as_mut().unwrap();
        host.network_problem = Some("NetworkPluginNotReady: cni plugin not initialized".into());
        host.network_files = vec!["/etc/cni/net.d/10-lab.conflist".into()];
        host.runtime_service = "containerd".into();
    });
    assert_eq!(cause.id, "NetworkMissing");
    assert!(
        cause.next.starts_with(
            "the runtime has not loaded /etc/cni/net.d/10-lab.conflist: run 'systemctl restart containerd'"
        ),
        "{cause:?}"
    );
}

#[test]
fn a_dead_worker_is_named_and_its_daemon_pods_are_not() {
    let mut view = healthy();
    silent(&mut view, "n5");
    view.addons.as_mut().unwrap()[1].ready = 4;
    view.pod_network.as_mut().unwrap().addons[0].ready = 4;
    let all = causes(&view, NOW);
    assert_eq!(all.iter().map(|cause| cause.id).collect::<Vec<_>>(), ["NodeSilent"]);
    assert_eq!(all[0].severity, Severity::Warning);
    assert!(all[0].what.starts_with("the worker n5 has not reported since"), "{}", all[0].what);
}

#[test]
fn what_was_not_seen_is_a_warning_unless_it_is_only_possible_elsewhere() {
    let mut view = healthy();
    view.unknown = vec![Unknown::elsewhere("tokens", "these credentials do not allow it")];
    assert_eq!(ids(&view), Vec::<&str>::new());
    view.unknown.push(Unknown::failed("etcd", "no answer within 2s"));
    let all = causes(&view, NOW);
    assert_eq!(
        (all[0].id, all[0].severity, all[0].what.as_str()),
        ("NotChecked", Severity::Warning, "this could not be seen: etcd")
    );
}

#[test]
fn smaller_things_are_notes_and_warnings() {
    let cordoned = first_id(|view| view.nodes.as_mut().unwrap()[4].cordoned = true);
    assert_eq!(cordoned, ("NodeCordoned", Severity::Note));
    let skew = first_id(|view| view.nodes.as_mut().unwrap()[4].version = "v1.29.0".into());
    assert_eq!(skew, ("VersionSkew", Severity::Warning));
    let newer = first_id(|view| view.nodes.as_mut().unwrap()[4].version = "v1.34.0".into());
    assert_eq!(newer, ("VersionSkew", Severity::Warning));
    let alarm =
        first_id(|view| view.etcd.as_mut().unwrap().members[0].alarms = vec!["memberID:1 alarm:NOSPACE".into()]);
    assert_eq!(alarm, ("EtcdFull", Severity::Critical));
}

#[test]
fn without_access_to_etcd_its_pods_are_counted() {
    let mut view = healthy();
    view.control_planes.as_mut().unwrap()[1].components[3].state = ComponentState::NotReady;
    let etcd = by_pods(&view).unwrap();
    assert_eq!((etcd.voters, etcd.responding, etcd.needed, etcd.by_pods), (3, 2, 2, true));
    view.nodes.as_mut().unwrap().push(node("n6", false));
    view.etcd = Some(etcd);
    assert_eq!(ids(&view).first(), Some(&"EtcdMemberLost"));
}
