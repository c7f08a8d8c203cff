//! A line of `hosts`: how the host is reached, and what it is in the cluster.

use super::target::{Target, user_name};
use crate::base::suggest::similar;
use crate::config::problem::{Complaint, Place, Report};
use crate::config::schema::{ROLES, SUDO};
use crate::config::tree::{Mark, Node, Value};
use crate::config::validate::choice::{TAINT_EFFECTS, one_of};
use crate::config::validate::{Validated, name, net};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

/// What a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    ControlPlane,
    Worker,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ControlPlane => "control plane",
            Self::Worker => "worker",
        })
    }
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Taint {
    pub key: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
    pub effect: String,
}

impl Taint {
    /// Parses `KEY[=VALUE]:EFFECT`, as kubectl does.
    fn parse(text: &str) -> Validated<Self> {
        let Some((rest, effect)) = text.rsplit_once(':') else {
            let help = "write KEY=VALUE:EFFECT, such as 'dedicated=db:NoSchedule'";
            return Err(Complaint::with_help(format!("{text:?} has no effect"), help));
        };
        let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
        if !name::is_label_value(value) {
            return Err(Complaint::new(format!("{value:?} is not the value of a taint")));
        }
        let effect = one_of(effect, &TAINT_EFFECTS)?;
        Ok(Self { key: name::qualified(key)?, value: value.to_owned(), effect })
    }

    /// As Kubernetes has it.
    pub fn to_json(&self) -> serde_json::Value {
        if self.value.is_empty() {
            json!({ "key": self.key, "effect": self.effect })
        } else {
            json!({ "key": self.key, "value": self.value, "effect": self.effect })
        }
    }
}

impl fmt::Display for Taint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let equals = if self.value.is_empty() { "" } else { "=" };
        write!(f, "{}{equals}{}:{}", self.key, self.value, self.effect)
    }
}

/// A host of the file.
#[derive(Clone, Debug)]
pub struct HostEntry {
    /// Where it is in the file: `hosts[3]`.
    pub path: String,
    pub mark: Mark,
    /// How it is named to the user: the name of its node if the file has one, else what it is reached by.
    pub label: String,
    pub target: Target,
    pub role: Role,
    pub name: Option<String>,
    pub address: Option<IpAddr>,
    pub labels: BTreeMap<String, String>,
    /// None: those that the node has by its role.
    pub taints: Option<Vec<Taint>>,
    pub host_key: Option<String>,
    /// The file with the private key.
    pub key: Option<String>,
    pub jump: Option<String>,
    /// One of [`SUDO`].
    pub sudo: String,
}

/// Resolves a line; None if it cannot be reached.
pub(super) fn resolve(node: &Node, defaults: &Node, path: &str, report: &mut Report) -> Option<HostEntry> {
    let mut reader = Reader { node, defaults, path, report };
    let Some(ssh) = reader.text("ssh") else {
        let complaint = Complaint::with_help("ssh is missing", "add 'ssh: [USER@]HOST[:PORT]'");
        reader.report.problem(Place::File { mark: node.mark, path: path.to_owned() }, complaint);
        return None;
    };
    let target = reader.valid("ssh", Target::parse(&ssh));
    let user = reader.parsed("user", user_name, true);
    let port = reader.port();
    let role = reader.parsed("role", role, false).unwrap_or(Role::Worker);
    let (labels, taints) = (reader.labels(), reader.taints());
    let name = reader.parsed("name", name::node, false);
    let address = reader.parsed("address", net::reachable_ip, false);
    let host_key = reader.parsed("hostKey", host_key, false);
    let key = reader.parsed("key", file, true);
    let jump = reader.parsed("jump", jump, true);
    let sudo = reader.parsed("sudo", |text| one_of(text, &SUDO), true).unwrap_or_else(|| "auto".into());
    let target = target?;
    let target = Target { user: target.user.or(user), port: target.port.or(port), ..target };
    let label = name.clone().unwrap_or_else(|| target.host.clone());
    Some(HostEntry {
        path: path.into(),
        mark: node.mark,
        label,
        target,
        role,
        name,
        address,
        labels,
        taints,
        host_key,
        key,
        jump,
        sudo,
    })
}

fn role(text: &str) -> Validated<Role> {
    // The words of other tools, and of earlier versions of Kubernetes.
    let near = match text {
        "master" | "controller" | "controlplane" | "server" => Some("control-plane"),
        "node" | "agent" => Some("worker"),
        _ => similar(text, ROLES),
    };
    match (text, near) {
        ("control-plane", _) => Ok(Role::ControlPlane),
        ("worker", _) => Ok(Role::Worker),
        (_, Some(near)) => {
            Err(Complaint::with_help(format!("{text:?} is not a role"), format!("did you mean '{near}'?")))
        }
        (_, None) => {
            Err(Complaint::with_help(format!("{text:?} is not a role"), format!("use one of {}", ROLES.join(", "))))
        }
    }
}

fn host_key(text: &str) -> Validated<String> {
    const TYPES: [&str; 4] = ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"];
    let is_fingerprint = text.strip_prefix("SHA256:").is_some_and(|hash| hash.trim_end_matches('=').len() == 43);
    let is_key = TYPES.iter().any(|kind| text.starts_with(kind)) && text.split_whitespace().nth(1).is_some();
    if is_fingerprint || is_key {
        return Ok(text.to_owned());
    }
    let help = "run 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub' on the host and write its SHA256:…";
    Err(Complaint::with_help("is neither a fingerprint nor a public key", help))
}

fn file(text: &str) -> Validated<String> {
    if text.contains("PRIVATE KEY") {
        return Err(Complaint::with_help(
            "is a private key",
            "keep the key in a file of its own and write the file's path",
        ));
    }
    Ok(text.to_owned())
}

/// `[USER@]HOST[:PORT]`, several with commas between them.
fn jump(text: &str) -> Validated<String> {
    text.split(',').try_for_each(|hop| Target::parse(hop).map(|_| ()))?;
    Ok(text.to_owned())
}

struct Reader<'a> {
    node: &'a Node,
    defaults: &'a Node,
    path: &'a str,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn text(&self, field: &str) -> Option<String> {
        self.node.entry(field).and_then(|entry| entry.value.text()).map(str::to_owned)
    }

    fn valid<T>(&mut self, field: &str, value: Validated<T>) -> Option<T> {
        let mark = self.node.entry(field).map_or(self.node.mark, |entry| entry.value.mark);
        let path = format!("{}.{field}", self.path);
        value.map_err(|complaint| self.report.problem(Place::File { mark, path }, complaint)).ok()
    }

    /// The field of the host, or that of `ssh` where it `has_default`.
    fn parsed<T>(&mut self, field: &str, parse: impl Fn(&str) -> Validated<T>, has_default: bool) -> Option<T> {
        if let Some(text) = self.text(field) {
            return self.valid(field, parse(&text));
        }
        let default = self.defaults.entry(field).filter(|_| has_default)?;
        match parse(default.value.text()?) {
            Ok(value) => Some(value),
            Err(complaint) => {
                self.report.problem(Place::File { mark: default.value.mark, path: format!("ssh.{field}") }, complaint);
                None
            }
        }
    }

    fn port(&mut self) -> Option<u16> {
        let text = |node: &Node| match &node.value {
            Value::Int(number) => Some(number.to_string()),
            Value::Text(text) => Some(text.clone()),
            _ => None,
        };
        if let Some(port) = self.node.entry("port").and_then(|entry| text(&entry.value)) {
            return self.valid("port", net::port(&port));
        }
        let default = self.defaults.entry("port")?;
        match net::port(&text(&default.value)?) {
            Ok(port) => Some(port),
            Err(complaint) => {
                self.report.problem(Place::File { mark: default.value.mark, path: "ssh.port".into() }, complaint);
                None
            }
        }
    }

    fn labels(&mut self) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::new();
        let entries = self.node.entry("labels").map(|entry| entry.value.entries()).unwrap_or_default();
        for entry in entries {
            let value = entry.value.text().unwrap_or_default();
            let checked = name::qualified(&entry.key).and_then(|key| {
                if name::is_label_value(value) {
                    Ok(key)
                } else {
                    Err(Complaint::new(format!("{value:?} is not the value of a label")))
                }
            });
            match checked {
                Ok(key) => drop(labels.insert(key, value.to_owned())),
                Err(complaint) => {
                    let path = format!("{}.labels.{}", self.path, entry.key);
                    self.report.problem(Place::File { mark: entry.mark, path }, complaint);
                }
            }
        }
        labels
    }

    fn taints(&mut self) -> Option<Vec<Taint>> {
        let items = self.node.entry("taints").filter(|entry| entry.value.value != Value::Null)?.value.items();
        let mut taints = Vec::new();
        for (number, item) in items.iter().enumerate() {
            match Taint::parse(item.text().unwrap_or_default()) {
                Ok(taint) => taints.push(taint),
                Err(complaint) => {
                    let path = format!("{}.taints[{number}]", self.path);
                    self.report.problem(Place::File { mark: item.mark, path }, complaint);
                }
            }
        }
        Some(taints)
    }
}
