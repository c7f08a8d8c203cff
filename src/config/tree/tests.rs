use super::*;

fn only(text: &str) -> Node {
    let mut loaded = load(text.as_bytes());
    assert!(loaded.defects.is_empty(), "{:?}", loaded.defects);
    assert_eq!(loaded.documents.len(), 1);
    loaded.documents.remove(0)
}

fn first_defect(bytes: &[u8]) -> (usize, usize, String, String) {
    let loaded = load(bytes);
    let (mark, path, complaint) = loaded.defects.first().expect("a defect").clone();
    (mark.line, mark.column, path, complaint.what)
}

#[test]
fn scalars_have_the_types_of_go() {
    let cases = [
        ("yes", Value::Bool(true)),
        ("Off", Value::Bool(false)),
        ("y", Value::Bool(true)),
        ("'yes'", Value::Text("yes".into())),
        ("~", Value::Null),
        ("0644", Value::Int(420)),
        ("0o17", Value::Int(15)),
        ("0x1F", Value::Int(31)),
        ("-0b11", Value::Int(-3)),
        ("1_000", Value::Int(1000)),
        ("08", Value::Float(8.0)),
        ("18446744073709551615", Value::Int(i128::from(u64::MAX))),
        ("1.20", Value::Float(1.2)),
        (".5", Value::Float(0.5)),
        ("1e3", Value::Float(1000.0)),
        ("v1.20.2", Value::Text("v1.20.2".into())),
        ("1.20.2", Value::Text("1.20.2".into())),
        ("2030-01-02", Value::Text("2030-01-02".into())),
        ("2030-01-02T03:04:05Z", Value::Text("2030-01-02T03:04:05Z".into())),
        ("10.0.0.0/8", Value::Text("10.0.0.0/8".into())),
        ("--5", Value::Text("--5".into())),
        ("0x-5", Value::Text("0x-5".into())),
        ("_", Value::Text("_".into())),
        ("!!str 5", Value::Text("5".into())),
        ("!!int \"5\"", Value::Int(5)),
    ];
    for (text, value) in cases {
        let tree = only(&format!("a: {text}\n"));
        assert_eq!(tree.entry("a").unwrap().value.value, value, "{text}");
    }
}

#[test]
fn keys_and_values_know_their_positions_and_bytes() {
    let text = "# héllo\nä: {b: 'x'}\nlist:\n- one   # end\n- two\nlast: 1\n";
    let tree = only(text);
    let list = tree.entry("list").unwrap();
    assert_eq!((list.mark.line, list.mark.column), (3, 1));
    assert_eq!(&text[list.span.clone()], "list");
    assert_eq!(&text[list.value.span.clone()], "one   # end\n- two");
    assert_eq!(list.value.items()[1].mark, Mark { line: 5, column: 3 });
    let flow = &tree.entry("ä").unwrap().value;
    assert_eq!(&text[flow.span.clone()], "{b: 'x'}");
    assert_eq!(flow.entry("b").unwrap().value.mark, Mark { line: 2, column: 8 });
    assert_eq!(&text[tree.entry("last").unwrap().value.span.clone()], "1");
}

#[test]
fn every_duplicate_key_is_reported_with_both_lines() {
    let loaded = load(b"a:\n  b: 1\n  c: 2\n  b: 3\nd: [{e: 1, e: 2}]\n");
    let found: Vec<_> = loaded.defects.iter().map(|(m, p, c)| (m.line, p.as_str(), c.what.as_str())).collect();
    assert_eq!(
        found,
        [
            (4, "a.b", "is set twice: first on line 2, again on line 4"),
            (5, "d[0].e", "is set twice: first on line 5, again on line 5")
        ]
    );
}

#[test]
fn merges_only_add_missing_keys() {
    let tree = only("x: &x {a: 1, b: 2}\nu:\n  <<: *x\n  b: 3\nz:\n  <<: [*x, {c: 4}]\n");
    let u = tree.entry("u").unwrap().value.to_json();
    assert_eq!(u, serde_json::json!({"b": 3, "a": 1}));
    assert_eq!(tree.entry("z").unwrap().value.to_json(), serde_json::json!({"a": 1, "b": 2, "c": 4}));
    assert!(tree.entry("u").unwrap().value.entry("a").unwrap().merged);
    assert_eq!(first_defect(b"a:\n  <<: 5\n").3, "'<<' takes a map or a list of maps, not a number");
    assert!(only("'<<': 5\n").entry("<<").is_some(), "a quoted '<<' is a key like any other");
}

#[test]
fn several_documents_are_several_trees_and_empty_ones_are_skipped() {
    let loaded = load(b"---\n# only a comment\n---\na: 1\n---\nb: 2\n...\n---\n");
    assert!(loaded.defects.is_empty());
    assert_eq!(loaded.documents.len(), 2);
    assert_eq!(loaded.documents[1].entries()[0].mark.line, 6);
    assert!(load(b"").documents.is_empty());
}

#[test]
fn an_alias_bomb_is_refused_and_does_not_fill_memory() {
    let mut lines = vec![String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]")];
    for i in 1..30 {
        let previous = format!("*a{}", i - 1);
        lines.push(format!("a{i}: &a{i} [{}]", vec![previous; 10].join(",")));
    }
    let (.., what) = first_defect(lines.join("\n").as_bytes());
    assert!(what.contains("more than 100000 values"), "{what}");
}

#[test]
fn nesting_is_limited_for_brackets_indentation_and_aliases() {
    let brackets = format!("a: {}{}\n", "[".repeat(5000), "]".repeat(5000));
    let indents: Vec<String> = (0..500).map(|i| format!("{}a:", " ".repeat(i))).collect();
    let mut aliases = vec![String::from("a0: &a0 [x]")];
    aliases.extend((1..500).map(|i| format!("a{i}: &a{i} [*a{}]", i - 1)));
    let (indents, aliases) = (indents.join("\n"), aliases.join("\n"));
    for text in [brackets, indents, aliases] {
        let (.., what) = first_defect(text.as_bytes());
        assert!(what.contains("64 levels deep"), "{what}");
    }
    assert!(first_defect(b"a: &a [*a]\n").3.contains("refers to a value that contains it"));
}

#[test]
fn bytes_that_are_not_text_are_reported_with_their_position() {
    assert_eq!(first_defect(b"a: 1\nb: \xff\n"), (2, 4, String::new(), "the byte 0xff is not UTF-8".into()));
    assert_eq!(first_defect(b"a: 1\nb\0: 1\n").0, 2);
    assert!(first_defect(b"a: 1\nb\0: 1\n").3.contains("U+0000"));
    assert!(first_defect(b"\xff\xfea\0").3.contains("UTF-16"));
    let big = vec![b'#'; 10 * 1024 * 1024];
    assert!(first_defect(&big).3.contains("10485760 bytes"));
}

#[test]
fn a_byte_order_mark_and_windows_line_breaks_are_accepted() {
    let text = "\u{feff}a: 1\r\nb: x\r\n";
    let tree = only(text);
    assert_eq!(tree.to_json(), serde_json::json!({"a": 1, "b": "x"}));
    assert_eq!(&text[tree.entry("b").unwrap().value.span.clone()], "x");
    assert_eq!(tree.entry("b").unwrap().mark, Mark { line: 2, column: 1 });
}

#[test]
fn invalid_yaml_stops_parsing_and_keeps_what_came_before() {
    let loaded = load(b"a: 1\n---\nb: [\n");
    assert_eq!(loaded.documents.len(), 1);
    assert!(loaded.stopped);
    let (line, _, path, what) = first_defect(b"networking:\n  podSubnet: 'x\n");
    assert_eq!((line, path.as_str()), (3, "networking.podSubnet"), "an open quote reaches to the end of the file");
    assert!(what.starts_with("invalid YAML: "), "{what}");
    assert!(first_defect(b"a:\n\t- b\n").3.contains("tab"));
    assert!(first_defect(b"a: *b\n").3.contains("anchor"));
}

#[test]
fn numbers_that_json_cannot_represent_are_refused() {
    assert_eq!(first_defect(b"a: .inf\n").2, "a");
    assert!(first_defect(b"a: 1e999\n").3.contains("out of range for any field"));
}

#[test]
fn a_list_or_null_cannot_be_a_key() {
    assert_eq!(first_defect(b"[a]: 1\n").3, "a list cannot be a key");
    assert_eq!(first_defect(b"~: 1\n").3, "nothing cannot be a key");
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = load(&bytes);
    }

    #[test]
    fn no_yaml_like_text_makes_it_panic(text in "[a-c:\\-?\\[\\]{},&*!|>'\"%@ \\n\\t#~0-9.<]{0,120}") {
        let _ = load(text.as_bytes());
    }
}
