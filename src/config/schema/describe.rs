//! The tables as Markdown, for `docs/config.md`.

use super::shape::{Object, Type};
use super::{Kind, component};
use std::fmt::Write;

/// A section for each kind: its `apiVersion` and a table of its fields.
pub fn markdown() -> String {
    let mut text = String::new();
    for kind in Kind::ALL {
        let _ = writeln!(text, "## {}\n\n{}\n", kind.name(), api_versions(kind));
        let last = if kind == Kind::Hosts { "meaning" } else { "versions" };
        let _ = writeln!(text, "| field | value | {last} |\n|---|---|---|");
        if kind.component_api().is_none() {
            rows(kind.object(), kind, ("", "all"), &mut text);
        }
        for field in component::fields(kind) {
            let value = component::description(field.of);
            let value = value.strip_prefix("a ").unwrap_or(value);
            let _ = writeln!(text, "| `{}` | {value} | {} |", field.path, field.minors());
        }
        text.push('\n');
    }
    text
}

fn api_versions(kind: Kind) -> String {
    if kind == Kind::Hosts {
        return format!(
            "`apiVersion: {}`. kubewright's own: the hosts of a cluster, for the commands with `-f` (see [fleet.md](fleet.md)).",
            super::hosts::API
        );
    }
    if let Some(api) = kind.component_api() {
        return format!(
            "`apiVersion: {api}`. Names, types and units are checked for the minor version of the cluster; the last column \
             lists the minor versions that have the field."
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
        let meaning = super::hosts::MEANINGS.iter().find(|(of, _)| kind == Kind::Hosts && *of == path);
        let versions = meaning.map_or(versions.as_str(), |(_, meaning)| meaning);
        let _ = writeln!(text, "| `{path}` | {value} | {versions}{then} |");
        if let Some((step, inner)) = below {
            rows(inner, kind, (&format!("{path}{step}"), versions), text);
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
        Type::Share => ("whole number or text", None),
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
