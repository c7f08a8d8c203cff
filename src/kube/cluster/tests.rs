use super::super::client::Access;
use super::super::kind::{NODE, SECRET};
use super::super::test_api::{Mishap, TestApi};
use super::*;
use crate::base::https::test_server::{TestCa, dead_address};
use crate::base::https::{Credentials, Trouble, Trust};
use crate::base::proxy::Proxies;
use crate::kube::via::Via;

fn three_pages() -> (TestApi, Cluster) {
    let api = TestApi::default();
    for name in ["a", "b", "c", "d", "e"] {
        let kind = if name == "d" { "kubernetes.io/service-account-token" } else { "Opaque" };
        let secret = json!({"metadata": {"name": name, "namespace": "x"}, "type": kind});
        api.put(&format!("/api/v1/namespaces/x/secrets/{name}"), secret);
    }
    api.with(|state| state.page = Some(2));
    let cluster = api.cluster(&Gate::open());
    (api, cluster)
}

fn names(items: &[Value]) -> String {
    items.iter().filter_map(|item| item["metadata"]["name"].as_str()).collect()
}

#[test]
fn a_list_of_several_pages_is_complete() {
    let (api, cluster) = three_pages();
    let items = cluster.list(&SECRET, None, "").unwrap();
    assert_eq!((names(&items).as_str(), api.take_log().len()), ("abcde", 3));
    assert_eq!(items[4]["kind"], "Secret");
    let mut seen = Vec::new();
    cluster.visit(&SECRET, &mut |item| seen.push(item.clone())).unwrap();
    assert_eq!(names(&seen), "abcde");
    let fields = "type=kubernetes.io/service-account-token";
    let tokens = cluster.list_where(&SECRET, None, Query { fields, ..Query::default() }).unwrap();
    assert_eq!(names(&tokens), "d");
}

#[test]
fn an_expired_list_is_read_again_without_duplicates() {
    let (api, cluster) = three_pages();
    api.with(|state| state.expires_after = Some(1));
    assert_eq!(names(&cluster.list(&SECRET, None, "").unwrap()), "abcde");
    api.with(|state| (state.page, state.always_expires) = (Some(2), true));
    assert!(cluster.list(&SECRET, None, "").unwrap_err().is_expired(), "the number of attempts is limited");
}

/// A cluster that only a wait had reached was treated as not up yet when a connection failed.
#[test]
fn a_starting_cluster_that_a_wait_has_reached_is_up() {
    let api = TestApi::default();
    let node = ObjectRef::global(&NODE, "n1");
    api.put("/api/v1/nodes/n1", json!({"metadata": {"name": "n1"}}));
    let cluster = api.starting(&Gate::open());
    assert!(cluster.glance(&node).unwrap().is_some());
    api.mishap("GET", Mishap::Lost(Trouble::Broken));
    assert!(cluster.find(&node).unwrap().is_some());
}

/// A control plane with a short network failure gave up, because admin.conf had not been used in this run.
#[test]
fn only_a_server_that_has_responded_before_is_waited_for() {
    let patience = Duration::from_mins(1);
    let waited = |enter: fn(Client, Gate, Clock, Duration) -> Cluster| {
        let access = Access {
            server: format!("https://{}", dead_address()),
            trust: Trust::Only(TestCa::new("ca").pem()),
            credentials: Credentials::Anonymous,
            proxies: Proxies::none(),
            via: Via::default(),
        };
        let clock = Clock::fixed(0);
        let cluster = enter(Client::new(access).unwrap(), Gate::open(), clock.clone(), patience);
        assert!(cluster.find(&ObjectRef::global(&NODE, "n1")).is_err());
        clock.monotonic()
    };
    assert_eq!(waited(Cluster::running), Duration::ZERO);
    assert!(waited(Cluster::known) > patience / 2);
}
