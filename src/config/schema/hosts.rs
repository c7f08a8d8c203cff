//! The fields of `Cluster`, kubewright's own kind: the hosts of a cluster and how they are reached. Each has a sentence
//! that the documentation and the JSON schema show.

use super::shape::Type::{List, Object as Map, Share, Text, TextList, TextMap};
use super::shape::{Object, field, object};

/// The `apiVersion` of a `Cluster`.
pub(super) const API: &str = "kubewright.io/v1alpha1";

pub(super) static HOSTS: Object = object(&[
    field("apiVersion", Text),
    field("kind", Text),
    field("hosts", List(&HOST)),
    field("ssh", Map(&SSH)),
    field("limits", Map(&LIMITS)),
    field("podNetwork", Text),
    field("upgrade", Map(&UPGRADE)),
    field("renew", Map(&RENEW)),
]);

static HOST: Object = object(&[
    field("ssh", Text),
    field("role", Text),
    field("name", Text),
    field("address", Text),
    field("labels", TextMap),
    field("taints", TextList),
    field("hostKey", Text),
    field("user", Text),
    field("port", Share),
    field("key", Text),
    field("jump", Text),
    field("sudo", Text),
]);

static SSH: Object =
    object(&[field("user", Text), field("port", Share), field("key", Text), field("jump", Text), field("sudo", Text)]);

static LIMITS: Object = object(&[field("parallel", Share), field("failures", Share), field("upgrades", Share)]);

static UPGRADE: Object = object(&[field("packages", Text)]);

static RENEW: Object = object(&[field("within", Text)]);

/// What each field means, by its path.
pub(super) const MEANINGS: &[(&str, &str)] = &[
    ("hosts", "The hosts, one a line"),
    ("hosts[].ssh", "How to reach it: `[USER@]HOST[:PORT]` or an alias of ~/.ssh/config; IPv6 addresses in brackets"),
    ("hosts[].role", "`control-plane` or `worker` (default)"),
    ("hosts[].name", "The name of its node; default: the host's own name"),
    ("hosts[].address", "Its address in the cluster; default: that of its default route"),
    ("hosts[].labels", "Labels of its node; those that leave the file are removed"),
    (
        "hosts[].taints",
        "Taints of its node as `KEY[=VALUE]:EFFECT`; those that leave the file are removed; `[]`: a control plane takes Pods",
    ),
    ("hosts[].hostKey", "The host key it must have: `SHA256:…` or a public key"),
    ("hosts[].user", "The user to log in as"),
    ("hosts[].port", "The port of its SSH server"),
    ("hosts[].key", "The file with the private key to log in with"),
    ("hosts[].jump", "The jump host to connect through, as in OpenSSH's ProxyJump"),
    ("hosts[].sudo", "How to become root: `auto` (default), `sudo`, `doas` or `none`"),
    ("ssh", "Defaults for all hosts"),
    ("ssh.user", "The user to log in as"),
    ("ssh.port", "The port of the SSH servers"),
    ("ssh.key", "The file with the private key to log in with"),
    ("ssh.jump", "The jump host to connect through"),
    ("ssh.sudo", "How to become root: `auto` (default), `sudo`, `doas` or `none`"),
    ("podNetwork", "The pod network that a new cluster gets: `flannel`, or the path or address of a manifest"),
    ("limits", "How much happens at once, and how much may fail"),
    ("limits.parallel", "The most hosts that are worked on at once; default 30"),
    ("limits.failures", "The number or share of workers that may fail before no further one is started; default 10%"),
    ("limits.upgrades", "The most workers that are drained at once to replace their kubelets; default 1"),
    ("upgrade", "How `apply` upgrades"),
    (
        "upgrade.packages",
        "A directory on the hosts that has one directory for each release, such as v1.36.2, with its packages or programs and SHA256SUMS; default: their package repositories",
    ),
    ("renew", "When `apply` renews certificates"),
    (
        "renew.within",
        "It renews those of a control plane when one expires within this time, such as `30d` (default) or `720h`, or within a third of \
         its lifetime if that is shorter",
    ),
];

/// The values of fields with a fixed list.
pub(super) const CHOICES: &[(&str, &[&str])] =
    &[("hosts[].role", &ROLES), ("hosts[].sudo", &SUDO), ("ssh.sudo", &SUDO)];

/// What a host can be.
pub const ROLES: [&str; 2] = ["control-plane", "worker"];
/// The ways to become root.
pub const SUDO: [&str; 4] = ["auto", "sudo", "doas", "none"];
