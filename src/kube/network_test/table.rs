//! Every cause that a network test can name: a table, from the ground up. What is further up explains what is below it.

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It works for most, or could not be tested.
    Warning,
    /// Traffic does not pass.
    Error,
}

/// A kind of cause.
#[derive(Debug)]
pub struct Row {
    /// Its stable name.
    pub id: &'static str,
    pub severity: Severity,
    /// What is concluded, and from which pattern. `{nodes}` stands for the nodes.
    pub what: &'static str,
    /// What to do. `{traffic}` stands for the traffic of the pod network.
    pub next: &'static str,
}

const fn row(id: &'static str, severity: Severity, what: &'static str, next: &'static str) -> Row {
    Row { id, severity, what, next }
}

use Severity::{Error, Note, Warning};

/// The kinds, most basic first.
pub const ROWS: &[Row] = &[
    row(
        "PodsOfOneNode",
        Error,
        "Pods on {nodes} do not even reach Pods on the same node: the CNI plugin or a packet filter there drops what is forwarded",
        "on {nodes}, run 'sysctl net.ipv4.ip_forward' (it has to be 1) and 'iptables-save | grep -i -E \"forward|drop|reject\"', and look at \
         the log of the Pod network's Pod",
    ),
    row(
        "NodesApart",
        Error,
        "the nodes {nodes} do not reach each other at all, not even without the Pod network: a firewall or the network between the hosts \
         drops the traffic",
        "on one of them, run 'ping ADDRESS' and 'nc -vz ADDRESS 10250' with the address of the other; open the ports between the hosts \
         in firewalls, security groups and routers",
    ),
    row(
        "OverlayBlocked",
        Error,
        "Pods on different nodes do not reach each other, while the nodes do: what carries the traffic of Pods between {nodes} is blocked",
        "let firewalls, security groups and packet filters between the hosts accept {traffic}; also check that the Pod network uses the \
         right interface, and that its Pods run on these nodes",
    ),
    row(
        "ChecksumOffload",
        Error,
        "between {nodes} small datagrams pass and TCP does not, or only Services on other nodes fail: packets with wrong checksums, which \
         network cards and tunnels make together",
        "on these nodes, run 'ethtool -K INTERFACE tx-checksum-ip-generic off' with the tunnel's interface, such as flannel.1 or \
         vxlan.calico, then test again; if that helps, make it permanent with a unit or a udev rule, or update the kernel",
    ),
    row(
        "UdpBlocked",
        Error,
        "between Pods on {nodes} TCP passes and UDP does not: a packet filter or a network policy drops UDP",
        "run 'kubectl get networkpolicies -A', and look for rules about UDP in the packet filters of the hosts ('nft list ruleset')",
    ),
    row(
        "PacketSize",
        Error,
        "between Pods on {nodes} small packets pass and full ones do not: the MTU somewhere on the way is smaller than that of the Pods",
        "run 'ip link' on the hosts and compare the MTU of the interface between them; either give all hosts the same one, or set the MTU \
         of the Pod network to the smallest less its overhead (VXLAN: 50 bytes)",
    ),
    row(
        "NodeToPods",
        Error,
        "{nodes} cannot reach Pods, while Pods reach each other: a packet filter of the host drops what the node itself sends",
        "on {nodes}, run 'nft list ruleset' or 'iptables-save' and look for rules that drop outgoing traffic to the network of the Pods",
    ),
    row(
        "NoEndpoints",
        Error,
        "Services do not get the Pods behind them, though these Pods are ready: the controller manager does not keep them up to date",
        "run 'kubectl -n kube-system get pods' and look at the log of kube-controller-manager",
    ),
    row(
        "KubeProxy",
        Error,
        "Services do not work on {nodes}, while the Pods behind them are reached: kube-proxy, or what replaces it, does not set its rules there",
        "run 'kubectl -n kube-system get pods -l k8s-app=kube-proxy -o wide' and 'kubectl -n kube-system logs' of the Pod on that node",
    ),
    row(
        "BridgeFilter",
        Error,
        "on {nodes} Services work only if the Pod behind them is on another node: bridged packets do not pass the rules of kube-proxy",
        "on {nodes}, run 'kubewright preflight --fix', which loads br_netfilter and sets net.bridge.bridge-nf-call-iptables",
    ),
    row(
        "ApiService",
        Error,
        "Pods on {nodes} do not reach the API by its Service, while other Services work",
        "run 'kubectl get endpoints kubernetes' and check that Pods may reach these addresses: the API servers must listen at them, and \
         firewalls must accept traffic from Pods",
    ),
    row(
        "DnsNotRunning",
        Error,
        "no DNS Pod is ready, so that Pods cannot look up names",
        "run 'kubectl -n kube-system get deployments,pods -l k8s-app=kube-dns -o wide'; if the Deployment has no replicas, run \
         'kubectl -n kube-system scale deployment coredns --replicas=2'",
    ),
    row(
        "DnsPods",
        Error,
        "DNS Pods do not answer Pods on {nodes}, though other Pods are reached",
        "run 'kubectl -n kube-system logs -l k8s-app=kube-dns' and 'kubectl get networkpolicies -A'",
    ),
    row(
        "DnsService",
        Error,
        "the DNS Service does not answer Pods on {nodes}, while the DNS Pods do and other Services work",
        "run 'kubectl -n kube-system get service,endpoints kube-dns' and compare its address with clusterDNS in /var/lib/kubelet/config.yaml",
    ),
    row(
        "DnsAnswers",
        Error,
        "DNS answers Pods on {nodes}, but does not know names of the cluster",
        "run 'kubectl -n kube-system logs -l k8s-app=kube-dns': CoreDNS has to reach the API; compare the domain in the Corefile \
         ('kubectl -n kube-system get configmap coredns -o yaml') with clusterDomain in /var/lib/kubelet/config.yaml",
    ),
    row(
        "PodsToNode",
        Warning,
        "Pods do not reach the kubelet of {nodes}, which metrics-server and others need: a firewall does not accept traffic from Pods",
        "let the firewall of {nodes} accept TCP port 10250 from the network of the Pods",
    ),
    row(
        "Slow",
        Warning,
        "connections between {nodes} only succeed after several tries: packets are lost on the way",
        "run the test again; if it stays, run 'ip -s link' and 'ethtool -S INTERFACE' on the hosts and look for errors and drops",
    ),
    row(
        "DnsUpstream",
        Note,
        "names outside the cluster are not found from {nodes}; a cluster without access to the Internet needs none",
        "run 'kubectl -n kube-system get configmap coredns -o yaml' and check where 'forward' leads: usually to the servers in \
         /etc/resolv.conf of the host",
    ),
    row(
        "Unclear",
        Error,
        "some of the traffic from {nodes} fails in no pattern that is known",
        "run the test again with '-o json', which lists every probe",
    ),
];

/// The row with this name.
pub fn find(id: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.id == id)
}

/// Where a cause comes among others.
pub fn rank(id: &str) -> usize {
    ROWS.iter().position(|row| row.id == id).unwrap_or(ROWS.len())
}
