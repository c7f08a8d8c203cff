//! The fields of a `KubeletConfiguration` that are always written, with their zero value.
//!
//! Go writes a field that holds a struct or a duration even if it is unset, so every kubelet configuration has these;
//! the list grew over time. Sources: `config/v1beta1/types.go` of kubernetes/kubelet and `logs/api/v1/types.go` (before
//! v1.25 `config/v1alpha1/types.go`) of kubernetes/component-base at the last release of each minor version.

/// A field and its zero value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZeroField {
    /// The path of the field, separated by dots.
    pub path: &'static str,
    pub zero: Zero,
    /// The first minor version that writes it.
    pub since: u16,
}

/// A zero value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zero {
    /// `0s`.
    Duration,
    /// `0`.
    Number,
    /// `"0"`: an amount of memory.
    Quantity,
    /// `{}`.
    Struct,
    /// `""`.
    Text,
}

const fn field(path: &'static str, zero: Zero, since: u16) -> ZeroField {
    ZeroField { path, zero, since }
}

/// All such fields; structs before their fields.
const FIELDS: &[ZeroField] = &[
    field("authentication.webhook.cacheTTL", Zero::Duration, 20),
    field("authorization.webhook.cacheAuthorizedTTL", Zero::Duration, 20),
    field("authorization.webhook.cacheUnauthorizedTTL", Zero::Duration, 20),
    field("containerRuntimeEndpoint", Zero::Text, 27),
    field("cpuManagerReconcilePeriod", Zero::Duration, 20),
    field("crashLoopBackOff", Zero::Struct, 32),
    field("evictionPressureTransitionPeriod", Zero::Duration, 20),
    field("fileCheckFrequency", Zero::Duration, 20),
    field("httpCheckFrequency", Zero::Duration, 20),
    field("imageMaximumGCAge", Zero::Duration, 29),
    field("imageMinimumGCAge", Zero::Duration, 20),
    field("logging", Zero::Struct, 20),
    field("logging.flushFrequency", Zero::Number, 23),
    field("logging.options.json.infoBufferSize", Zero::Quantity, 23),
    field("logging.options.text.infoBufferSize", Zero::Quantity, 30),
    field("logging.verbosity", Zero::Number, 23),
    field("memorySwap", Zero::Struct, 22),
    field("nodeStatusReportFrequency", Zero::Duration, 20),
    field("nodeStatusUpdateFrequency", Zero::Duration, 20),
    field("runtimeRequestTimeout", Zero::Duration, 20),
    field("shutdownGracePeriod", Zero::Duration, 20),
    field("shutdownGracePeriodCriticalPods", Zero::Duration, 20),
    field("streamingConnectionIdleTimeout", Zero::Duration, 20),
    field("syncFrequency", Zero::Duration, 20),
    field("volumeStatsAggPeriod", Zero::Duration, 20),
];

/// The fields that v1.`minor` writes even if they are unset.
pub fn zero_fields(minor: u16) -> impl Iterator<Item = &'static ZeroField> {
    FIELDS.iter().filter(move |field| field.since <= minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unique_sorted_and_only_structs_have_fields_below() {
        for pair in FIELDS.windows(2) {
            assert!(pair[0].path < pair[1].path, "{pair:?}");
        }
        for outer in FIELDS {
            let below = format!("{}.", outer.path);
            let has_below = FIELDS.iter().any(|inner| inner.path.starts_with(&below));
            assert!(!has_below || outer.zero == Zero::Struct, "{outer:?}");
        }
    }
}
