//! Bootstrap tokens, with which a host finds and joins a cluster.
//!
//! Reads and writes: the Secrets `kube-system/bootstrap-token-ID`, in the format that the token authenticator and the
//! cluster-info signer of Kubernetes read.

use super::cluster::Cluster;
use super::error::KubeError;
use super::kind::{ObjectRef, SECRET};
use super::request::Query;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Fault};
use crate::base::files::Written;
use crate::base::secret::Secret;
use crate::config::model::BootstrapToken;
use crate::config::problem::Complaint;
use crate::config::validate::token as rules;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
pub use rules::USAGES;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The namespace of the Secrets.
const NAMESPACE: &str = "kube-system";
/// The type of the Secrets.
const SECRET_TYPE: &str = "bootstrap.kubernetes.io/token";
/// The prefix of their names.
const NAME_PREFIX: &str = "bootstrap-token-";

/// A problem with a bootstrap token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It does not have the format of a token. The text itself is not shown: it may be a mistyped secret.
    #[error("this is not a bootstrap token: {problem}")]
    Malformed {
        /// The problem of its format.
        problem: &'static str,
    },
    /// Parts of it are not allowed; all of them are named.
    #[error("the bootstrap token {id} cannot be used: {}", problems.join("; "))]
    Invalid {
        /// The public part.
        id: String,
        /// Every problem.
        problems: Vec<String>,
    },
    /// A token with this id already exists.
    #[error("the bootstrap token {id} already exists")]
    Exists {
        /// The public part.
        id: String,
    },
}

impl Fault for TokenError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Malformed { .. } | Self::Invalid { .. } => ExitCode::Input,
            Self::Exists { .. } => ExitCode::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed { .. } => Some("run 'kubewright token generate' to generate one".into()),
            Self::Invalid { id, .. } => {
                Some(format!("correct it, or run 'kubewright token delete {id}' if it is in the cluster"))
            }
            Self::Exists { id } => {
                Some(format!("run 'kubewright token delete {id}' first, or omit the token to generate a new one"))
            }
        }
    }
}

/// The two parts of a token: `ID.SECRET`.
pub fn parse(text: &str) -> Result<(&str, &str), TokenError> {
    let malformed = |problem| TokenError::Malformed { problem };
    let (id, secret) =
        text.split_once('.').ok_or_else(|| malformed("it has no dot; the format is abcdef.0123456789abcdef"))?;
    check_id(id)?;
    if secret.len() != 16 || !is_plain(secret) {
        return Err(malformed("the part after the dot must be 16 letters a to z or digits"));
    }
    Ok((id, secret))
}

/// The id in user input: an id, or a whole token.
pub fn id_of(text: &str) -> Result<&str, TokenError> {
    if text.contains('.') { parse(text).map(|(id, _)| id) } else { check_id(text).map(|()| text) }
}

/// When the token expires, in seconds since the epoch; None: never. Its `ttl` starts at `now`.
pub fn ends_at(token: &BootstrapToken, now: i64) -> Option<i64> {
    match (&token.expires, token.ttl) {
        (Some(text), _) => OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp),
        (None, Some(ttl)) if !ttl.is_zero() => {
            Some(now.saturating_add(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX)))
        }
        (None, _) => None,
    }
}

/// Checks that Kubernetes accepts the token: its format, usages, groups and expiry.
pub fn check(token: &BootstrapToken) -> Result<(), TokenError> {
    let (id, _) = parse(token.token.expose())?;
    let problems = problems_of(token);
    if problems.is_empty() { Ok(()) } else { Err(TokenError::Invalid { id: id.into(), problems }) }
}

/// The token in a Secret.
pub fn from_secret(secret: &Value) -> Result<BootstrapToken, TokenError> {
    let field = |key: &str| {
        let bytes = STANDARD.decode(secret["data"][key].as_str()?).ok()?;
        String::from_utf8(bytes).ok()
    };
    let name = secret["metadata"]["name"].as_str().unwrap_or_default();
    let text =
        Secret::new(format!("{}.{}", field("token-id").unwrap_or_default(), field("token-secret").unwrap_or_default()));
    let (id, _) = parse(text.expose())?;
    let mut problems = Vec::new();
    if name.strip_prefix(NAME_PREFIX) != Some(id) {
        problems.push(format!("its Secret is named {name}"));
    }
    let expires = field("expiration").filter(|text| !text.is_empty());
    if expires.as_deref().is_some_and(|text| OffsetDateTime::parse(text, &Rfc3339).is_err()) {
        problems.push("its expiration is not an RFC 3339 time".into());
    }
    if !problems.is_empty() {
        return Err(TokenError::Invalid { id: id.into(), problems });
    }
    let groups = field("auth-extra-groups").unwrap_or_default();
    Ok(BootstrapToken {
        description: field("description").unwrap_or_default(),
        ttl: None,
        expires,
        usages: USAGES
            .iter()
            .filter(|usage| field(&format!("usage-bootstrap-{usage}")).as_deref() == Some("true"))
            .map(ToString::to_string)
            .collect(),
        groups: groups.split(',').filter(|group| !group.is_empty()).map(str::to_owned).collect(),
        token: text,
    })
}

/// Stores a new token; `secret` is its Secret.
pub fn create(cluster: &Cluster, token: &BootstrapToken, secret: &Value) -> Result<(), Failure> {
    check(token)?;
    match cluster.create_or_retain(secret)? {
        Written::Created => Ok(()),
        Written::Changed | Written::Unchanged => {
            Err(TokenError::Exists { id: parse(token.token.expose())?.0.into() }.into())
        }
    }
}

/// Every token in the cluster, and the problems of those that cannot be parsed.
pub fn list(cluster: &Cluster) -> Result<(Vec<BootstrapToken>, Vec<TokenError>), KubeError> {
    let fields = format!("type={SECRET_TYPE}");
    let secrets = cluster.list_where(&SECRET, Some(NAMESPACE), Query { fields: &fields, ..Query::default() })?;
    let (mut tokens, mut broken) = (Vec::new(), Vec::new());
    for secret in secrets.iter().filter(|secret| secret["type"] == SECRET_TYPE) {
        match from_secret(secret) {
            Ok(token) => tokens.push(token),
            Err(error) => broken.push(error),
        }
    }
    Ok((tokens, broken))
}

/// Deletes the token with this id; true if it existed.
pub fn delete(cluster: &Cluster, id_or_token: &str) -> Result<bool, Failure> {
    let id = id_of(id_or_token)?;
    Ok(cluster.delete(&ObjectRef::new(&SECRET, NAMESPACE, &format!("{NAME_PREFIX}{id}")))?)
}

fn check_id(id: &str) -> Result<(), TokenError> {
    if id.len() == 6 && is_plain(id) {
        return Ok(());
    }
    Err(TokenError::Malformed { problem: "the part before the dot must be 6 letters a to z or digits" })
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// Every problem of a token that the API's readers would not accept.
fn problems_of(token: &BootstrapToken) -> Vec<String> {
    let mut problems = Vec::new();
    let with_help = |complaint: Complaint| match complaint.help {
        Some(help) => format!("{}; {help}", complaint.what),
        None => complaint.what,
    };
    problems.extend(token.usages.iter().filter_map(|text| rules::usage(text).err()).map(with_help));
    if token.usages.is_empty() {
        problems.push(format!("it has no usages (known: {})", USAGES.join(", ")));
    }
    problems.extend(token.groups.iter().filter_map(|text| rules::group(text).err()).map(with_help));
    if !token.groups.is_empty() && !token.usages.iter().any(|usage| usage == "authentication") {
        problems.push("groups need the usage authentication".into());
    }
    if token.expires.as_deref().is_some_and(|text| OffsetDateTime::parse(text, &Rfc3339).is_err()) {
        problems.push("its expiry is not an RFC 3339 time such as 2030-01-31T12:00:00Z".into());
    }
    problems
}

#[cfg(test)]
mod tests;
