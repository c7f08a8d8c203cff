//! Parses YAML and JSON that this tool did not write: kubeconfig files, manifests, documents from a cluster.
//!
//! Size, number of values and depth are limited, counted after expanding aliases: otherwise a few kilobytes of aliases
//! could exhaust the memory. Errors contain the position and the problem, but never a value, which may be a secret.

use super::tree::{self, Mark, Node, TypeError};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The text cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct UntrustedError(TypeError);

/// The only document in `bytes`. A byte order mark and empty documents (a `---` at the end) are ignored.
pub fn document(bytes: &[u8]) -> Result<Node, UntrustedError> {
    let error = |mark: Option<Mark>, what: String| UntrustedError(TypeError { mark, path: String::new(), what });
    let mut loaded = tree::load(bytes);
    // Without the path of the field: in a damaged file a key can be anything.
    if let Some((mark, _, complaint)) = loaded.defects.pop() {
        return Err(error(Some(mark), complaint.what));
    }
    match (loaded.documents.pop(), loaded.documents.len()) {
        (Some(document), 0) => Ok(document),
        (Some(document), _) => Err(error(Some(document.mark), "more than one document".into())),
        (None, _) => Err(error(None, "the document is empty".into())),
    }
}

/// The only document in `bytes` as a typed value.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, UntrustedError> {
    typed(&document(bytes)?)
}

/// A document as a typed value.
pub fn typed<T: DeserializeOwned>(document: &Node) -> Result<T, UntrustedError> {
    T::deserialize(document).map_err(UntrustedError)
}

/// The only document in `bytes` as JSON.
pub fn value(bytes: &[u8]) -> Result<Value, UntrustedError> {
    document(bytes).map(|document| document.to_json())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Shape {
        name: String,
        #[serde(default)]
        list: Vec<Inner>,
        #[serde(flatten)]
        more: Map<String, Value>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Inner {
        count: u8,
        text: Option<String>,
    }

    fn error(text: &str) -> String {
        read::<Shape>(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_document_becomes_its_type_and_unknown_fields_stay() {
        let read: Shape =
            read("name: a\nlist: [{count: 3}, {count: 4, text: b}]\nx: {z: [1, 2.5, ~, yes]}\n".as_bytes()).unwrap();
        let list = vec![Inner { count: 3, text: None }, Inner { count: 4, text: Some("b".into()) }];
        let more = json!({"x": {"z": [1, 2.5, null, true]}}).as_object().cloned().unwrap();
        assert_eq!(read, Shape { name: "a".into(), list, more });
        assert_eq!(value(br#"{"a": [1, {"b": "c"}]}"#).unwrap(), json!({"a": [1, {"b": "c"}]}));
    }

    #[test]
    fn a_byte_order_mark_and_a_trailing_separator_are_no_second_document() {
        assert_eq!(value(b"\xef\xbb\xbfa: 1\n---\n").unwrap(), json!({"a": 1}));
        assert_eq!(value(b"---\na: 1\n---\n# end\n").unwrap(), json!({"a": 1}));
        assert!(value(b"a: 1\n---\nb: 2\n").unwrap_err().to_string().contains("line 3, column 1: more than one"));
    }

    /// Each of these needed gigabytes without limits.
    #[test]
    fn a_small_file_that_aliases_make_large_is_refused() {
        let list = format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(5000), "*a,".repeat(4000));
        let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(10_000), "*a,".repeat(4000));
        let keys = format!("a: &a {{{}}}\nb: [{}]\n", "k: &k {<<: *k},".repeat(2000), "*a,".repeat(4000));
        let doubling = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, nth| {
            format!("{text}a{nth}: &a{nth} [*a{0}, *a{0}]\n", nth - 1)
        });
        let nested: String = (0..60).map(|nth| format!("&a{nth} [")).collect();
        let nested = format!("{nested}{}{}\n", "x,".repeat(20_000), "]".repeat(60));
        for bomb in [list, text, doubling, nested] {
            let error = document(bomb.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("more than 100000 values"), "{error}");
        }
        document(keys.as_bytes()).unwrap_err();
    }

    #[test]
    fn an_error_says_where_and_does_not_show_the_value() {
        assert_eq!(error("name: [geheim]"), "line 1, column 7: name: expected a string, found a list");
        assert_eq!(
            error("name: a\nlist:\n- count: 1\n- count: geheim"),
            "line 4, column 10: list[1].count: expected u8, found text"
        );
        assert_eq!(error("name: a\nlist: [{count: 999}]"), "line 2, column 16: list[0].count: expected u8");
        assert_eq!(error("geheim"), "line 1, column 1: expected struct Shape, found text");
        assert_eq!(error("x: geheim"), "line 1, column 1: missing field `name`");
        for text in
            ["geheim: 1\ngeheim: 2", "a: [geheim", "a: 'geheim", "*geheim", "geheim: b: c", "- geheim\nx", "a: .inf"]
        {
            assert!(!error(text).contains("geheim") && !error(text).contains("inf "), "{}", error(text));
        }
    }
}
