//! Tests of edits: the value is set, and nothing else changes.

use super::*;
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

const CRI: &str = "io.containerd.grpc.v1.cri";
const OPTION: [&str; 7] = ["plugins", CRI, "containerd", "runtimes", "runc", "options", "SystemdCgroup"];

fn tree(item: &Item) -> Json {
    match item {
        Item::None => Json::Null,
        Item::Value(value) => value_tree(value),
        Item::Table(table) => {
            table.iter().map(|(key, item)| (key.to_owned(), tree(item))).collect::<Map<_, _>>().into()
        }
        Item::ArrayOfTables(tables) => tables.iter().map(|table| tree(&Item::Table(table.clone()))).collect(),
    }
}

fn value_tree(value: &Value) -> Json {
    match value {
        Value::Array(items) => items.iter().map(value_tree).collect(),
        Value::InlineTable(table) => {
            table.iter().map(|(key, value)| (key.to_owned(), value_tree(value))).collect::<Map<_, _>>().into()
        }
        Value::String(text) => json!(text.value()),
        Value::Boolean(value) => json!(value.value()),
        other => json!(other.to_string().trim()),
    }
}

fn parse(text: &str) -> Json {
    tree(Document::parse(text).unwrap_or_else(|error| panic!("{error}:\n{text}")).0.as_item())
}

/// Sets the option, and checks that nothing else changed.
fn edited(text: &str) -> String {
    let mut document = Document::parse(text).unwrap();
    document.set(&OPTION, true).unwrap();
    let written = document.to_string();
    let mut expected = parse(text);
    insert(&mut expected, &OPTION, json!(true)).unwrap();
    assert_eq!(parse(&written), expected, "from:\n{text}\nto:\n{written}");
    written
}

fn insert(tree: &mut Json, path: &[&str], value: Json) -> Option<()> {
    let (first, rest) = path.split_first()?;
    let table = tree.as_object_mut()?;
    if rest.is_empty() {
        let is_table = table.get(*first).is_some_and(Json::is_object);
        return (!is_table).then(|| drop(table.insert((*first).to_owned(), value)));
    }
    insert(table.entry(*first).or_insert_with(|| json!({})), rest, value)
}

#[test]
fn every_style_of_a_table_is_kept_by_an_edit() {
    let header = format!("[plugins.\"{CRI}\"]\n");
    let runc = format!("[plugins.\"{CRI}\".containerd.runtimes.runc]\n");
    let options = format!("[plugins.\"{CRI}\".containerd.runtimes.runc.options]");
    for (from, to) in [
        (format!("{options}#x\nSystemdCgroup = false\n"), format!("{options}#x\nSystemdCgroup = true\n")),
        (format!("{options}\t# x\n  A = 1\n"), format!("{options}\t# x\n  A = 1\n  SystemdCgroup = true\n")),
        (format!("{runc}options.SystemdCgroup = false\n"), format!("{runc}options.SystemdCgroup = true\n")),
        (
            format!("{header}containerd.runtimes.runc.runtime_type = \"t\" # why\n"),
            format!(
                "{header}containerd.runtimes.runc.runtime_type = \"t\" # why\n\
                 containerd.runtimes.runc.options.SystemdCgroup = true\n"
            ),
        ),
        (
            format!("{runc}options = {{ SystemdCgroup = false, B = 2 }}\n"),
            format!("{runc}options = {{ SystemdCgroup = true, B = 2 }}\n"),
        ),
        (format!("{runc}options = {{}} # x\n"), format!("{runc}options = {{ SystemdCgroup = true }} # x\n")),
        (
            format!("{header}containerd = {{ runtimes = {{ runc = {{ x = 1 }} }} }}\n"),
            format!(
                "{header}containerd = {{ runtimes = {{ runc = {{ x = 1, options = {{ SystemdCgroup = true }} }} }} }}\n"
            ),
        ),
        (format!("{options}\n\"SystemdCgroup\" = false\n"), format!("{options}\n\"SystemdCgroup\" = true\n")),
        (
            format!("{options}\n  'SystemdCgroup'  =  false  # x\n"),
            format!("{options}\n  'SystemdCgroup'  =  true  # x\n"),
        ),
        (
            format!("{runc}a = [\n  [1]\n]\nb = \"\"\"\n{options}\nSystemdCgroup = false\n\"\"\"\n"),
            format!(
                "{runc}a = [\n  [1]\n]\nb = \"\"\"\n{options}\nSystemdCgroup = false\n\"\"\"\n\n{options}\n\
                 SystemdCgroup = true\n"
            ),
        ),
        (
            format!("plugins.'{CRI}'.x = 1\n"),
            format!("plugins.'{CRI}'.x = 1\nplugins.'{CRI}'.containerd.runtimes.runc.options.SystemdCgroup = true\n"),
        ),
    ] {
        assert_eq!(edited(&from), to, "{from}");
    }
}

#[test]
fn comments_at_the_end_of_a_file_stay_before_an_added_table() {
    let license = "# license\n\ndisabled_plugins = []\n\n#root = \"/x\"\n#[grpc]\n";
    let expected = format!("{license}\n[plugins.\"{CRI}\".containerd.runtimes.runc.options]\nSystemdCgroup = true\n");
    assert_eq!(edited(license), expected);
    let expected =
        format!("# only this\n\n[plugins.\"{CRI}\".containerd.runtimes.runc.options]\nSystemdCgroup = true\n");
    assert_eq!(edited("# only this\n"), expected);
}

#[test]
fn a_value_instead_of_a_table_is_refused_and_nothing_changes() {
    for (text, key) in [
        ("plugins = 3\n", "plugins"),
        ("[[plugins]]\nx = 1\n", "plugins"),
        ("[plugins]\n\"io.containerd.grpc.v1.cri\" = []\n", "plugins.\"io.containerd.grpc.v1.cri\""),
    ] {
        let error = Document::parse(text).unwrap().set(&OPTION, true).unwrap_err();
        assert_eq!(error, DocumentError::Kind { key: key.into(), expected: "table" });
    }
    let text = "[a.b]\nx = 1\n";
    assert!(Document::parse(text).unwrap().set(&["a", "b"], true).is_err());
}

#[test]
fn an_invalid_file_is_refused_with_the_position_and_without_its_content() {
    let error = Document::parse("version = 2\npassword = \"hunter2\nx = 1\n").unwrap_err();
    assert!(error.to_string().starts_with("line 2, column "), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn items_are_removed_from_a_list_and_the_others_keep_their_comments() {
    for (from, to) in [
        ("p = [\"cri\"]\n", "p = []\n"),
        ("p = [\n  \"cri\", # why\n]\n", "p = [ # why\n]\n"),
        ("p = [\n  'cri',\n  \"btrfs\", # b\n  'zfs'\n]\n", "p = [\n  \"btrfs\", # b\n  'zfs'\n]\n"),
        ("p = [\"zfs\"]\n", "p = [\"zfs\"]\n"),
        ("q = 1\n", "q = 1\n"),
    ] {
        let mut document = Document::parse(from).unwrap();
        assert_eq!(document.remove_items(&["p"], |item| item == "cri"), Ok(from != to));
        assert_eq!(document.to_string(), to);
    }
    for text in ["p = 1\n", "p = [1]\n"] {
        assert!(Document::parse(text).unwrap().remove_items(&["p"], |_| true).is_err());
    }
}

/// A table and its style.
#[derive(Clone, Debug)]
enum Node {
    Leaf(&'static str),
    Table(Vec<(String, Node)>, Style),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Style {
    Header,
    Dotted,
    Inline,
}

const LEAVES: [&str; 9] = [
    "1",
    "true",
    "\"a # b = [c]\"",
    "'[plugins] = \"x\"'",
    "\"\"\"\n[plugins]\nSystemdCgroup = false # no comment\n\"\"\"",
    "'''\n'a' = \"b\"\n'''",
    "[ 1, # one\n  [2],\n]",
    "[\"a\", { b = 1, c.d = 'x' }]",
    "1979-05-27T07:32:00Z",
];
const KEYS: [&str; 8] = ["containerd", "runtimes", "runc", "options", "SystemdCgroup", "a b", CRI, "ä\"'"];

fn style() -> impl Strategy<Value = Style> {
    prop_oneof![Just(Style::Header), Just(Style::Dotted), Just(Style::Inline)]
}

fn siblings(inner: impl Strategy<Value = Node>) -> impl Strategy<Value = Vec<(String, Node)>> {
    let pair = (prop::sample::select(&KEYS[..]), inner).prop_map(|(key, node)| (key.to_owned(), node));
    prop::collection::vec(pair, 0..4)
}

fn any_node() -> impl Strategy<Value = Node> {
    let leaf = prop::sample::select(&LEAVES[..]).prop_map(Node::Leaf);
    leaf.prop_recursive(3, 20, 4, |inner| (siblings(inner), style()).prop_map(|(all, style)| Node::Table(all, style)))
}

/// A file with the option's path to some depth, and other keys at each level.
fn any_file() -> impl Strategy<Value = Node> {
    let levels = prop::collection::vec((siblings(any_node()), style(), any::<bool>()), 0..=OPTION.len());
    (levels, any_node()).prop_map(|(levels, end)| {
        let mut node = end;
        for (depth, (siblings, style, comes_last)) in levels.into_iter().enumerate().rev() {
            let mut all: Vec<(String, Node)> = siblings.into_iter().filter(|(key, _)| key != OPTION[depth]).collect();
            let place = if comes_last { all.len() } else { 0 };
            all.insert(place, (OPTION[depth].to_owned(), node));
            node = Node::Table(all, if depth == 0 { Style::Header } else { style });
        }
        match node {
            Node::Leaf(_) => Node::Table(vec![("x".into(), node)], Style::Header),
            table @ Node::Table(..) => table,
        }
    })
}

fn key(name: &str) -> String {
    let is_bare = name.chars().all(|c| c.is_ascii_alphanumeric());
    if is_bare && name.len().is_multiple_of(2) { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\\\"")) }
}

fn inline(node: &Node) -> String {
    match node {
        Node::Leaf(text) => (*text).to_owned(),
        Node::Table(all, _) => {
            let pairs: Vec<String> =
                all.iter().map(|(name, node)| format!("{} = {}", key(name), inline(node))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}

/// The lines of a table's own keys, followed by the tables that need a header.
fn lines<'a>(
    all: &'a [(String, Node)],
    prefix: &str,
    path: &[String],
    out: &mut String,
) -> Vec<(Vec<String>, &'a Node)> {
    let mut headers = Vec::new();
    for (name, node) in all {
        let below: Vec<String> = path.iter().cloned().chain([key(name)]).collect();
        match node {
            Node::Table(..) if matches!(node, Node::Table(_, Style::Header)) => headers.push((below, node)),
            Node::Table(all, Style::Dotted) if !all.is_empty() => {
                let prefix = format!("{prefix}{} . ", key(name));
                let inner = lines(all, &prefix, &below, out);
                headers.extend(inner);
            }
            node => *out += &format!("  {prefix}{} = {} # C\n", key(name), inline(node)),
        }
    }
    headers
}

fn write(node: &Node, path: &[String], out: &mut String) {
    let Node::Table(all, _) = node else { return };
    if !path.is_empty() {
        *out += &format!("[{}]# C\n", path.join("."));
    }
    for (path, node) in lines(all, "", path, out) {
        write(node, &path, out);
    }
    if path.is_empty() {
        *out += "# C, the end";
    }
}

/// Keys that occur once in a table.
fn unique(node: Node) -> Node {
    let Node::Table(all, style) = node else { return node };
    let mut seen = std::collections::BTreeSet::new();
    let all = all.into_iter().filter(|(key, _)| seen.insert(key.clone())).map(|(key, node)| (key, unique(node)));
    Node::Table(all.collect(), style)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn any_file_stays_toml_and_keeps_all_but_the_option(node in any_file()) {
        let mut text = String::new();
        write(&unique(node), &[], &mut text);
        let mut document = Document::parse(&text).map_err(|e| TestCaseError::fail(format!("{e}:\n{text}")))?;
        let mut expected = parse(&text);
        let possible = insert(&mut expected, &OPTION, json!(true)).is_some();
        prop_assert_eq!(document.set(&OPTION, true).is_ok(), possible, "{}", text);
        if possible {
            let written = document.to_string();
            let again = Document::parse(&written).map_err(|e| TestCaseError::fail(format!("{e}:\n{written}")))?;
            prop_assert_eq!(tree(again.0.as_item()), expected, "from:\n{}\nto:\n{}", text, written);
            prop_assert_eq!(text.matches("# C").count(), written.matches("# C").count(), "{}", written);
            document.set(&OPTION, true).map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(document.to_string(), written);
        }
    }
}
