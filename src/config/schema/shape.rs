//! The types of the tables: fields, value types and API versions.

use crate::versions::ApiVersion;

/// A map with known keys.
#[derive(Debug)]
pub(super) struct Object {
    /// A name is listed twice if its type changed between versions.
    pub(super) fields: &'static [Field],
    /// True if unknown keys are accepted unchanged.
    pub(super) open: bool,
}

/// A field of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) of: Type,
    /// The first version that has it.
    pub(super) since: ApiVersion,
    /// The last version that has it.
    pub(super) until: ApiVersion,
    /// What replaced it in later versions, for help.
    pub(super) successor: &'static str,
}

/// The type of a field. Null is allowed everywhere and means unset.
#[derive(Clone, Copy, Debug)]
pub(super) enum Type {
    Text,
    /// Text that must not be part of a message.
    Secret,
    Bool,
    /// A 32-bit integer.
    Int,
    /// A whole number or text, such as a percentage.
    Share,
    /// Text in Go's duration format, which is validated where the value is read.
    Duration,
    TextList,
    /// A map from any key to text.
    TextMap,
    /// A map from any key to a boolean.
    BoolMap,
    /// A map with known keys.
    Object(&'static Object),
    /// A list of such maps.
    List(&'static Object),
    /// A map from any key to such a map.
    ObjectMap(&'static Object),
    Any,
}

/// A field of all versions.
pub(super) const fn field(name: &'static str, of: Type) -> Field {
    Field { name, of, since: ApiVersion::V1Beta1, until: ApiVersion::V1Beta4, successor: "" }
}

/// An object without other fields.
pub(super) const fn object(fields: &'static [Field]) -> Object {
    Object { fields, open: false }
}

impl Field {
    /// The same field, added in `version`.
    pub(super) const fn since(self, version: ApiVersion) -> Self {
        Self { since: version, ..self }
    }

    /// The same field, removed after `version`; `successor` says what to use instead.
    pub(super) const fn until(self, version: ApiVersion, successor: &'static str) -> Self {
        Self { until: version, successor, ..self }
    }

    pub(super) fn is_in(&self, version: ApiVersion) -> bool {
        self.since <= version && version <= self.until
    }

    /// As text: `v1beta2 and later`, `v1beta1 to v1beta3`, `v1beta4`.
    pub(super) fn versions(&self) -> String {
        let (first, last) = (self.since.name(), self.until.name());
        match (self.since, self.until) {
            (since, until) if since == until => first.to_owned(),
            (_, ApiVersion::V1Beta4) => format!("{first} and later"),
            _ => format!("{first} to {last}"),
        }
    }
}

impl Object {
    /// The field of this name in `version`.
    pub(super) fn field(&self, name: &str, version: ApiVersion) -> Option<&'static Field> {
        self.fields.iter().find(|f| f.name == name && f.is_in(version))
    }

    /// The fields of `version`.
    pub(super) fn fields_in(&self, version: ApiVersion) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().filter(move |f| f.is_in(version))
    }
}
