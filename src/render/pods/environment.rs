//! The environment variables of a container: this process's proxy settings, then the user's own.

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `EnvVar` objects sorted by name. The user's take precedence over the environment's, later ones over earlier ones.
pub(super) fn merge(environment: Option<&BTreeMap<String, String>>, extra: &[Value]) -> Vec<Value> {
    let mut merged: BTreeMap<&str, Value> = BTreeMap::new();
    for (name, value) in environment.into_iter().flatten() {
        if name.to_ascii_lowercase().ends_with("_proxy") && !value.is_empty() {
            merged.insert(name, json!({ "name": name, "value": value }));
        }
    }
    for variable in extra {
        merged.insert(variable["name"].as_str().unwrap_or_default(), variable.clone());
    }
    merged.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_come_from_the_environment_unless_the_user_sets_them() {
        let environment = [
            ("HTTP_PROXY", "http://a"),
            ("no_proxy", "10.0.0.0/8"),
            ("HTTPS_PROXY", ""),
            ("PATH", "/bin"),
            ("Ftp_Proxy", "http://f"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let field = json!({"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}});
        let extra = [json!({"name": "HTTP_PROXY", "value": "http://b"}), field.clone()];
        let names =
            |merged: &[Value]| merged.iter().map(|v| v["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        let merged = merge(Some(&environment), &extra);
        assert_eq!(names(&merged), ["Ftp_Proxy", "HTTP_PROXY", "NODE", "no_proxy"]);
        assert_eq!(merged[1]["value"], "http://b");
        assert_eq!(merged[2], field);
        assert_eq!(names(&merge(None, &extra)), ["HTTP_PROXY", "NODE"]);
    }
}
