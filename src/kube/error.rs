//! Errors of requests to the Kubernetes API: not sent, not trusted, or refused.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::https::HttpsError;
use crate::base::masked;
use crate::base::sanitize;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

#[derive(Debug, thiserror::Error)]
pub enum KubeError {
    /// There was no response.
    #[error(transparent)]
    Transport(#[from] HttpsError),
    /// The server refused the request.
    #[error("the API server refused to {what}: {message}")]
    Status {
        /// The request: `update ConfigMap kube-system/kubeadm-config`.
        what: String,
        code: u16,
        /// The API's reason, such as `AlreadyExists`; may be empty.
        reason: String,
        /// The message of the server.
        message: String,
    },
    /// The response is not valid.
    #[error("cannot parse the API server's response to {what}")]
    Answer {
        /// The request.
        what: String,
        /// The parse error.
        #[source]
        source: serde_json::Error,
    },
    /// The server's address is invalid.
    #[error("{address:?} is not the address of an API server, such as https://10.0.0.1:6443")]
    Address { address: String },
    /// The name for the server's certificate in a kubeconfig cannot be used.
    #[error("the tls-server-name {name:?} of the kubeconfig cannot be used: {reason}")]
    ServerName { name: String, reason: &'static str },
    /// The proxy in a kubeconfig cannot be used. It may have a password, so it is not shown.
    #[error("the proxy-url of the kubeconfig is not the address of an HTTP proxy")]
    Proxy,
    /// A patch cannot be applied to the object.
    #[error("cannot patch {object}: {problem}")]
    Patch { object: String, problem: String },
    /// An object without a kind, name or namespace that the API knows.
    #[error("this is not a Kubernetes object that can be sent: {shown}")]
    NoObject {
        /// Its kind and name, if any.
        shown: String,
    },
}

impl KubeError {
    /// The error in a response of the API server. `body` is a Status object or, from a proxy in between, any text; it
    /// may come from a server that is not verified yet, so it is sanitized; an admission webhook may quote a Secret, so what
    /// looks like one is masked.
    pub fn of_answer(what: impl Into<String>, code: u16, body: &[u8]) -> Self {
        Self::of_refusal(what, code, body, None)
    }

    /// The same for a request with an object, whose values the response may quote if it is a Secret.
    pub fn of_refusal(what: impl Into<String>, code: u16, body: &[u8], sent: Option<&Value>) -> Self {
        let secrets = sent.map(values).unwrap_or_default();
        let status: Value = serde_json::from_slice(body).unwrap_or_default();
        let shown = |text: &str| sanitize::line(&masked::foreign(&masked::without(text, &secrets)));
        let reason = sanitize::line(status["reason"].as_str().unwrap_or_default());
        let message = match status["message"].as_str() {
            Some(message) if !message.is_empty() => shown(message),
            _ => match shown(&String::from_utf8_lossy(body)) {
                text if text.is_empty() => format!("HTTP status {code}"),
                text => text,
            },
        };
        Self::Status { what: what.into(), code, reason, message }
    }

    /// The object does not exist.
    pub fn is_not_found(&self) -> bool {
        self.code() == Some(404)
    }

    /// The object was changed in the meantime.
    pub fn is_conflict(&self) -> bool {
        self.code() == Some(409) && !self.is_already_exists()
    }

    /// The list that was being read has expired and cannot be continued.
    pub fn is_expired(&self) -> bool {
        self.code() == Some(410)
    }

    /// The object to be created already exists.
    pub fn is_already_exists(&self) -> bool {
        matches!(self, Self::Status { reason, .. } if reason == "AlreadyExists")
    }

    /// The user is authenticated, but lacks the permission.
    pub fn is_forbidden(&self) -> bool {
        self.code() == Some(403)
    }

    /// The user is not authenticated.
    pub fn is_unauthorized(&self) -> bool {
        self.code() == Some(401)
    }

    /// A Pod's disruption budget does not allow its eviction now, or the server is overloaded.
    pub fn is_too_many_requests(&self) -> bool {
        self.code() == Some(429)
    }

    /// The server is unreachable.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Transport(error) if error.trouble == crate::base::https::Trouble::Refused)
    }

    /// True if the request certainly changed nothing, so that sending any request again is safe.
    pub fn changed_nothing(&self) -> bool {
        match self {
            Self::Transport(error) => error.before_sending(),
            // A gateway, or a server that lost etcd in between, may have applied the request.
            Self::Status { code, .. } => *code < 500 || *code == 503,
            Self::Answer { .. } => false,
            Self::Address { .. }
            | Self::ServerName { .. }
            | Self::Proxy
            | Self::Patch { .. }
            | Self::NoObject { .. } => true,
        }
    }

    fn code(&self) -> Option<u16> {
        match self {
            Self::Status { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// The values of a Secret, encoded and decoded, the longest first.
fn values(object: &Value) -> Vec<String> {
    if object["kind"] != "Secret" {
        return Vec::new();
    }
    let texts = ["data", "stringData"].into_iter().filter_map(|field| object[field].as_object());
    let mut values: Vec<String> =
        texts.flat_map(|map| map.values()).filter_map(Value::as_str).map(str::to_owned).collect();
    let decoded = |text: &String| String::from_utf8(STANDARD.decode(text).ok()?).ok();
    values.extend(values.iter().filter_map(decoded).collect::<Vec<_>>());
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    // The usages and the description of a token are no secrets.
    values.retain(|value| !matches!(value.as_str(), "true" | "false" | "dHJ1ZQ==" | "ZmFsc2U="));
    values
}

impl Fault for KubeError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Transport(error) => error.exit_code(),
            Self::Status { .. } | Self::Answer { .. } => ExitCode::Unreachable,
            Self::Address { .. } | Self::ServerName { .. } | Self::Proxy | Self::Patch { .. } => ExitCode::Input,
            Self::NoObject { .. } => ExitCode::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Transport(error) => error.hint(),
            Self::Status { code: 401, .. } => Some(
                "the credentials are not (or no longer) valid: run 'kubewright certs check-expiration' on a control plane".into(),
            ),
            Self::Status { code: 403, .. } => Some(
                "use credentials that may do this, such as '--kubeconfig /etc/kubernetes/admin.conf' (from v1.29 on super-admin.conf where RBAC itself is broken)"
                    .into(),
            ),
            Self::Status { code: 409, .. } => Some("another client changed the object at the same time: run the command again".into()),
            Self::Status { code: 429 | 500..=599, .. } => {
                Some("run 'kubectl get --raw /readyz?verbose' to see what the API server waits for, then the command again".into())
            }
            Self::Answer { .. } => Some("another server than the API server may respond there: run 'kubectl version' with the same kubeconfig".into()),
            Self::Address { .. } => Some("write the address as https://HOST:PORT".into()),
            Self::ServerName { .. } => Some(
                "use an address of the API server that its certificate has, or set tls-server-name to one of the certificate's DNS names".into(),
            ),
            Self::Proxy => Some("write proxy-url as http://HOST:PORT or https://HOST:PORT".into()),
            Self::Patch { .. } => Some("run 'kubectl get -o yaml' on the object and correct the patch".into()),
            Self::Status { .. } | Self::NoObject { .. } => None,
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Transport(error) => error.retryable(),
            Self::Status { code: 429 | 502..=504, .. } => true,
            // While etcd elects a leader, or loses one in the meantime, the server responds with 500 and etcd's
            // message.
            Self::Status { code: 500, message, reason, .. } => {
                reason == "ServerTimeout"
                    || message.contains("etcdserver: ")
                    || message.contains("context deadline exceeded")
                    // Its connection to an etcd that stops breaks in the middle of a request.
                    || (message.starts_with("rpc error: code = ") && message.contains("transport: "))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, reason: &str, message: &str) -> KubeError {
        let body = serde_json::json!({"kind": "Status", "reason": reason, "message": message});
        KubeError::of_answer("create Secret a/b", code, body.to_string().as_bytes())
    }

    #[test]
    fn reasons_are_distinguished() {
        assert!(status(404, "NotFound", "").is_not_found());
        assert!(status(409, "Conflict", "").is_conflict());
        let there = status(409, "AlreadyExists", "");
        assert!(there.is_already_exists() && !there.is_conflict());
        assert!(status(403, "Forbidden", "").is_forbidden());
        assert!(status(401, "Unauthorized", "").is_unauthorized());
    }

    #[test]
    fn only_temporary_failures_are_retried() {
        for (code, message, expected) in [
            (429, "", true),
            (503, "", true),
            (504, "", true),
            (500, "etcdserver: leader changed", true),
            (500, "rpc error: code = Unavailable desc = etcdserver: request timed out", true),
            (
                500,
                "rpc error: code = Unknown desc = OK: HTTP status code 200; transport: missing content-type field",
                true,
            ),
            (500, "nil pointer", false),
            (404, "", false),
            (409, "", false),
            (403, "", false),
            (401, "", false),
            (422, "", false),
        ] {
            assert_eq!(status(code, "", message).retryable(), expected, "{code} {message}");
        }
        assert!(!status(500, "InternalError", "etcdserver: leader changed").changed_nothing());
    }

    #[test]
    fn a_response_without_a_status_object_is_shortened() {
        let error = KubeError::of_answer("read Node n1", 502, b"<html>Bad Gateway</html>\n");
        assert_eq!(error.to_string(), "the API server refused to read Node n1: <html>Bad Gateway</html>");
        assert_eq!(KubeError::of_answer("x", 503, b"").to_string(), "the API server refused to x: HTTP status 503");
    }

    #[test]
    fn messages_of_a_server_cannot_control_the_terminal() {
        let error = status(403, "Forbidden", "\u{1b}[2Jall is well\r\n");
        assert_eq!(error.to_string(), "the API server refused to create Secret a/b:  [2Jall is well");
        let long = status(403, "Forbidden", &"x".repeat(100_000)).to_string();
        assert!(long.len() < 400, "{} bytes", long.len());
    }

    /// An admission webhook quoted the Secret that it refused.
    #[test]
    fn a_refusal_does_not_quote_the_secret_that_was_sent() {
        let sent = serde_json::json!({"kind": "Secret", "data": {"token-secret": "c2VjcmV0IHdvcmRz"},
            "stringData": {"x": "open sesame"}});
        let message = "webhook denied: c2VjcmV0IHdvcmRz, 'secret words', open sesame, {\"password\":\"hunter22\"}";
        let body = serde_json::json!({"reason": "Forbidden", "message": message}).to_string();
        let error = KubeError::of_refusal("create Secret a/b", 403, body.as_bytes(), Some(&sent)).to_string();
        assert_eq!(
            error,
            "the API server refused to create Secret a/b: webhook denied: ***, '***', ***, {\"password\":\"***\"}"
        );
    }

    #[test]
    fn errors_that_a_user_can_fix_have_a_hint() {
        for code in [401, 403, 409, 429, 500, 503] {
            assert!(status(code, "", "").hint().is_some(), "{code}");
        }
    }
}
