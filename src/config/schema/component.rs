//! The kubelet's and kube-proxy's configuration: the fields whose type is most often written wrong.
//!
//! Other fields are accepted unchanged, since each Kubernetes minor version adds new ones. Sources:
//! `k8s.io/kubelet/config/v1beta1/types.go` and `k8s.io/kube-proxy/config/v1alpha1/types.go`.

use super::shape::Type::{Bool, BoolMap, Duration, Int, Long, Object as Map, Text, TextList, TextMap};
use super::shape::{Field, Object, field};

const fn open(fields: &'static [Field]) -> Object {
    Object { fields, open: true }
}

pub(super) static KUBELET: Object = open(&[
    field("apiVersion", Text),
    field("kind", Text),
    field("address", Text),
    field("authentication", Map(&AUTHENTICATION)),
    field("authorization", Map(&AUTHORIZATION)),
    field("cgroupDriver", Text),
    field("cgroupRoot", Text),
    field("cgroupsPerQOS", Bool),
    field("clusterDNS", TextList),
    field("clusterDomain", Text),
    field("containerLogMaxFiles", Int),
    field("containerLogMaxSize", Text),
    field("containerRuntimeEndpoint", Text),
    field("cpuManagerPolicy", Text),
    field("enforceNodeAllocatable", TextList),
    field("evictionHard", TextMap),
    field("evictionPressureTransitionPeriod", Duration),
    field("evictionSoft", TextMap),
    field("failSwapOn", Bool),
    field("featureGates", BoolMap),
    field("fileCheckFrequency", Duration),
    field("hairpinMode", Text),
    field("healthzBindAddress", Text),
    field("healthzPort", Int),
    field("httpCheckFrequency", Duration),
    field("imageGCHighThresholdPercent", Int),
    field("imageGCLowThresholdPercent", Int),
    field("imageMinimumGCAge", Duration),
    field("kubeReserved", TextMap),
    field("logging", Map(&ANYTHING)),
    field("maxOpenFiles", Long),
    field("maxPods", Int),
    field("memorySwap", Map(&ANYTHING)),
    field("nodeStatusReportFrequency", Duration),
    field("nodeStatusUpdateFrequency", Duration),
    field("podPidsLimit", Long),
    field("port", Int),
    field("protectKernelDefaults", Bool),
    field("readOnlyPort", Int),
    field("resolvConf", Text),
    field("rotateCertificates", Bool),
    field("runtimeRequestTimeout", Duration),
    field("serializeImagePulls", Bool),
    field("serverTLSBootstrap", Bool),
    field("shutdownGracePeriod", Duration),
    field("shutdownGracePeriodCriticalPods", Duration),
    field("staticPodPath", Text),
    field("staticPodURL", Text),
    field("streamingConnectionIdleTimeout", Duration),
    field("syncFrequency", Duration),
    field("systemReserved", TextMap),
    field("tlsCertFile", Text),
    field("tlsCipherSuites", TextList),
    field("tlsMinVersion", Text),
    field("tlsPrivateKeyFile", Text),
    field("volumePluginDir", Text),
    field("volumeStatsAggPeriod", Duration),
]);

static AUTHENTICATION: Object =
    open(&[field("anonymous", Map(&ENABLED)), field("webhook", Map(&WEBHOOK)), field("x509", Map(&X509))]);
static ENABLED: Object = open(&[field("enabled", Bool)]);
static WEBHOOK: Object = open(&[field("enabled", Bool), field("cacheTTL", Duration)]);
static X509: Object = open(&[field("clientCAFile", Text)]);
static AUTHORIZATION: Object = open(&[field("mode", Text), field("webhook", Map(&ANYTHING))]);
static ANYTHING: Object = open(&[]);

pub(super) static KUBE_PROXY: Object = open(&[
    field("apiVersion", Text),
    field("kind", Text),
    field("bindAddress", Text),
    field("bindAddressHardFail", Bool),
    field("clientConnection", Map(&CLIENT_CONNECTION)),
    field("clusterCIDR", Text),
    field("configSyncPeriod", Duration),
    field("conntrack", Map(&CONNTRACK)),
    field("detectLocalMode", Text),
    field("enableProfiling", Bool),
    field("featureGates", BoolMap),
    field("healthzBindAddress", Text),
    field("hostnameOverride", Text),
    field("iptables", Map(&IPTABLES)),
    field("ipvs", Map(&IPVS)),
    field("metricsBindAddress", Text),
    field("mode", Text),
    field("nodePortAddresses", TextList),
    field("oomScoreAdj", Int),
    field("portRange", Text),
]);

static CLIENT_CONNECTION: Object = open(&[
    field("acceptContentTypes", Text),
    field("burst", Int),
    field("contentType", Text),
    field("kubeconfig", Text),
]);
static CONNTRACK: Object = open(&[
    field("maxPerCore", Int),
    field("min", Int),
    field("tcpCloseWaitTimeout", Duration),
    field("tcpEstablishedTimeout", Duration),
]);
static IPTABLES: Object = open(&[
    field("masqueradeAll", Bool),
    field("masqueradeBit", Int),
    field("minSyncPeriod", Duration),
    field("syncPeriod", Duration),
]);
static IPVS: Object = open(&[
    field("excludeCIDRs", TextList),
    field("minSyncPeriod", Duration),
    field("scheduler", Text),
    field("strictARP", Bool),
    field("syncPeriod", Duration),
]);
