//! The tables as Markdown, for `docs/config.md`.

use super::Kind;
use super::shape::{Object, Type};
use std::fmt::Write;

/// A section for each kind: its `apiVersion` and a table of its fields.
pub fn markdown() -> String {
    let mut text = String::new();
    for kind in Kind::ALL {
        let _ = writeln!(text, "## {}\n\n{}\n", kind.name(), api_versions(kind));
        let _ = writeln!(text, "| field | value | versions |\n|---|---|---|");
        rows(kind.object(), kind, ("", "all"), &mut text);
        text.push('\n');
    }
    text
}

fn api_versions(kind: Kind) -> String {
    if let Some(api) = kind.component_api() {
        return format!(
            "`apiVersion: {api}`. These fields are checked; all others are accepted unchanged and validated by the \
             component itself."
        );
    }
    match kind.versions() {
        (first, last) if first == last => format!("`apiVersion: {first}`."),
        (first, last) => format!("`apiVersion: {first}` to `{}`.", last.name()),
    }
}

/// The fields of `object`, which is at a path and may only exist in some versions.
fn rows(object: &Object, kind: Kind, (prefix, versions_above): (&str, &str), text: &mut String) {
    for field in object.fields.iter().filter(|field| !matches!(field.name, "apiVersion" | "kind")) {
        let path = format!("{prefix}{}", field.name);
        let (first, last) = kind.versions();
        let everywhere = field.since <= first && field.until >= last;
        let versions = if everywhere { versions_above.to_owned() } else { field.versions() };
        let then = if field.successor.is_empty() { String::new() } else { format!("; then {}", field.successor) };
        let (value, below) = describe(field.of);
        let _ = writeln!(text, "| `{path}` | {value} | {versions}{then} |");
        if let Some((step, inner)) = below {
            rows(inner, kind, (&format!("{path}{step}"), &versions), text);
        }
    }
}

/// The type of a value, and the object below it with the path separator.
fn describe(of: Type) -> (&'static str, Option<(&'static str, &'static Object)>) {
    match of {
        Type::Text => ("text", None),
        Type::Secret => ("text, never shown", None),
        Type::Bool => ("true or false", None),
        Type::Int => ("whole number", None),
        Type::Long => ("whole number of 64 bits", None),
        Type::Duration => ("duration, such as `1h30m`", None),
        Type::TextList => ("list of text", None),
        Type::TextMap => ("map to text", None),
        Type::BoolMap => ("map to true or false", None),
        Type::Object(inner) => ("map", Some((".", inner))),
        Type::List(inner) => ("list of maps", Some(("[].", inner))),
        Type::ObjectMap(inner) => ("map to maps", Some((".*.", inner))),
        Type::Any => ("anything", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_listed_with_its_full_path_and_its_versions() {
        let text = markdown();
        assert!(text.contains("| `localAPIEndpoint.bindPort` | whole number | all |\n"), "{text}");
        assert!(text.contains("| `bootstrapTokens[].token` | text, never shown | all |\n"), "{text}");
        assert!(text.contains("| `timeouts.discovery` | duration, such as `1h30m` | v1beta4 |\n"), "{text}");
        assert!(text.contains("| `dryRun` | true or false | v1beta4 |\n"), "{text}");
    }
}
