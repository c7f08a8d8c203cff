//! The vocabulary of the tables: fields, their types and the API versions that have them.

use crate::versions::ApiVersion;

/// A map with known keys.
#[derive(Debug)]
pub(super) struct Object {
    /// Its fields. A name comes twice where its type changed between versions.
    pub(super) fields: &'static [Field],
    /// True when keys that are not listed are somebody else's and pass through.
    pub(super) open: bool,
}

/// A field of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// Its name.
    pub(super) name: &'static str,
    /// What it holds.
    pub(super) of: Type,
    /// The first version that has it.
    pub(super) since: ApiVersion,
    /// The last version that has it.
    pub(super) until: ApiVersion,
    /// What came in its place in later versions, for help.
    pub(super) successor: &'static str,
}

/// What a field can hold. Nothing (`null`) is allowed everywhere and means "not set".
#[derive(Clone, Copy, Debug)]
pub(super) enum Type {
    /// Text.
    Text,
    /// Text that no message may show.
    Secret,
    /// A boolean.
    Bool,
    /// A whole number of 32 bits.
    Int,
    /// Text in Go's duration syntax; the syntax is judged where the value is read.
    Duration,
    /// A list of text.
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
    /// Anything.
    Any,
}

/// A field that every version has.
pub(super) const fn field(name: &'static str, of: Type) -> Field {
    Field { name, of, since: ApiVersion::V1Beta1, until: ApiVersion::V1Beta4, successor: "" }
}

/// An object that has no other fields than these.
pub(super) const fn object(fields: &'static [Field]) -> Object {
    Object { fields, open: false }
}

impl Field {
    /// The same field, new in `version`.
    pub(super) const fn since(self, version: ApiVersion) -> Self {
        Self { since: version, ..self }
    }

    /// The same field, gone after `version`; `successor` says what to use then.
    pub(super) const fn until(self, version: ApiVersion, successor: &'static str) -> Self {
        Self { until: version, successor, ..self }
    }

    /// True when `version` has it.
    pub(super) fn is_in(&self, version: ApiVersion) -> bool {
        self.since <= version && version <= self.until
    }

    /// For people: `v1beta2 and later`, `v1beta1 to v1beta3`, `v1beta4`.
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
