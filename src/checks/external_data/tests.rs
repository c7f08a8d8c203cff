use super::*;
use crate::base::https::test_server::{TestCa, TestServer};
use crate::base::https::{Credentials, Trust};
use crate::checks::etcd_client::PREFIX;
use crate::config::model::Arg;
use crate::config::print;
use crate::etcd::Access;
use crate::versions::{Version, table};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const UID: &str = "0f2b3c4d-1111-2222-3333-444455556666";

/// An etcd that answers through its gateway, with these objects.
fn etcd(ca: &TestCa, objects: &[(&str, Vec<u8>)]) -> TestServer {
    let objects: BTreeMap<String, Vec<u8>> =
        objects.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    TestServer::start(&ca.local_leaf(), None, move |request| {
        if request.path != "/v3/kv/range" {
            return (404, "{}".into());
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let text = |name: &str| {
            let bytes = STANDARD.decode(body[name].as_str().unwrap()).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        let (key, end) = (text("key"), text("range_end"));
        let inside = |known: &&String| if end.is_empty() { **known == key } else { **known >= key && **known < end };
        let found: Vec<&String> = objects.keys().filter(inside).collect();
        let kvs: Vec<Value> =
            found.iter().take(1).map(|key| json!({"value": STANDARD.encode(&objects[*key])})).collect();
        (200, json!({"kvs": kvs, "count": found.len().to_string()}).to_string())
    })
}

fn found(objects: &[(&str, Vec<u8>)]) -> Option<Stored> {
    let ca = TestCa::new("etcd-ca");
    let server = etcd(&ca, objects);
    let access =
        Access { endpoints: vec![server.url()], trust: Trust::Only(ca.pem()), credentials: Credentials::Anonymous };
    stored(&Client::new(access).unwrap(), PREFIX).unwrap()
}

/// Objects as an API server stores them: protocol buffers, or JSON.
fn objects(ca: &TestCa) -> Vec<(&'static str, Vec<u8>)> {
    let namespace = [b"k8s\0\x0a\x05\x0a\x02v1\x12\x0bkube-system\x2a\x24", UID.as_bytes(), b"2\0"].concat();
    let config = [b"k8s\0\x12\x0aclient-ca-file\x1a".as_slice(), &ca.pem(), b"\x1a\0"].concat();
    vec![
        ("/registry/namespaces/kube-system", namespace),
        ("/registry/configmaps/kube-system/extension-apiserver-authentication", config),
    ]
}

#[test]
fn an_empty_etcd_and_another_prefix_hold_nothing() {
    assert!(found(&[]).is_none());
    assert!(found(&[("/other/namespaces/kube-system", b"x".to_vec())]).is_none());
    assert!(found(&[("/registry-of-another/a", b"x".to_vec())]).is_none());
}

#[test]
fn a_cluster_is_known_by_the_ca_that_its_api_server_stored() {
    let ca = TestCa::new("kubernetes");
    let stored = found(&objects(&ca)).unwrap();
    let der: Vec<_> = stored.cas.iter().map(|cert| cert.der.clone()).collect();
    assert_eq!((stored.count, stored.uid.as_deref(), der), (2, Some(UID), vec![ca.der()]));
}

#[test]
fn the_ca_is_read_in_every_encoding() {
    let ca = TestCa::new("kubernetes");
    let pem = String::from_utf8(ca.pem()).unwrap();
    let json = json!({"data": {"ca.crt": pem}}).to_string();
    let kubeconfig = format!("clusters:\n- cluster:\n    certificate-authority-data: {}\n", STANDARD.encode(&pem));
    let escaped = json!({"data": {"kubeconfig": kubeconfig}}).to_string();
    for object in [pem.clone(), json, kubeconfig, escaped] {
        let certs = certs_in(object.as_bytes());
        assert_eq!(certs.iter().map(|cert| cert.der.clone()).collect::<Vec<_>>(), [ca.der()], "{object}");
    }
    assert_eq!(certs_in(b"k8s:enc:aescbc:v1:key1:\x01\x02"), []);
}

#[test]
fn the_prefix_is_the_api_servers() {
    let mut cluster = print::default_cluster(Version::new(36, 2), table::facts(36).unwrap());
    assert_eq!(prefix(&cluster), "/registry");
    for (value, wanted) in [("/a", "/a"), ("b/", "/b"), ("/c/d", "/c/d")] {
        cluster.api_server.extra_args.push(Arg { name: "etcd-prefix".into(), value: value.into() });
        assert_eq!(prefix(&cluster), wanted);
    }
}

/// A cluster's kubeadm-config, cluster-info and kube-proxy were overwritten, and its token was printed as our own.
#[test]
fn the_data_of_another_cluster_is_refused_and_our_own_is_not() {
    let [ours, theirs] = ["ours", "theirs"].map(TestCa::new);
    let stored = |ca: Option<&TestCa>| Stored {
        count: 7,
        uid: Some(UID.into()),
        cas: ca.map(|ca| Cert::bundle_from_pem(&ca.pem()).unwrap()).unwrap_or_default(),
    };
    let compared = |here: Option<&TestCa>, there: Option<&TestCa>, has_started, adopts| {
        let certs = here.map(|ca| Cert::bundle_from_pem(&ca.pem()).unwrap()).unwrap_or_default();
        compare_cas(&Here { ca: "/pki/ca.crt".into(), certs, has_started, adopts }, "/registry", &stored(there))
    };
    assert_eq!(compared(Some(&ours), Some(&ours), false, false), None);
    assert_eq!(compared(Some(&ours), None, true, false), None, "a run that was interrupted");
    for (here, there) in [(Some(&ours), Some(&theirs)), (None, Some(&theirs)), (Some(&ours), None), (None, None)] {
        let finding = compared(here, there, false, false).unwrap();
        assert!(finding.vital.is_some() && finding.what.contains(UID), "{finding}");
        assert!(finding.fix.contains("--adopt-existing-etcd-data") && finding.fix.contains("etcd-prefix"), "{finding}");
        let adopted = compared(here, there, false, true).unwrap();
        assert_eq!(adopted.severity, crate::checks::Severity::Warning);
    }
    assert!(compared(Some(&ours), Some(&theirs), true, false).is_some(), "what was started here had another CA");
}
