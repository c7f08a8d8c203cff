//! The fields of `ClusterConfiguration` and `ClusterStatus`.

use super::node::API_ENDPOINT;
use super::shape::Type::{Any, Bool, BoolMap, Duration, List, Object as Map, ObjectMap, Text, TextList, TextMap};
use super::shape::{Field, Object, field, object};
use crate::versions::ApiVersion::{V1Beta2, V1Beta3, V1Beta4};

pub(super) static CLUSTER: Object = object(&[
    field("apiVersion", Text),
    field("kind", Text),
    field("etcd", Map(&ETCD)),
    field("networking", Map(&NETWORKING)),
    field("kubernetesVersion", Text),
    field("controlPlaneEndpoint", Text),
    field("apiServer", Map(&API_SERVER)),
    field("controllerManager", Map(&COMPONENT)),
    field("scheduler", Map(&COMPONENT)),
    field("dns", Map(&DNS)),
    field("proxy", Map(&PROXY)).since(V1Beta4),
    field("certificatesDir", Text),
    field("imageRepository", Text),
    field("useHyperKubeImage", Bool).until(V1Beta2, "remove it: hyperkube images are no longer built"),
    field("featureGates", BoolMap),
    field("clusterName", Text),
    field("encryptionAlgorithm", Text).since(V1Beta4),
    field("certificateValidityPeriod", Duration).since(V1Beta4),
    field("caCertificateValidityPeriod", Duration).since(V1Beta4),
]);

pub(super) static CLUSTER_STATUS: Object =
    object(&[field("apiVersion", Text), field("kind", Text), field("apiEndpoints", ObjectMap(&API_ENDPOINT))]);

/// Flags of a component: a map until v1beta3, then a list that may repeat a name.
pub(super) const fn args(name: &'static str) -> [Field; 2] {
    [
        field(name, TextMap).until(V1Beta3, "write a list of 'name' and 'value' instead"),
        field(name, List(&ARG)).since(V1Beta4),
    ]
}

const EXTRA_ARGS: [Field; 2] = args("extraArgs");

static COMPONENT: Object = object(&[
    EXTRA_ARGS[0],
    EXTRA_ARGS[1],
    field("extraVolumes", List(&HOST_PATH_MOUNT)),
    field("extraEnvs", List(&ENV_VAR)).since(V1Beta4),
]);

static API_SERVER: Object = object(&[
    EXTRA_ARGS[0],
    EXTRA_ARGS[1],
    field("extraVolumes", List(&HOST_PATH_MOUNT)),
    field("extraEnvs", List(&ENV_VAR)).since(V1Beta4),
    field("certSANs", TextList),
    field("timeoutForControlPlane", Duration)
        .until(V1Beta3, "set timeouts.controlPlaneComponentHealthCheck in InitConfiguration and JoinConfiguration"),
]);

static DNS: Object = object(&[
    field("type", Text).until(V1Beta2, "remove it: CoreDNS is the only choice"),
    field("imageRepository", Text),
    field("imageTag", Text),
    field("disabled", Bool).since(V1Beta4),
]);

static PROXY: Object = object(&[field("disabled", Bool)]);

static NETWORKING: Object = object(&[field("serviceSubnet", Text), field("podSubnet", Text), field("dnsDomain", Text)]);

static ETCD: Object = object(&[field("local", Map(&LOCAL_ETCD)), field("external", Map(&EXTERNAL_ETCD))]);

static LOCAL_ETCD: Object = object(&[
    field("imageRepository", Text),
    field("imageTag", Text),
    field("dataDir", Text),
    EXTRA_ARGS[0],
    EXTRA_ARGS[1],
    field("extraEnvs", List(&ENV_VAR)).since(V1Beta4),
    field("serverCertSANs", TextList),
    field("peerCertSANs", TextList),
]);

static EXTERNAL_ETCD: Object = object(&[
    field("endpoints", TextList),
    field("httpEndpoints", TextList).since(V1Beta4),
    field("caFile", Text),
    field("certFile", Text),
    field("keyFile", Text),
]);

pub(super) static ARG: Object = object(&[field("name", Text), field("value", Text)]);

static HOST_PATH_MOUNT: Object = object(&[
    field("name", Text),
    field("hostPath", Text),
    field("mountPath", Text),
    field("readOnly", Bool),
    field("pathType", Text),
]);

// The Kubernetes core type EnvVar.
static ENV_VAR: Object = object(&[field("name", Text), field("value", Text), field("valueFrom", Map(&ENV_VAR_SOURCE))]);

static ENV_VAR_SOURCE: Object = object(&[
    field("fieldRef", Map(&FIELD_REF)),
    field("resourceFieldRef", Map(&RESOURCE_FIELD_REF)),
    field("configMapKeyRef", Map(&KEY_REF)),
    field("secretKeyRef", Map(&KEY_REF)),
    field("fileKeyRef", Map(&FILE_KEY_REF)),
]);

static FIELD_REF: Object = object(&[field("apiVersion", Text), field("fieldPath", Text)]);
static RESOURCE_FIELD_REF: Object =
    object(&[field("containerName", Text), field("resource", Text), field("divisor", Any)]);
static KEY_REF: Object = object(&[field("name", Text), field("key", Text), field("optional", Bool)]);
static FILE_KEY_REF: Object =
    object(&[field("volumeName", Text), field("path", Text), field("key", Text), field("optional", Bool)]);
