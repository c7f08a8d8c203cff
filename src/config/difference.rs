//! Compares two documents field by field.
//!
//! Lists of named items (`extraArgs`, `extraVolumes`) are compared by name, in any order.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// The field with environment variables, which may contain proxy passwords.
const ENVIRONMENT: &str = ".extraEnvs.";

/// A field that differs between two documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The path: `apiServer.extraArgs.oidc-issuer-url`.
    pub path: String,
    before: Option<Value>,
    after: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<Value>| match value {
            None => "unset".to_owned(),
            Some(_) if self.path.contains(ENVIRONMENT) => "(not shown)".to_owned(),
            Some(Value::String(text)) if !text.is_empty() => text.clone(),
            Some(other) => other.to_string(),
        };
        write!(f, "{}: {} -> {}", self.path, shown(&self.before), shown(&self.after))
    }
}

/// The fields in which `after` differs from `before`, by path. An empty field counts as absent.
pub fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    flatten("", before, &mut old);
    flatten("", after, &mut new);
    let mut paths: Vec<String> = old.keys().chain(new.keys()).cloned().collect();
    paths.sort();
    paths.dedup();
    let pairs = paths.into_iter().map(|path| (old.remove(&path), new.remove(&path), path));
    pairs
        .filter(|(before, after, _)| before != after)
        .map(|(before, after, path)| Difference { path, before, after })
        .collect()
}

fn flatten(path: &str, value: &Value, out: &mut BTreeMap<String, Value>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Null => {}
        Value::Object(fields) => fields.iter().for_each(|(name, value)| flatten(&below(name), value, out)),
        Value::Array(items) => match items.iter().map(named).collect::<Option<Vec<_>>>() {
            Some(named) => {
                for (name, value) in named {
                    let mut path = below(name);
                    // A flag may be given more than once.
                    while out.contains_key(&path) {
                        path.push('+');
                    }
                    out.insert(path, value);
                }
            }
            None => _ = out.insert(path.to_owned(), value.clone()),
        },
        other => _ = out.insert(path.to_owned(), other.clone()),
    }
}

/// The name of a list item and the rest of it, or its value if there is nothing else.
fn named(item: &Value) -> Option<(&str, Value)> {
    let name = item["name"].as_str()?;
    let mut rest = item.as_object()?.clone();
    rest.remove("name");
    let value = if rest.len() == 1 { rest.remove("value") } else { None };
    Some((name, value.unwrap_or(Value::Object(rest))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(before: &Value, after: &Value) -> Vec<String> {
        differences(before, after).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn fields_are_listed_by_path_and_named_items_by_name() {
        let before =
            json!({"a": {"b": "x", "c": 1}, "list": [{"name": "v", "value": "1"}, {"name": "w", "value": "2"}]});
        let after = json!({"a": {"c": 1, "d": {}}, "list": [{"name": "w", "value": "3"}, {"name": "v", "value": "1"}]});
        assert_eq!(shown(&before, &after), ["a.b: x -> unset", "list.w: 2 -> 3"]);
        assert_eq!(shown(&json!({"sans": ["a"]}), &json!({"sans": []})), [r#"sans: ["a"] -> unset"#]);
    }

    #[test]
    fn a_flag_given_twice_keeps_both_values() {
        let args = |values: &[&str]| json!({"args": values.iter().map(|v| json!({"name": "n", "value": v})).collect::<Vec<_>>()});
        assert_eq!(shown(&args(&["1", "2"]), &args(&["1"])), ["args.n+: 2 -> unset"]);
    }

    #[test]
    fn environment_variables_are_not_displayed() {
        let before = json!({"apiServer": {"extraEnvs": [{"name": "PROXY", "value": "http://u:secret@p"}]}});
        assert_eq!(shown(&before, &json!({})), ["apiServer.extraEnvs.PROXY: (not shown) -> unset"]);
    }
}
