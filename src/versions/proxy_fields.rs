//! The fields of `KubeProxyConfiguration` (kubeproxy.config.k8s.io/v1alpha1), and which minor versions have them.
//!
//! kubeadm parses the document into that minor version's type and writes the type back, so the text in the cluster has
//! every field of the minor version. Source: `config/v1alpha1/types.go` of kubernetes/kube-proxy, and for
//! `clientConnection` and `logging` kubernetes/component-base, on the branch of each release.

/// A field that holds a value, not other fields.
#[derive(Clone, Copy, Debug)]
pub struct ProxyField {
    /// The path, separated by dots: `iptables.syncPeriod`.
    pub path: &'static str,
    pub kind: FieldKind,
    /// The first minor version that has it.
    pub since: u16,
    /// The first minor version that does not have it any more; `u16::MAX` if none.
    pub until: u16,
}

/// The type of a field, and what is written if it is unset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A string; empty if unset.
    Text,
    /// A string that is omitted if empty.
    OmittedText,
    /// `false` if unset.
    Bool,
    /// Omitted if `false`.
    OmittedBool,
    /// `null` if unset.
    OptionalBool,
    /// 0 if unset.
    Integer,
    /// `null` if unset.
    OptionalInteger,
    /// 0 if unset.
    Float,
    /// A duration in Go's format; `0s` if unset.
    Duration,
    /// A duration; `null` if unset.
    OptionalDuration,
    /// A duration, or a number of nanoseconds; 0 if unset.
    DurationOrNanoseconds,
    /// A Kubernetes quantity; `"0"` if unset.
    Quantity,
    /// A list of strings; `null` if unset.
    TextList,
    /// A list that is omitted if empty.
    OmittedList,
    /// A map of names to booleans; omitted if empty.
    OmittedBoolMap,
}

use FieldKind::{
    Bool, Duration, DurationOrNanoseconds, Float, Integer, OmittedBool, OmittedBoolMap, OmittedList, OmittedText,
    OptionalBool, OptionalDuration, OptionalInteger, Quantity, Text, TextList,
};

const fn always(path: &'static str, kind: FieldKind) -> ProxyField {
    ProxyField { path, kind, since: super::OLDEST, until: u16::MAX }
}

const fn since(minor: u16, path: &'static str, kind: FieldKind) -> ProxyField {
    ProxyField { path, kind, since: minor, until: u16::MAX }
}

const fn until(minor: u16, path: &'static str, kind: FieldKind) -> ProxyField {
    ProxyField { path, kind, since: super::OLDEST, until: minor }
}

static FIELDS: &[ProxyField] = &[
    always("bindAddress", Text),
    always("bindAddressHardFail", Bool),
    always("clientConnection.acceptContentTypes", Text),
    always("clientConnection.burst", Integer),
    always("clientConnection.contentType", Text),
    always("clientConnection.kubeconfig", Text),
    always("clientConnection.qps", Float),
    always("clusterCIDR", Text),
    always("configSyncPeriod", Duration),
    always("conntrack.maxPerCore", OptionalInteger),
    always("conntrack.min", OptionalInteger),
    since(29, "conntrack.tcpBeLiberal", Bool),
    always("conntrack.tcpCloseWaitTimeout", OptionalDuration),
    always("conntrack.tcpEstablishedTimeout", OptionalDuration),
    since(29, "conntrack.udpStreamTimeout", Duration),
    since(29, "conntrack.udpTimeout", Duration),
    since(24, "detectLocal.bridgeInterface", Text),
    since(24, "detectLocal.interfaceNamePrefix", Text),
    always("detectLocalMode", Text),
    always("enableProfiling", Bool),
    always("featureGates", OmittedBoolMap),
    always("healthzBindAddress", Text),
    always("hostnameOverride", Text),
    since(26, "iptables.localhostNodePorts", OptionalBool),
    always("iptables.masqueradeAll", Bool),
    always("iptables.masqueradeBit", OptionalInteger),
    always("iptables.minSyncPeriod", Duration),
    always("iptables.syncPeriod", Duration),
    always("ipvs.excludeCIDRs", TextList),
    always("ipvs.minSyncPeriod", Duration),
    always("ipvs.scheduler", Text),
    always("ipvs.strictARP", Bool),
    always("ipvs.syncPeriod", Duration),
    always("ipvs.tcpFinTimeout", Duration),
    always("ipvs.tcpTimeout", Duration),
    always("ipvs.udpTimeout", Duration),
    since(28, "logging.flushFrequency", DurationOrNanoseconds),
    since(28, "logging.format", OmittedText),
    since(28, "logging.options.json.infoBufferSize", Quantity),
    since(28, "logging.options.json.splitStream", OmittedBool),
    since(30, "logging.options.text.infoBufferSize", Quantity),
    since(30, "logging.options.text.splitStream", OmittedBool),
    since(28, "logging.verbosity", Integer),
    since(28, "logging.vmodule", OmittedList),
    always("metricsBindAddress", Text),
    always("mode", Text),
    since(29, "nftables.masqueradeAll", Bool),
    since(29, "nftables.masqueradeBit", OptionalInteger),
    since(29, "nftables.minSyncPeriod", Duration),
    since(29, "nftables.syncPeriod", Duration),
    always("nodePortAddresses", TextList),
    always("oomScoreAdj", OptionalInteger),
    always("portRange", Text),
    always("showHiddenMetricsForVersion", Text),
    until(26, "udpIdleTimeout", Duration),
    since(31, "windowsRunAsService", OmittedBool),
    always("winkernel.enableDSR", Bool),
    since(24, "winkernel.forwardHealthCheckVip", Bool),
    always("winkernel.networkName", Text),
    since(24, "winkernel.rootHnsEndpointName", Text),
    always("winkernel.sourceVip", Text),
];

/// The fields of v1.`minor`, by path.
pub fn proxy_fields(minor: u16) -> impl Iterator<Item = &'static ProxyField> + Clone {
    FIELDS.iter().filter(move |field| field.since <= minor && minor < field.until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_sorted_and_no_path_lies_below_another() {
        for pair in FIELDS.windows(2) {
            let (a, b) = (pair[0].path, pair[1].path);
            assert!(!b.starts_with(&format!("{a}.")), "{b} is below {a}, which holds a value");
            let key = |path: &str| path.replace('.', "\0");
            assert!(key(a).to_lowercase() < key(b).to_lowercase(), "{b} is after {a}");
        }
        assert!(FIELDS.iter().all(|field| field.since < field.until));
    }

    #[test]
    fn minors_have_their_fields() {
        let has = |minor, path| proxy_fields(minor).any(|field| field.path == path);
        assert!(has(25, "udpIdleTimeout") && !has(26, "udpIdleTimeout"));
        assert!(!has(28, "nftables.syncPeriod") && has(29, "nftables.syncPeriod"));
        assert!(!has(29, "logging.options.text.infoBufferSize") && has(30, "logging.options.text.infoBufferSize"));
    }
}
