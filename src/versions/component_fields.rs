//! The fields of the components' own configurations: their types and units, and which minors have them.

use super::proxy_fields::{self, FieldKind};
use super::{OLDEST, kubelet_types};

/// What a field holds. `null` is allowed everywhere and means "not set".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A list of anything.
    AnyList,
    /// A boolean.
    Bool,
    /// Names and booleans.
    BoolMap,
    /// Text in Go's duration syntax.
    Duration,
    /// Names and durations.
    DurationMap,
    /// A duration, or a number of nanoseconds.
    DurationOrNanoseconds,
    /// A number.
    Float,
    /// A whole number of 32 bits.
    Int,
    /// A list of whole numbers.
    IntList,
    /// A whole number of 64 bits.
    Long,
    /// A whole number of nanoseconds.
    Nanoseconds,
    /// Names and percentages as text.
    PercentMap,
    /// A quantity (`100Mi`) as text or as a number.
    Quantity,
    /// Names and quantities as text.
    QuantityMap,
    /// A quantity as text.
    QuantityText,
    /// Names and quantities as text or as numbers.
    ResourceMap,
    /// Text.
    Text,
    /// A list of text.
    TextList,
    /// Names and lists of text.
    TextListMap,
    /// Names and text.
    TextMap,
    /// Names and quantities or percentages as text.
    ThresholdMap,
    /// A whole number of 32 bits that is not negative.
    UInt,
}

/// A field that holds a value, not other fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComponentField {
    /// Its keys from the top, with dots between; `[]` behind a key stands for the items of its list.
    pub path: &'static str,
    /// What it holds.
    pub of: FieldType,
    /// The first minor that has it.
    pub first: u16,
    /// The last minor that has it; None while it lives.
    pub last: Option<u16>,
}

pub(super) const fn always(path: &'static str, of: FieldType) -> ComponentField {
    ComponentField { path, of, first: OLDEST, last: None }
}

pub(super) const fn since(minor: u16, path: &'static str, of: FieldType) -> ComponentField {
    ComponentField { path, of, first: minor, last: None }
}

impl ComponentField {
    /// True when v1.`minor` has it.
    pub fn is_in(&self, minor: u16) -> bool {
        self.first <= minor && self.last.is_none_or(|last| minor <= last)
    }

    /// For people: `all`, `v1.30 and later`, `v1.20 to v1.25`.
    pub fn minors(&self) -> String {
        match (self.first, self.last) {
            (OLDEST, None) => "all".into(),
            (first, None) => format!("v1.{first} and later"),
            (first, Some(last)) if first == last => format!("v1.{first}"),
            (first, Some(last)) => format!("v1.{first} to v1.{last}"),
        }
    }
}

/// The fields of `KubeletConfiguration`, of all minors.
pub fn kubelet() -> Vec<ComponentField> {
    kubelet_types::FIELDS.to_vec()
}

/// The fields of `KubeProxyConfiguration`, of all minors.
pub fn kube_proxy() -> Vec<ComponentField> {
    proxy_fields::all()
        .map(|field| ComponentField {
            path: field.path,
            of: of_proxy(field.kind),
            first: field.since,
            last: field.until.checked_sub(1).filter(|_| field.until != u16::MAX),
        })
        .collect()
}

fn of_proxy(kind: FieldKind) -> FieldType {
    match kind {
        FieldKind::Text | FieldKind::OmittedText => FieldType::Text,
        FieldKind::Bool | FieldKind::OmittedBool | FieldKind::OptionalBool => FieldType::Bool,
        FieldKind::Integer | FieldKind::OptionalInteger => FieldType::Int,
        FieldKind::Float => FieldType::Float,
        FieldKind::Duration | FieldKind::OptionalDuration => FieldType::Duration,
        FieldKind::DurationOrNanoseconds => FieldType::DurationOrNanoseconds,
        FieldKind::Quantity => FieldType::Quantity,
        FieldKind::TextList => FieldType::TextList,
        FieldKind::OmittedList => FieldType::AnyList,
        FieldKind::OmittedBoolMap => FieldType::BoolMap,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minor_has_a_field_twice_and_no_field_lies_below_another() {
        for fields in [kubelet(), kube_proxy()] {
            for minor in OLDEST..=super::super::newest() {
                let paths: Vec<&str> =
                    fields.iter().filter(|field| field.is_in(minor)).map(|field| field.path).collect();
                for path in &paths {
                    assert_eq!(paths.iter().filter(|other| *other == path).count(), 1, "{path} in v1.{minor}");
                    let below = [format!("{path}."), format!("{path}[]")];
                    assert!(!paths.iter().any(|other| below.iter().any(|below| other.starts_with(below))), "{path}");
                }
            }
        }
    }

    #[test]
    fn minors_have_the_fields_of_their_time() {
        let has = |minor: u16, path: &str| kubelet().iter().any(|field| field.path == path && field.is_in(minor));
        assert!(has(23, "logging.sanitization") && !has(24, "logging.sanitization"));
        assert!(!has(21, "seccompDefault") && has(22, "seccompDefault"));
        assert!(!has(30, "failCgroupV1") && has(31, "failCgroupV1"));
        assert!(has(20, "imageMinimumGCAge") && has(37, "imageMinimumGCAge"));
    }
}
