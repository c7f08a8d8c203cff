//! Writes values as YAML in block style, the way Go's writers do: keys sorted, lists not indented,
//! text of several lines as it is. Equal values give equal bytes, of which others keep hashes.

use super::scalar;
use serde_json::Value;

/// `value` as one YAML document without `---`, ending in a newline.
pub fn write(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => write_map(&mut text, map, 0),
        Value::Array(items) if !items.is_empty() => write_list(&mut text, items, 0),
        _ => text.push_str(&format!("{}\n", scalar::write(value))),
    }
    text
}

/// The entries of a map; the text must stand where the first key belongs.
fn write_map(text: &mut String, map: &serde_json::Map<String, Value>, indent: usize) {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, _)| key.as_str());
    for (index, (key, value)) in entries.into_iter().enumerate() {
        if index > 0 {
            pad(text, indent);
        }
        text.push_str(&scalar::write(&Value::String(key.clone())));
        text.push(':');
        match value {
            Value::Object(below) if !below.is_empty() => {
                text.push('\n');
                pad(text, indent + 2);
                write_map(text, below, indent + 2);
            }
            Value::Array(items) if !items.is_empty() => {
                text.push('\n');
                pad(text, indent);
                write_list(text, items, indent);
            }
            _ => write_leaf(text, value, indent),
        }
    }
}

/// The items of a list; the text must stand where the first dash belongs.
fn write_list(text: &mut String, items: &[Value], indent: usize) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            pad(text, indent);
        }
        text.push('-');
        match item {
            Value::Object(map) if !map.is_empty() => {
                text.push(' ');
                write_map(text, map, indent + 2);
            }
            Value::Array(below) if !below.is_empty() => {
                text.push(' ');
                write_list(text, below, indent + 2);
            }
            _ => write_leaf(text, item, indent),
        }
    }
}

fn write_leaf(text: &mut String, value: &Value, indent: usize) {
    text.push(' ');
    match value {
        Value::String(lines) if stands_literally(lines) => write_literal(text, lines, indent + 2),
        _ => {
            text.push_str(&scalar::write(value));
            text.push('\n');
        }
    }
}

/// True for text of several lines that a literal block shows without loss.
fn stands_literally(text: &str) -> bool {
    text.trim_end_matches('\n').contains('\n')
        && !text.starts_with([' ', '\t', '\n'])
        && text.chars().all(|c| c == '\n' || c == '\t' || scalar::is_printable(c))
}

fn write_literal(text: &mut String, lines: &str, indent: usize) {
    let body = lines.trim_end_matches('\n');
    text.push_str(match lines.len() - body.len() {
        0 => "|-\n",
        1 => "|\n",
        _ => "|+\n",
    });
    for line in body.split('\n') {
        if !line.is_empty() {
            pad(text, indent);
            text.push_str(line);
        }
        text.push('\n');
    }
    // `|+` keeps the newlines after the last line, of which the loop wrote one.
    text.extend(std::iter::repeat_n('\n', (lines.len() - body.len()).saturating_sub(1)));
}

fn pad(text: &mut String, indent: usize) {
    text.extend(std::iter::repeat_n(' ', indent));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn values_are_written_as_go_does() {
        let value = json!({
            "spec": {"containers": [{"name": "a", "command": ["x", "--y=1"]}, {"name": "b"}], "empty": {}, "none": []},
            "port": 1, "on": true, "script": "set -e\n\necho\n", "matrix": [[1, 2], [3]], "nothing": null,
        });
        let wanted = "matrix:\n- - 1\n  - 2\n- - 3\nnothing: null\n\"on\": true\nport: 1\nscript: |\n  set -e\n\n  echo\n\
                      spec:\n  containers:\n  - command:\n    - x\n    - --y=1\n    name: a\n  - name: b\n  empty: {}\n  none: []\n";
        assert_eq!(write(&value), wanted);
        assert_eq!(write(&json!({})), "{}\n");
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![any::<String>(), "[a-z: #-]{0,4}(\n[ a-z\t:]{0,5}){0,3}\n{0,3}"];
        let leaf = prop_oneof![
            text.prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-zA-Z0-9 :.~-]{1,5}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_the_value_is_two_readers_read_it_back(value in any_value()) {
            let value = json!({ "key": value });
            let text = write(&value);
            prop_assert_eq!(&serde_saphyr::from_str::<Value>(&text).unwrap(), &value, "{}", text);
            prop_assert_eq!(&serde_yaml::from_str::<Value>(&text).unwrap(), &value, "{}", text);
        }
    }
}
