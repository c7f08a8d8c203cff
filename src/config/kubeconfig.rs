//! Kubeconfig files: read, changed and written without losing unknown fields.
//!
//! No schema of kubeconfig files is enforced; people and cloud tools add their own fields. All of them are preserved.

use super::tree::Node;
use super::untrusted;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::files::Content;
use crate::base::secret::Secret;
use crate::base::yaml::{self, YamlError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use std::path::{Path, PathBuf};

mod bytes;

pub use bytes::{Base64, SecretBase64, SecretText};

/// The file is not a kubeconfig.
#[derive(Debug, thiserror::Error)]
#[error("{} is not a kubeconfig: {reason}", path.display())]
pub struct KubeconfigError {
    pub path: PathBuf,
    /// With line and column if the parser reports them.
    pub reason: String,
}

impl Fault for KubeconfigError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(format!("run 'kubectl config view --kubeconfig {}' to inspect it", self.path.display()))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kubeconfig {
    #[serde(default)]
    pub api_version: String,
    #[serde(default, deserialize_with = "null_as_default")]
    pub clusters: Vec<NamedCluster>,
    /// Pairs of a cluster and a user.
    #[serde(default, deserialize_with = "null_as_default")]
    pub contexts: Vec<NamedContext>,
    /// The default context.
    #[serde(default, rename = "current-context")]
    pub current_context: String,
    #[serde(default)]
    pub kind: String,
    #[serde(default, deserialize_with = "null_as_default")]
    pub users: Vec<NamedUser>,
    /// Unknown fields.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A named cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedCluster {
    pub cluster: Cluster,
    pub name: String,
}

/// The address and the CA of an API server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cluster {
    /// The path of the CA certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_authority: Option<String>,
    /// The CA certificates as PEM; take precedence over the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_authority_data: Option<Base64>,
    #[serde(default)]
    pub server: String,
    /// Unknown fields.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A named context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedContext {
    pub context: Context,
    pub name: String,
}

/// A cluster and a user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// The name of the cluster.
    #[serde(default)]
    pub cluster: String,
    /// The name of the user.
    #[serde(default)]
    pub user: String,
    /// Other fields, such as the namespace.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A named user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedUser {
    pub name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    pub user: User,
}

/// Credentials.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct User {
    /// The path of the client certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// The client certificate as PEM; takes precedence over the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate_data: Option<Base64>,
    /// The path of the client key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_key: Option<String>,
    /// The client key as PEM; takes precedence over the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_key_data: Option<SecretBase64>,
    /// A bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretText>,
    /// Other fields, such as `exec` and `tokenFile`.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl fmt::Debug for User {
    /// Unknown fields may be secrets too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("User(***)")
    }
}

impl Kubeconfig {
    /// A kubeconfig for one user of one cluster. Its context is `USER@CLUSTER`, as in kubeadm.
    pub fn new(cluster_name: &str, server: String, ca_pem: String, user_name: &str, user: User) -> Self {
        let context = format!("{user_name}@{cluster_name}");
        let cluster =
            Cluster { certificate_authority_data: Some(Base64(ca_pem.into_bytes())), server, ..Cluster::default() };
        Self {
            api_version: "v1".into(),
            clusters: vec![NamedCluster { cluster, name: cluster_name.into() }],
            contexts: vec![NamedContext {
                context: Context { cluster: cluster_name.into(), user: user_name.into(), more: Map::new() },
                name: context.clone(),
            }],
            current_context: context,
            kind: "Config".into(),
            users: vec![NamedUser { name: user_name.into(), user }],
            more: Map::new(),
        }
    }

    /// Parses a kubeconfig; `path` is only used in the error.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, KubeconfigError> {
        let error = |reason: String| KubeconfigError { path: path.to_path_buf(), reason };
        let document = untrusted::document(bytes).map_err(|e| error(e.to_string()))?;
        Self::of_document(&document).map_err(error)
    }

    /// The kubeconfig in a document, or why it is not one.
    pub fn of_document(document: &Node) -> Result<Self, String> {
        // An empty kind is accepted, as in kubectl.
        match document.entry("kind").and_then(|entry| entry.value.text()) {
            None | Some("" | "Config") => untrusted::typed(document).map_err(|e| e.to_string()),
            Some(kind) if is_kind(kind) => Err(format!("its kind is {kind:?} instead of \"Config\"")),
            Some(_) => Err("its kind is not \"Config\"".into()),
        }
    }

    /// The file's text, including secrets.
    pub fn to_yaml(&self) -> Result<Secret<String>, YamlError> {
        yaml::to_string(self).map(Secret::new)
    }

    /// The content to write, which is displayed without keys, tokens and passwords.
    pub fn content(&self) -> Result<Content, YamlError> {
        let text = self.to_yaml()?;
        let former = |bytes: &[u8]| Self::parse(Path::new(""), bytes).ok()?.masked().ok();
        Ok(Content::secret(text.expose().as_bytes(), self.masked()?).with_former(former))
    }

    /// The file's text for display: keys, tokens, passwords and unknown fields of users are `***`.
    pub fn masked(&self) -> Result<String, YamlError> {
        let mut copy = self.clone();
        for named in &mut copy.clusters {
            if let Some(Value::String(proxy)) = named.cluster.more.get_mut("proxy-url")
                && let Some((before, host)) = proxy.rsplit_once('@')
            {
                let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
                *proxy = format!("{scheme}://***@{host}");
            }
        }
        for named in &mut copy.users {
            let user = &mut named.user;
            for secret in [&mut user.token, &mut user.password].into_iter().flatten() {
                *secret = SecretText(Secret::new("***".into()));
            }
            for value in user.more.values_mut() {
                *value = Value::String("***".into());
            }
            if user.client_key_data.take().is_some() {
                user.more.insert("client-key-data".into(), Value::String("***".into()));
            }
        }
        yaml::to_string(&copy)
    }

    /// The cluster of the current context.
    pub fn current_cluster(&self) -> Option<&Cluster> {
        let name = &self.current()?.cluster;
        self.clusters.iter().find(|c| &c.name == name).map(|c| &c.cluster)
    }

    /// The user of the current context.
    pub fn current_user(&self) -> Option<&User> {
        let name = &self.current()?.user;
        self.users.iter().find(|u| &u.name == name).map(|u| &u.user)
    }

    /// The cluster of the current context, mutable.
    pub fn current_cluster_mut(&mut self) -> Option<&mut Cluster> {
        let name = self.current()?.cluster.clone();
        self.clusters.iter_mut().find(|c| c.name == name).map(|c| &mut c.cluster)
    }

    /// The user of the current context, mutable.
    pub fn current_user_mut(&mut self) -> Option<&mut User> {
        let name = self.current()?.user.clone();
        self.users.iter_mut().find(|u| u.name == name).map(|u| &mut u.user)
    }

    /// Merges the current context of `other` with its cluster and user, makes it the current one, and returns its name.
    /// An item of the same name is replaced if it has the same address, and kept otherwise: then the new one gets a
    /// number.
    pub fn merge(&mut self, other: &Self) -> String {
        let (Some(context), Some(cluster), Some(user)) =
            (other.current(), other.current_cluster(), other.current_user())
        else {
            return self.current_context.clone();
        };
        if self.kind.is_empty() {
            self.kind = "Config".into();
        }
        if self.api_version.is_empty() {
            self.api_version = "v1".into();
        }
        let is_free = |suffix: &String| {
            let name = format!("{}{suffix}", context.cluster);
            match self.clusters.iter().find(|named| named.name == name) {
                Some(known) => known.cluster.server == cluster.server,
                None => self.users.iter().all(|known| known.name != format!("{}{suffix}", context.user)),
            }
        };
        let numbers = (1..).map(|number| if number == 1 { String::new() } else { format!("-{number}") });
        let suffix = numbers.into_iter().find(is_free).unwrap_or_default();
        let named = |name: &str| format!("{name}{suffix}");
        let (cluster_name, user_name) = (named(&context.cluster), named(&context.user));
        let context_name = named(&other.current_context);
        put(&mut self.clusters, NamedCluster { cluster: cluster.clone(), name: cluster_name.clone() }, |c| &c.name);
        put(&mut self.users, NamedUser { name: user_name.clone(), user: user.clone() }, |u| &u.name);
        let context = Context { cluster: cluster_name, user: user_name, ..context.clone() };
        put(&mut self.contexts, NamedContext { context, name: context_name.clone() }, |c| &c.name);
        self.current_context.clone_from(&context_name);
        context_name
    }

    fn current(&self) -> Option<&Context> {
        self.contexts.iter().find(|c| c.name == self.current_context).map(|c| &c.context)
    }
}

/// True for a word that can be a kind, so that it may be displayed.
fn is_kind(text: &str) -> bool {
    text.len() < 40
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.bytes().all(|b| b.is_ascii_alphabetic())
}

/// Replaces the item of the same name, or appends the new one.
fn put<T>(items: &mut Vec<T>, item: T, name: fn(&T) -> &str) {
    match items.iter_mut().find(|known| name(known) == name(&item)) {
        Some(known) => *known = item,
        None => items.push(item),
    }
}

/// Some tools write `clusters: null` for an empty list.
fn null_as_default<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests;
