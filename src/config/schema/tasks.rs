//! The fields of `ResetConfiguration` and `UpgradeConfiguration`, which only exist in v1beta4.

use super::node::{PATCHES, TIMEOUTS};
use super::shape::Type::{Bool, Int, Object as Map, Text, TextList};
use super::shape::{Object, field, object};

pub(super) static RESET: Object = object(&[
    field("apiVersion", Text),
    field("kind", Text),
    field("cleanupTmpDir", Bool),
    field("certificatesDir", Text),
    field("criSocket", Text),
    field("dryRun", Bool),
    field("force", Bool),
    field("ignorePreflightErrors", TextList),
    field("skipPhases", TextList),
    field("unmountFlags", TextList),
    field("timeouts", Map(&TIMEOUTS)),
]);

pub(super) static UPGRADE: Object = object(&[
    field("apiVersion", Text),
    field("kind", Text),
    field("apply", Map(&APPLY)),
    field("diff", Map(&DIFF)),
    field("node", Map(&NODE)),
    field("plan", Map(&PLAN)),
    field("timeouts", Map(&TIMEOUTS)),
]);

static APPLY: Object = object(&[
    field("kubernetesVersion", Text),
    field("allowExperimentalUpgrades", Bool),
    field("allowRCUpgrades", Bool),
    field("certificateRenewal", Bool),
    field("dryRun", Bool),
    field("etcdUpgrade", Bool),
    field("forceUpgrade", Bool),
    field("ignorePreflightErrors", TextList),
    field("patches", Map(&PATCHES)),
    field("printConfig", Bool),
    field("skipPhases", TextList),
    field("imagePullPolicy", Text),
    field("imagePullSerial", Bool),
]);

static DIFF: Object = object(&[field("kubernetesVersion", Text), field("contextLines", Int)]);

static NODE: Object = object(&[
    field("certificateRenewal", Bool),
    field("dryRun", Bool),
    field("etcdUpgrade", Bool),
    field("ignorePreflightErrors", TextList),
    field("skipPhases", TextList),
    field("patches", Map(&PATCHES)),
    field("imagePullPolicy", Text),
    field("imagePullSerial", Bool),
]);

static PLAN: Object = object(&[
    field("kubernetesVersion", Text),
    field("allowExperimentalUpgrades", Bool),
    field("allowRCUpgrades", Bool),
    field("dryRun", Bool),
    field("etcdUpgrade", Bool),
    field("ignorePreflightErrors", TextList),
    field("printConfig", Bool),
]);
