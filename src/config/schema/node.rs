//! The fields of `InitConfiguration` and `JoinConfiguration`.

use super::cluster::args;
use super::shape::Type::{Any, Bool, Duration, Int, List, Object as Map, Secret, Text, TextList};
use super::shape::{Field, Object, field, object};
use crate::versions::ApiVersion::{V1Beta2, V1Beta3, V1Beta4};

pub(super) static INIT: Object = object(&[
    field("apiVersion", Text),
    field("kind", Text),
    field("bootstrapTokens", List(&BOOTSTRAP_TOKEN)),
    field("dryRun", Bool).since(V1Beta4),
    field("nodeRegistration", Map(&NODE_REGISTRATION)),
    field("localAPIEndpoint", Map(&API_ENDPOINT)),
    field("certificateKey", Secret).since(V1Beta2),
    field("skipPhases", TextList).since(V1Beta3),
    field("patches", Map(&PATCHES)).since(V1Beta3),
    field("timeouts", Map(&TIMEOUTS)).since(V1Beta4),
]);

pub(super) static JOIN: Object = object(&[
    field("apiVersion", Text),
    field("kind", Text),
    field("dryRun", Bool).since(V1Beta4),
    field("nodeRegistration", Map(&NODE_REGISTRATION)),
    field("caCertPath", Text),
    field("discovery", Map(&DISCOVERY)),
    field("controlPlane", Map(&JOIN_CONTROL_PLANE)),
    field("skipPhases", TextList).since(V1Beta3),
    field("patches", Map(&PATCHES)).since(V1Beta3),
    field("timeouts", Map(&TIMEOUTS)).since(V1Beta4),
]);

static BOOTSTRAP_TOKEN: Object = object(&[
    field("token", Secret),
    field("description", Text),
    field("ttl", Duration),
    field("expires", Text),
    field("usages", TextList),
    field("groups", TextList),
]);

const KUBELET_EXTRA_ARGS: [Field; 2] = args("kubeletExtraArgs");

static NODE_REGISTRATION: Object = object(&[
    field("name", Text),
    field("criSocket", Text),
    field("taints", List(&TAINT)),
    KUBELET_EXTRA_ARGS[0],
    KUBELET_EXTRA_ARGS[1],
    field("ignorePreflightErrors", TextList).since(V1Beta2),
    field("imagePullPolicy", Text).since(V1Beta3),
    field("imagePullSerial", Bool).since(V1Beta4),
]);

// The Kubernetes core type Taint.
static TAINT: Object =
    object(&[field("key", Text), field("value", Text), field("effect", Text), field("timeAdded", Any)]);

pub(super) static API_ENDPOINT: Object = object(&[field("advertiseAddress", Text), field("bindPort", Int)]);

pub(super) static PATCHES: Object = object(&[field("directory", Text)]);

pub(super) static TIMEOUTS: Object = object(&[
    field("controlPlaneComponentHealthCheck", Duration),
    field("kubeletHealthCheck", Duration),
    field("kubernetesAPICall", Duration),
    field("etcdAPICall", Duration),
    field("tlsBootstrap", Duration),
    field("discovery", Duration),
    field("upgradeManifests", Duration),
]);

static DISCOVERY: Object = object(&[
    field("bootstrapToken", Map(&BOOTSTRAP_TOKEN_DISCOVERY)),
    field("file", Map(&FILE_DISCOVERY)),
    field("tlsBootstrapToken", Secret),
    field("timeout", Duration).until(V1Beta3, "set timeouts.discovery instead"),
]);

static BOOTSTRAP_TOKEN_DISCOVERY: Object = object(&[
    field("token", Secret),
    field("apiServerEndpoint", Text),
    field("caCertHashes", TextList),
    field("unsafeSkipCAVerification", Bool),
]);

static FILE_DISCOVERY: Object = object(&[field("kubeConfigPath", Text)]);

static JOIN_CONTROL_PLANE: Object =
    object(&[field("localAPIEndpoint", Map(&API_ENDPOINT)), field("certificateKey", Secret).since(V1Beta2)]);
