//! The objects of a test: a namespace of its own with a date of expiry, Services, and Pods that run this program from the host.

use super::members::Member;
use crate::base::env::Clock;
use crate::domain::network_probe::{PORT, Question};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What the name of a namespace of a test begins with.
pub const PREFIX: &str = "kubewright-network-test-";
/// The label of its namespaces.
pub const LABEL: (&str, &str) = ("app.kubernetes.io/managed-by", "kubewright");
/// The annotation with the time from which on the next test removes it.
pub const EXPIRES: &str = "kubewright.io/expires-at";
/// The headless Service.
pub const HEADLESS: &str = "servers";
/// The container.
pub const CONTAINER: &str = "agent";
const ACCOUNT: &str = "network-test";
/// An unprivileged user that owns nothing.
const USER: u32 = 65_534;
/// Where the directory of the program is in a container.
const MOUNT: &str = "/host";

/// What all objects of one test have in common.
pub struct Objects<'a> {
    pub namespace: &'a str,
    /// The program on the hosts.
    pub binary: &'a Path,
    /// After that the Pods end by themselves.
    pub lifetime: Duration,
}

impl Objects<'_> {
    pub fn namespace(&self, clock: &Clock) -> Value {
        let end = clock.now().saturating_add(i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX));
        let end = OffsetDateTime::from_unix_timestamp(end).ok().and_then(|end| end.format(&Rfc3339).ok());
        json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": self.namespace,
                // Pods with a directory of the host are refused otherwise.
                "labels": {LABEL.0: LABEL.1, "pod-security.kubernetes.io/enforce": "privileged"},
                "annotations": {EXPIRES: end.unwrap_or_default()},
            },
        })
    }

    /// Without it Pods are refused until the controller manager has made the default one.
    pub fn account(&self) -> Value {
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": self.metadata(ACCOUNT, None),
            "automountServiceAccountToken": false})
    }

    /// The Service with one Pod behind it, and (no number) the headless one with all.
    pub fn service(&self, number: Option<usize>) -> Value {
        let ports = json!([{"name": "tcp", "protocol": "TCP", "port": PORT}]);
        let (name, spec) = match number {
            Some(number) => {
                let selector = json!({"role": "server", "number": number.to_string()});
                (service_name(number), json!({"selector": selector, "ports": ports}))
            }
            None => (HEADLESS.into(), json!({"clusterIP": "None", "selector": {"role": "server"}, "ports": ports})),
        };
        json!({"apiVersion": "v1", "kind": "Service", "metadata": self.metadata(&name, None), "spec": spec})
    }

    /// A Pod that answers.
    pub fn server(&self, number: usize, member: &Member) -> Value {
        let seconds = self.lifetime.as_secs().to_string();
        self.pod(&server_name(number), ("server", number), member, &["serve", "--seconds", &seconds], false)
    }

    /// A Pod that asks, in the network of Pods or in that of its node.
    pub fn asker(&self, number: usize, member: &Member, questions: &[Question], of_host: bool) -> Value {
        let questions = serde_json::to_string(questions).unwrap_or_default();
        self.pod(&asker_name(number, of_host), ("asker", number), member, &["ask", &questions], of_host)
    }

    fn pod(&self, name: &str, role: (&str, usize), member: &Member, args: &[&str], of_host: bool) -> Value {
        let program = self.binary.file_name().unwrap_or_default().to_string_lossy();
        let directory = self.binary.parent().unwrap_or_else(|| Path::new("/"));
        let mut command = vec![format!("{MOUNT}/{program}"), "network".into(), "agent".into()];
        command.extend(args.iter().map(|arg| (*arg).to_owned()));
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": self.metadata(name, Some(role)),
            "spec": {
                // Not left to the scheduler: the node is what is tested.
                "nodeName": member.name,
                "tolerations": [{"operator": "Exists"}],
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 1,
                "activeDeadlineSeconds": self.lifetime.as_secs(),
                "hostNetwork": of_host,
                "dnsPolicy": if of_host { "Default" } else { "ClusterFirst" },
                "enableServiceLinks": false,
                "serviceAccountName": ACCOUNT,
                "automountServiceAccountToken": false,
                "securityContext": {"runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER,
                    "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{
                    "name": CONTAINER,
                    "image": member.image,
                    "imagePullPolicy": "Never",
                    "command": command,
                    "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                        "capabilities": {"drop": ["ALL"]}},
                    "volumeMounts": [{"name": "program", "mountPath": MOUNT, "readOnly": true}],
                }],
                // The directory: of a file that does not exist the kubelet would only say that it cannot mount it yet.
                "volumes": [{"name": "program", "hostPath": {"path": directory, "type": "Directory"}}],
            },
        })
    }

    fn metadata(&self, name: &str, role: Option<(&str, usize)>) -> Value {
        let mut labels = json!({LABEL.0: LABEL.1});
        if let Some((role, number)) = role {
            labels["role"] = json!(role);
            labels["number"] = json!(number.to_string());
        }
        json!({"name": name, "namespace": self.namespace, "labels": labels})
    }
}

pub fn server_name(number: usize) -> String {
    format!("server-{number}")
}

pub fn service_name(number: usize) -> String {
    format!("server-{number}")
}

pub fn asker_name(number: usize, of_host: bool) -> String {
    format!("{}-{number}", if of_host { "host" } else { "pod" })
}
