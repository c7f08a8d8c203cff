//! What became of a kubelet's request for a certificate.
//!
//! Reads: `CertificateSigningRequest` objects that were listed. Writes nothing.

use crate::pki::subject::Subject;
use serde_json::Value;

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Fate {
    pub(crate) text: String,
    /// It is the reason why there is no certificate.
    pub(crate) says_why: bool,
}

impl Fate {
    fn reason(text: String) -> Self {
        Self { text, says_why: true }
    }

    pub(crate) fn open(text: String) -> Self {
        Self { text, says_why: false }
    }
}

/// What became of this node's request; of several, of the one made last. With a discovery file it is not a token that
/// asks, so whoever asks counts.
pub(crate) fn fate(requests: &[Value], node: &str) -> Fate {
    let user = format!("system:node:{node}");
    let is_ours = |request: &&Value| asks_for(request).is_some_and(|name| name == user);
    let made = |request: &&Value| request["metadata"]["creationTimestamp"].as_str().map(str::to_owned);
    let Some(request) = requests.iter().filter(is_ours).max_by_key(made) else {
        return Fate::open("it has not asked for one".into());
    };
    let name = request["metadata"]["name"].as_str().unwrap_or_default();
    let conditions = request["status"]["conditions"].as_array();
    let has = |kind: &str| conditions.into_iter().flatten().find(|condition| condition["type"] == kind);
    let why = |condition: &Value| condition["message"].as_str().unwrap_or("no reason given").to_owned();
    if let Some(denied) = has("Denied") {
        return Fate::reason(format!("its request {name} was denied: {}", why(denied)));
    }
    if let Some(failed) = has("Failed") {
        return Fate::reason(format!("its request {name} could not be signed: {}", why(failed)));
    }
    match (has("Approved"), request["status"]["certificate"].as_str()) {
        (None, _) => {
            Fate::reason(format!("its request {name} waits for approval ('kubectl certificate approve {name}')"))
        }
        (Some(_), None) => {
            Fate::reason(format!("its request {name} is approved, but kube-controller-manager has not signed it"))
        }
        (Some(_), Some(_)) => {
            Fate::open(format!("its request {name} was granted, but it has not fetched the certificate"))
        }
    }
}

/// Whose certificate a request is for.
fn asks_for(request: &Value) -> Option<String> {
    Subject::of_request(request["spec"]["request"].as_str()?).map(|subject| subject.common_name)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::model::KeyAlgorithm;
    use crate::pki::sans::Sans;
    use crate::pki::{Generator, KeySource, issue};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    /// A request that a node's kubelet made.
    pub fn request(name: &str, node: &str, status: &Value) -> Value {
        let key = Generator.take(KeyAlgorithm::EcdsaP256).unwrap();
        let subject = Subject::new(format!("system:node:{node}"), &["system:nodes"]);
        let pem = issue::request(&subject, &Sans::default(), &key).unwrap();
        json!({
            "metadata": {"name": name, "creationTimestamp": format!("2026-01-01T00:00:0{}Z", name.len())},
            "spec": {"username": "system:bootstrap:abcdef", "request": STANDARD.encode(pem)},
            "status": status
        })
    }

    #[test]
    fn the_request_of_another_node_is_not_taken_for_ours() {
        let denied = json!({"conditions": [{"type": "Denied", "message": "no"}]});
        let requests =
            [request("later", "n1", &denied), request("last-of-all", "n2", &json!({})), request("x", "n1", &json!({}))];
        assert!(fate(&requests, "n1").text.contains("later was denied"), "{:?}", fate(&requests, "n1"));
        assert_eq!(fate(&requests, "n3").text, "it has not asked for one");
    }

    #[test]
    fn every_state_of_a_request_is_told() {
        let told = |status: &Value| fate(&[request("csr-1", "n1", status)], "n1").text;
        assert!(told(&json!({})).contains("waits for approval"));
        let approved = json!([{"type": "Approved"}]);
        assert!(told(&json!({"conditions": approved})).contains("has not signed it"));
        assert!(told(&json!({"conditions": approved, "certificate": "x"})).contains("not fetched"));
        assert!(told(&json!({"conditions": [{"type": "Denied", "message": "no"}]})).ends_with("was denied: no"));
        let others = json!({"metadata": {"name": "x"}, "spec": {"username": "system:node:n1"}});
        assert_eq!(fate(&[others], "n1").text, "it has not asked for one");
    }

    /// Who joined with a discovery file asks with the credentials in it, and was told not to have asked.
    #[test]
    fn a_request_made_with_the_credentials_of_a_discovery_file_is_ours_too() {
        let mut request = request("csr-1", "n1", &json!({}));
        request["spec"]["username"] = json!("kubernetes-admin");
        assert!(fate(&[request], "n1").text.contains("waits for approval"));
    }

    #[test]
    fn this_host_is_asked_for_the_cause_where_the_request_does_not_tell_it() {
        let says_why = |status: &Value| fate(&[request("csr-1", "n1", status)], "n1").says_why;
        assert!(!fate(&[], "n1").says_why);
        let approved = json!([{"type": "Approved"}]);
        assert!(!says_why(&json!({"conditions": approved, "certificate": "x"})));
        assert!(says_why(&json!({"conditions": approved})) && says_why(&json!({})));
        let failed = json!({"conditions": [{"type": "Approved"}, {"type": "Failed", "message": "bad usages"}]});
        assert!(says_why(&failed));
    }
}
