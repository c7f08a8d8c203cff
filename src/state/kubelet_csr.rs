//! The state of a kubelet's certificate signing request.
//!
//! Reads: listed `CertificateSigningRequest` objects. Writes nothing.

use crate::pki::subject::Subject;
use serde_json::Value;

/// The state of a request.
#[derive(Debug)]
pub(crate) struct RequestState {
    pub(crate) text: String,
    /// It explains why the certificate is missing.
    pub(crate) explains: bool,
}

impl RequestState {
    fn reason(text: String) -> Self {
        Self { text, explains: true }
    }

    pub(crate) fn open(text: String) -> Self {
        Self { text, explains: false }
    }
}

/// The state of this node's request; of several, of the newest. With a discovery file the requester is not a bootstrap
/// token, so any requester counts.
pub(crate) fn state_of(requests: &[Value], node: &str) -> RequestState {
    let user = format!("system:node:{node}");
    let is_ours = |request: &&Value| asks_for(request).is_some_and(|name| name == user);
    let made = |request: &&Value| request["metadata"]["creationTimestamp"].as_str().map(str::to_owned);
    let Some(request) = requests.iter().filter(is_ours).max_by_key(made) else {
        return RequestState::open("it has not requested a certificate".into());
    };
    let name = request["metadata"]["name"].as_str().unwrap_or_default();
    let conditions = request["status"]["conditions"].as_array();
    let has = |kind: &str| conditions.into_iter().flatten().find(|condition| condition["type"] == kind);
    let why = |condition: &Value| condition["message"].as_str().unwrap_or("no reason given").to_owned();
    if let Some(denied) = has("Denied") {
        return RequestState::reason(format!("its request {name} was denied: {}", why(denied)));
    }
    if let Some(failed) = has("Failed") {
        return RequestState::reason(format!("its request {name} could not be signed: {}", why(failed)));
    }
    match (has("Approved"), request["status"]["certificate"].as_str()) {
        (None, _) => RequestState::reason(format!(
            "its request {name} is waiting for approval ('kubectl certificate approve {name}')"
        )),
        (Some(_), None) => RequestState::reason(format!(
            "its request {name} is approved, but kube-controller-manager has not signed it"
        )),
        (Some(_), Some(_)) => {
            RequestState::open(format!("its request {name} was signed, but it has not fetched the certificate"))
        }
    }
}

/// The node whose certificate is requested.
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

    /// A request of a node's kubelet.
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
    fn the_request_of_another_node_is_ignored() {
        let denied = json!({"conditions": [{"type": "Denied", "message": "no"}]});
        let requests =
            [request("later", "n1", &denied), request("last-of-all", "n2", &json!({})), request("x", "n1", &json!({}))];
        assert!(state_of(&requests, "n1").text.contains("later was denied"), "{:?}", state_of(&requests, "n1"));
        assert_eq!(state_of(&requests, "n3").text, "it has not requested a certificate");
    }

    #[test]
    fn every_state_of_a_request_is_reported() {
        let text_of = |status: &Value| state_of(&[request("csr-1", "n1", status)], "n1").text;
        assert!(text_of(&json!({})).contains("is waiting for approval"));
        let approved = json!([{"type": "Approved"}]);
        assert!(text_of(&json!({"conditions": approved})).contains("has not signed it"));
        assert!(text_of(&json!({"conditions": approved, "certificate": "x"})).contains("not fetched"));
        assert!(text_of(&json!({"conditions": [{"type": "Denied", "message": "no"}]})).ends_with("was denied: no"));
        let others = json!({"metadata": {"name": "x"}, "spec": {"username": "system:node:n1"}});
        assert_eq!(state_of(&[others], "n1").text, "it has not requested a certificate");
    }

    /// A kubelet that joined with a discovery file uses the credentials in it, and its request was not found.
    #[test]
    fn a_request_with_the_credentials_of_a_discovery_file_is_found() {
        let mut request = request("csr-1", "n1", &json!({}));
        request["spec"]["username"] = json!("kubernetes-admin");
        assert!(state_of(&[request], "n1").text.contains("is waiting for approval"));
    }

    #[test]
    fn the_cause_is_searched_on_this_host_if_the_request_does_not_contain_it() {
        let explains = |status: &Value| state_of(&[request("csr-1", "n1", status)], "n1").explains;
        assert!(!state_of(&[], "n1").explains);
        let approved = json!([{"type": "Approved"}]);
        assert!(!explains(&json!({"conditions": approved, "certificate": "x"})));
        assert!(explains(&json!({"conditions": approved})) && explains(&json!({})));
        let failed = json!({"conditions": [{"type": "Approved"}, {"type": "Failed", "message": "bad usages"}]});
        assert!(explains(&failed));
    }
}
