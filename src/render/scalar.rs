//! Writes a single value for use in a YAML template, so that every parser reads it back unchanged.
//!
//! Strings are written as in Go, without quotes unless they are ambiguous. Lists, maps and multi-line text are written
//! on one line, with sorted keys.

use crate::base::go_yaml;
use serde_json::Value;
use std::fmt::Write;

/// `value` as a scalar or flow collection, for use after `key: ` or `- ` in block style.
pub fn write(value: &Value) -> String {
    match value {
        Value::String(text) if !text.contains('\n') => go_yaml::to_string(value).trim_end_matches('\n').to_owned(),
        _ => write_flow(value),
    }
}

fn write_flow(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Array(items) => format!("[{}]", items.iter().map(write_flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            let entries: Vec<_> =
                entries.iter().map(|(key, item)| format!("{}: {}", quote(key), write_flow(item))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// In double quotes, with line breaks, invisible characters and those not allowed in YAML escaped.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            '\0'..='\x1f' | '\x7f'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{fe00}'..='\u{ffff}' => {
                // Writing to a String cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn strings_are_only_quoted_if_they_are_ambiguous() {
        for text in [
            "--advertise-address=192.168.0.36",
            "--controllers=*,bootstrapsigner,tokencleaner",
            "192.168.0.36:6443",
            "10.244.0.0/16,fd00:10:244::/56",
            "100Mi",
            "registry.k8s.io/etcd:3.6.8-0",
        ] {
            assert_eq!(write(&json!(text)), text);
        }
        for text in ["", "yes", "Off", "1.20", "0x1f", "1:30", "1e3", "two\nlines\n"] {
            assert_eq!(write(&json!(text)), format!("{text:?}"));
        }
        for text in ["a: b", "key:", "a #b", "- a", "---", "*a", "{a}"] {
            assert_eq!(write(&json!(text)), format!("'{text}'"));
        }
    }

    #[test]
    fn collections_are_written_on_one_line_with_sorted_keys() {
        assert_eq!(write(&json!({"b": [1, true, null, "x"], "a": {}})), r#"{"a": {}, "b": [1, true, null, "x"]}"#);
    }

    proptest! {
        #[test]
        fn whatever_the_string_is_two_readers_read_it_back(text in any::<String>()) {
            let document = format!("key:\n- {}\n", write(&json!(text)));
            let wanted = json!({ "key": [text] });
            prop_assert_eq!(&serde_saphyr::from_str::<Value>(&document).unwrap(), &wanted);
            prop_assert_eq!(&serde_yaml::from_str::<Value>(&document).unwrap(), &wanted);
        }

        #[test]
        fn whatever_looks_like_yaml_is_read_back_too(text in "[-a-zA-Z0-9:=,./*&!#%@_ \\[\\]{}'\"|>?~\n\t]{0,12}") {
            let document = format!("key:\n- {}\n", write(&json!(text)));
            prop_assert_eq!(serde_saphyr::from_str::<Value>(&document).unwrap(), json!({ "key": [text] }));
        }
    }
}
