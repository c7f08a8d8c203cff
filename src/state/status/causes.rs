//! Everything that can be wrong with a cluster: a table, from the ground up. What is further up explains what is below it.

use serde::Serialize;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is wrong.
    #[default]
    Ok,
    /// Worth knowing.
    Note,
    /// It works, with less to spare than it should have.
    Warning,
    /// Something does not work, or the next failure stops it.
    Critical,
}

/// A kind of cause.
#[derive(Debug)]
pub struct Row {
    /// Its stable name.
    pub id: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// The command that fixes it or finds out more; `{}` stands for the node, component or path.
    pub next: &'static str,
}

const fn row(id: &'static str, why: &'static str, next: &'static str) -> Row {
    Row { id, why, next }
}

/// The kinds, most basic first.
pub const ROWS: &[Row] = &[
    row(
        "DiskFull",
        "etcd, the kubelet and the container runtime stop when they cannot write",
        "make room: run 'df -h {}' and 'du -xh --max-depth=2 {} | sort -h | tail'",
    ),
    row(
        "DiskReadOnly",
        "etcd, the kubelet and the container runtime stop when they cannot write",
        "run 'findmnt -T {}' and 'dmesg | tail' to see why, then mount it writable",
    ),
    row(
        "ClockWrong",
        "certificates, tokens and Leases are refused where clocks differ",
        "run 'timedatectl' on {}, and 'timedatectl set-ntp true' there, or start chrony",
    ),
    row(
        "RuntimeDown",
        "no container of this host is started again, and no Pod starts",
        "run 'systemctl restart {}' and 'journalctl -u {} -n 50'",
    ),
    row(
        "KubeletStopped",
        "its Pods go on, but none is started again, and the cluster takes the node for lost",
        "run 'systemctl start kubelet'; if it stops again, run 'journalctl -u kubelet -n 50'",
    ),
    row(
        "KubeletFailing",
        "no Pod of this host is started again, and the cluster takes the node for lost",
        "run 'journalctl -u kubelet -n 50' to see why it ends",
    ),
    row(
        "CertificateExpired",
        "every peer to which it is presented refuses the connection",
        "run 'kubewright certs renew {}'",
    ),
    row(
        "CertificateUnusable",
        "its component cannot use it, or is refused by the others",
        "run 'kubewright certs check-expiration'",
    ),
    row(
        "CaExpired",
        "no certificate that it signed is accepted, and renewing them does not help",
        "run 'kubewright certs rotate-ca status' and read docs/rotate-ca.md",
    ),
    row(
        "FileMissing",
        "a component that needs it cannot be started again",
        "put {} back from a backup, or copy it from another control plane if it is of a CA (ca.crt, ca.key) or of service accounts \
         (sa.key, sa.pub); 'kubewright certs check-expiration' lists what is missing",
    ),
    row(
        "ManifestMissing",
        "the kubelet has ended this component and does not start it",
        "put {} back where it was moved away (run 'ls -la /etc/kubernetes /root'); otherwise 'kubewright init' again, with the \
         options of the cluster, writes it from the cluster's configuration",
    ),
    row(
        "ManifestBroken",
        "the kubelet cannot make a Pod of it",
        "correct {}: run 'journalctl -u kubelet -n 50' to see what the kubelet says",
    ),
    row(
        "ManifestEdited",
        "it is not what the cluster's configuration says: an upgrade overwrites it, and other control planes differ",
        "run 'kubewright doctor' to see what differs; put the change into the ConfigMap kubeadm-config or into a patch",
    ),
    row(
        "ManifestExtra",
        "the kubelet makes a Pod of every file there: of two for one component, either may run",
        "run 'ls -la /etc/kubernetes/manifests', and keep copies in another directory, such as /root",
    ),
    row(
        "EtcdQuorumLost",
        "etcd neither reads nor writes, and the API with it, until a majority is back",
        "start the hosts of the missing members: etcd continues by itself. If they are gone for good, run 'kubewright etcd recover' \
         on the control plane with the newest data (docs/quorum.md)",
    ),
    row(
        "EtcdFull",
        "etcd refuses every write until it has room again and the alarm is off",
        "run 'kubewright etcd snapshot save', then 'etcdctl compact', 'etcdctl defrag' and 'etcdctl alarm disarm' (docs/etcd.md)",
    ),
    row(
        "NodeSilent",
        "its Pods are started elsewhere or missing, and what its kubelet did is not done",
        "look at its host: power, network, 'systemctl status kubelet' there. If it is gone for good, run 'kubewright node remove {} --dead'",
    ),
    row(
        "EtcdMemberLost",
        "etcd has fewer members to lose before it stops",
        "run 'crictl logs $(crictl ps -aq --name etcd | head -n 1)' on its host. \
         If it is gone for good, run 'kubewright node remove {} --dead'",
    ),
    row(
        "EtcdAlarm",
        "etcd has raised it because its data may be wrong or cannot grow",
        "run 'etcdctl alarm list' and read docs/etcd.md before anything else",
    ),
    row(
        "ComponentCrashing",
        "what it does is not done, or only by another control plane",
        "run 'crictl logs $(crictl ps -aq --name {} | head -n 1)' on its host",
    ),
    row(
        "ComponentMissing",
        "what it does is not done, or only by another control plane",
        "run 'kubewright status' on its host, which sees its manifest and its kubelet",
    ),
    row(
        "ComponentNotReady",
        "what it does is not done, or only by another control plane",
        "run 'kubectl -n kube-system describe pod {}'",
    ),
    row(
        "EndpointDown",
        "kubectl, kubelets and joins that use this address get no answer; Pods that run go on",
        "look at the load balancer, the virtual IP address or the DNS name of this address: run 'curl -k {}/livez' here and on \
         another host",
    ),
    row(
        "ApiDown",
        "nothing in the cluster can be read or changed; Pods that run go on",
        "run 'kubewright status' and 'kubewright doctor' on a control plane, which find the cause without the API",
    ),
    row(
        "ApiNotReady",
        "requests fail, or are refused",
        "run 'kubectl get --raw /readyz?verbose' to see which of its checks fails",
    ),
    row(
        "NetworkMissing",
        "no Pod starts there that needs a network, CoreDNS included",
        "install a Pod network, or see why its Pods do not run: run 'kubectl get pods -A -o wide' and 'ls -la /etc/cni/net.d' on {}",
    ),
    row(
        "NodeNotReady",
        "no new Pod is placed there, and its Pods are moved to other nodes",
        "run 'kubectl describe node {}'",
    ),
    row(
        "NodePressure",
        "the kubelet evicts Pods there, and none is placed there",
        "run 'kubectl describe node {}', and 'df -h' and 'free -m' there",
    ),
    row(
        "DiskLow",
        "the kubelet evicts Pods when less is free",
        "make room: run 'df -h {}' and 'du -xh --max-depth=2 {} | sort -h | tail'",
    ),
    row(
        "AddonNotReady",
        "names of Services are not found, or Services are not reachable",
        "run 'kubectl -n kube-system get pods -o wide' and 'kubectl -n kube-system describe pod' on those that are not ready",
    ),
    row(
        "PodNetworkNotReady",
        "Pods of some nodes do not reach those of others",
        "run 'kubectl get pods -A -o wide' and 'kubectl describe pod' on those of {}",
    ),
    row(
        "CertificateNotServed",
        "its component still uses the one before, which expires earlier",
        "run 'kubewright certs restart'",
    ),
    row("CertificateSoon", "it is refused from then on", "run 'kubewright certs renew {}'"),
    row(
        "CaSoon",
        "no certificate that it signed is accepted from then on",
        "run 'kubewright certs rotate-ca status' and read docs/rotate-ca.md",
    ),
    row("RunInterrupted", "what it had begun is neither done nor undone", "run '{}'"),
    row("VersionSkew", "Kubernetes does not support versions that are this far apart", "run 'kubewright upgrade plan'"),
    row("NodeCordoned", "no new Pod is placed there", "run 'kubectl uncordon {}' if that is not intended"),
    row("UnderWay", "another run waits until it has ended", "run '{}'"),
    row("NotChecked", "what was not seen may be wrong", "run 'kubewright doctor'"),
];

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// The name of its kind.
    pub id: &'static str,
    pub severity: Severity,
    /// What is wrong: one sentence without a full stop.
    pub what: String,
    /// The host, node, component or file.
    #[serde(rename = "where")]
    pub place: String,
    /// Why it matters.
    pub why: String,
    /// The command that fixes it or finds out more.
    pub next: String,
}

impl Cause {
    /// A cause of a kind of the table; `subject` stands for `{}` in its advice.
    pub(super) fn new(
        id: &'static str,
        severity: Severity,
        place: impl Into<String>,
        what: impl Into<String>,
        subject: &str,
    ) -> Self {
        let row = ROWS.iter().find(|row| row.id == id);
        let text = |text: fn(&Row) -> &'static str| row.map(text).unwrap_or_default().replace("{}", subject);
        Self {
            id,
            severity,
            what: what.into(),
            place: place.into(),
            why: text(|row| row.why),
            next: text(|row| row.next),
        }
    }

    /// The same with advice of its own.
    pub(super) fn with_next(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }

    /// Its place in the table.
    pub(super) fn rank(&self) -> usize {
        ROWS.iter().position(|row| row.id == self.id).unwrap_or(ROWS.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_says_why_it_matters_and_names_a_command() {
        for row in ROWS {
            assert!(!row.why.is_empty() && !row.why.ends_with('.'), "{row:?}");
            assert!(row.next.matches('\'').count() >= 2 && !row.next.ends_with('.'), "{row:?} names no command");
            assert_eq!(ROWS.iter().filter(|other| other.id == row.id).count(), 1, "{}", row.id);
        }
    }

    #[test]
    fn the_subject_stands_in_the_advice() {
        let cause = Cause::new("NodeCordoned", Severity::Note, "n2", "n2 is cordoned", "n2");
        assert_eq!(cause.next, "run 'kubectl uncordon n2' if that is not intended");
        assert!(cause.rank() > Cause::new("DiskFull", Severity::Critical, "", "", "/").rank());
    }
}
