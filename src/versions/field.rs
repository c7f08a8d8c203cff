//! A field of a component configuration: its type, and the minor versions that have it.

use super::OLDEST;

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
