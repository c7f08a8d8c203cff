use super::*;
use crate::state::status::fixture::{NOW, healthy};
use crate::state::status::{ComponentState, Unknown, View};

/// A screen as it was looked at: a file of tests/golden/status, written with `UPDATE_GOLDEN=1`.
#[track_caller]
fn check(name: &str, shown: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/status").join(name);
    if std::env::vars().any(|(name, _)| name == "UPDATE_GOLDEN") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, shown).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(known, shown, "{}", path.display());
}

fn screen(view: View, width: usize, colours: bool) -> String {
    text(&Status::of(view, NOW), width, Paint::new(colours, None))
}

/// A host that is gone, a crashing scheduler, and what follows.
fn broken() -> View {
    let mut view = healthy();
    let nodes = view.nodes.as_mut().unwrap();
    (nodes[2].ready, nodes[2].silent, nodes[2].renewed) = (false, true, Some(NOW - 900));
    nodes[4].cordoned = true;
    nodes[3].pressure = vec!["DiskPressure".into()];
    let etcd = view.etcd.as_mut().unwrap();
    etcd.members[2].problem = Some("10.0.0.13:2379: no route to host".into());
    etcd.responding = 2;
    let host = view.host.as_mut().unwrap();
    (host.components[2].state, host.components[2].restarts) = (ComponentState::Crashing, 4);
    let planes = view.control_planes.as_mut().unwrap();
    (planes[0].components[2].state, planes[0].components[2].restarts) = (ComponentState::Crashing, 4);
    view.addons.as_mut().unwrap()[1].ready = 4;
    view.unknown.push(Unknown::failed("tokens", "no answer within 2.5s"));
    view.tokens = None;
    view
}

fn without_api() -> View {
    let mut view = healthy();
    let api = view.api.as_mut().unwrap();
    (api.ready, api.responds, api.problem) =
        (false, false, Some("cannot connect to 10.0.0.10:6443: connection refused".into()));
    (view.nodes, view.control_planes, view.addons, view.pod_network, view.tokens) = (None, None, None, None, None);
    view.under_way = None;
    let host = view.host.as_mut().unwrap();
    let kubelet = host.kubelet.as_mut().unwrap();
    (kubelet.active, kubelet.word) = (false, "inactive".into());
    view
}

#[test]
fn components_of_this_host_that_the_api_does_not_show_yet_are_not_reported_as_missing() {
    let mut view = healthy();
    let planes = view.control_planes.as_mut().unwrap();
    planes[0].components.iter_mut().for_each(|one| one.state = ComponentState::Missing);
    assert_eq!(screen(view.clone(), 80, false), screen(healthy(), 80, false));
    view.host = None;
    assert!(screen(view, 200, false).contains("kube-scheduler missing"));
}

#[test]
fn screens_at_every_width() {
    for (name, view) in [("healthy", healthy()), ("broken", broken()), ("without-api", without_api())] {
        for width in [36, 80, 200] {
            check(&format!("{name}-{width}.txt"), &screen(view.clone(), width, false));
        }
        check(&format!("{name}-80-colours.txt"), &screen(view.clone(), 80, true));
    }
}

#[test]
fn a_healthy_cluster_fits_on_a_small_screen() {
    let text = screen(healthy(), 80, false);
    assert!(text.lines().count() <= 24, "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

/// Colours are only added: the words are the same.
#[test]
fn colours_change_no_words() {
    let coloured = screen(broken(), 80, true);
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, code)) = rest.split_once('\x1b') {
        plain += before;
        rest = code.split_once('m').map_or("", |(_, after)| after);
    }
    assert_eq!(plain + rest, screen(broken(), 80, false));
}

/// A part that is not known was shown like one that is fine.
#[test]
fn what_is_not_known_is_called_unknown() {
    let text = screen(without_api(), 80, false);
    for label in ["nodes", "addons", "Pod network", "tokens", "under way"] {
        let line = text.lines().find(|line| line.starts_with(label)).unwrap();
        assert!(line.ends_with("unknown"), "{line}");
    }
}
