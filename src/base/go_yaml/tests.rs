use super::*;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn structure_is_laid_out_as_go_does() {
    let value = json!({
        "users": null, "kind": "Config", "list": [{"b": 1, "a": ["x"]}, [], [1, [2]]], "map": {}, "none": [],
        "nested": {"text": "one\ntwo\n", "cut": "one\ntwo"},
    });
    assert_eq!(
        to_string(&value),
        "\
kind: Config
list:
- a:
  - x
  b: 1
- []
- - 1
  - - 2
map: {}
nested:
  cut: |-
    one
    two
  text: |
    one
    two
none: []
users: null
"
    );
}

#[test]
fn strings_are_quoted_like_in_go() {
    for bare in [
        "0.0.0.0",
        "0s",
        "4m0s",
        "10.244.0.0/16,fd00:10:244::/56",
        "https://[::1]:6443",
        "a b",
        "fd00::1",
        "v1.20.2",
        "1.20.2",
        "-a",
        "08-x",
        "it's",
        "/etc/kubernetes/pki/ca.crt",
    ] {
        assert_eq!(scalar(&json!(bare), 0), bare);
    }
    for double in
        ["", "yes", "n", "null", "~", "1.20", "0644", "1_000", "0x1f", "1e3", ".5", "1:30", "2021-01-13", "<<"]
    {
        assert_eq!(scalar(&json!(double), 0), format!("\"{double}\""));
    }
    for single in ["::", "*", "a: b", "key:", "a #b", "- a", "[x]", "%d", " a", "@x", "&x"] {
        assert_eq!(scalar(&json!(single), 0), format!("'{single}'"));
    }
    assert_eq!(scalar(&json!("a\u{7}\""), 0), "\"a\\x07\\\"\"");
}

#[test]
fn keys_are_in_natural_order() {
    let value = json!({"a10": 1, "a9": 1, "B": 1, "a_b": 1, "ab": 1, "a": 1, "1": 1});
    let text = to_string(&value);
    let keys: Vec<&str> = text.lines().map(|line| line.split(':').next().unwrap().trim_matches('"')).collect();
    assert_eq!(keys, ["1", "B", "a", "a_b", "a9", "a10", "ab"]);
}

/// Any JSON value, with strings that are hard for YAML parsers.
fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![any::<String>(), "[-a-z0-9:=,./*&!#%@_ \\[\\]{}'\"|>?~\n\t]{0,8}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z0-9./:-]{1,6}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_back(value in any_value()) {
        let text = to_string(&value);
        prop_assert_eq!(&serde_saphyr::from_str::<Value>(&text).unwrap(), &value, "{}", text);
        prop_assert_eq!(&serde_yaml::from_str::<Value>(&text).unwrap(), &value, "{}", text);
    }
}
