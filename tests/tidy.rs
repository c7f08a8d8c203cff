//! The conventions of the source tree, as tests. Each failure names file, line and what to do.

use crate::support::tree;

/// Lowest first; modules of one row never import one another, except as [`SIBLINGS`] says.
const LAYERS: &[&[&str]] = &[
    &["base"],
    &["domain"],
    &["config", "versions"],
    &["etcd", "host", "kube", "pki", "render", "ssh"],
    &["checks", "journal"],
    &["context"],
    &["pipeline"],
    &["state"],
    &["ops"],
    &["phases"],
    &["report"],
    &["fleet"],
    &["cli"],
];

/// Imports within a row that are allowed: a configuration is read in the light of its version, and a check
/// distinguishes our own files from foreign ones by the journal.
const SIBLINGS: &[(&str, &str)] = &[("config", "versions"), ("checks", "journal")];

/// The longest that a source file may be, in lines.
const LONGEST: usize = 400;

/// Text that may stand only in certain files: what, where, and why.
const ONLY_IN: &[(&str, &[&str], &str)] = &[
    ("std::env::args", &["src/base/env.rs"], PROCESS),
    ("std::env::current_dir", &["src/base/env.rs"], PROCESS),
    ("std::env::temp_dir", &["src/base/env.rs"], PROCESS),
    ("env::var", &["src/base/env.rs"], PROCESS),
    ("io::stdin", &["src/base/env.rs"], PROCESS),
    ("io::stdout", &["src/base/env.rs"], PROCESS),
    ("io::stderr", &["src/base/env.rs", "src/cli/screen.rs"], PROCESS),
    // Only the system clock measures how long a child process or a runtime takes.
    ("Instant::now", &["src/base/env.rs", "src/host/command/process.rs", "src/host/cri/"], PROCESS),
    ("SystemTime::now", &["src/base/env.rs"], PROCESS),
    (
        "thread::sleep",
        &["src/base/env.rs", "src/host/command/process.rs"],
        "waiting goes through base::env::Clock, so that tests need no time",
    ),
    ("process::exit", &[], "guards must run: return an exit code"),
    (
        "process::Command",
        &["src/host/", "src/ssh/system.rs"],
        "only host runs commands on this machine, and ssh its namesake",
    ),
    ("reqwest::", &["src/base/https"], "HTTP goes through base::https"),
    ("Https::new", &["src/base/https", "src/etcd/client.rs", "src/kube/"], "only kube and etcd speak HTTP"),
    ("println!", &[], "only base::events prints"),
    ("eprintln!", &[], "only base::events prints"),
    ("dbg!", &[], "left over from debugging"),
    ("clippy::unwrap_used", &[], NO_PANIC),
    ("clippy::expect_used", &[], NO_PANIC),
    ("clippy::panic", &[], NO_PANIC),
    ("clippy::todo", &[], NO_PANIC),
    ("TODO", &[], UNFINISHED),
    ("FIXME", &[], UNFINISHED),
    ("XXX", &[], UNFINISHED),
];
const PROCESS: &str = "the process is a value: take it from base::env::Env";
const NO_PANIC: &str = "return an error that says what the user can do";
const UNFINISHED: &str = "finish it, or open an issue";

#[test]
fn no_file_is_longer_than_one_job() {
    complain(tree::files("src", ".rs").iter().filter_map(|(path, text)| {
        let lines = text.lines().count();
        (lines > LONGEST).then(|| format!("{path}: {lines} lines, the limit is {LONGEST}: split it by job"))
    }));
}

#[test]
fn every_module_opens_with_what_it_is() {
    let is_test = |path: &str| path.ends_with("/tests.rs") || path.contains("/tests/");
    complain(
        tree::files("src", ".rs")
            .iter()
            .filter(|(path, text)| !is_test(path) && !text.starts_with("//! "))
            .map(|(path, _)| format!("{path}:1: open with '//! …', what the module does, reads and writes")),
    );
}

#[test]
fn every_action_says_what_it_reads_and_writes() {
    complain(tree::files("src/phases", ".rs").iter().filter_map(|(path, text)| {
        let header: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let is_impl = |line: &str| line.contains(" Action for ") || line.contains(" Phase<");
        let is_phase = text.lines().any(|line| line.starts_with("impl") && is_impl(line));
        (is_phase && !(header.contains("Reads") && header.contains("Writes")))
            .then(|| format!("{path}:1: the header names neither *Reads* nor *Writes*"))
    }));
}

#[test]
fn files_are_named_after_their_job() {
    let empty_names = ["utils", "util", "helpers", "helper", "common", "manager", "misc"];
    complain(tree::files("src", ".rs").iter().filter_map(|(path, _)| {
        let found = path.trim_end_matches(".rs").split('/').find(|part| empty_names.contains(part))?;
        Some(format!("{path}: '{found}' says nothing: name the job"))
    }));
}

#[test]
fn imports_go_downward_only() {
    complain(tree::files("src", ".rs").iter().flat_map(|(path, text)| {
        let Some(from) = module_of(path) else { return Vec::new() };
        imports_of(text)
            .into_iter()
            .filter_map(|(line, to)| Some(format!("{path}:{line}: {}", objection(from, &to)?)))
            .collect()
    }));
}

#[test]
fn what_belongs_to_one_place_stays_there() {
    complain(tree::files("src", ".rs").iter().flat_map(|(path, text)| {
        let code = product_code(path, text);
        ONLY_IN
            .iter()
            .filter(|(_, places, _)| !places.iter().any(|place| path.starts_with(place)))
            .flat_map(|(word, _, why)| {
                lines_with(&code, word).into_iter().map(move |line| format!("{path}:{line}: '{word}': {why}"))
            })
            .collect::<Vec<_>>()
    }));
}

#[test]
fn no_test_passes_where_it_cannot_run() {
    let root_tests = tree::files("tests/needs_root", ".rs");
    complain(
        root_tests
            .iter()
            .filter(|(_, text)| text.matches("#[test]\n").count() != text.matches("#[test]\n#[ignore").count())
            .map(|(path, _)| {
                format!(
                    "{path}: mark each test with '#[ignore = \"needs root\"]': './test' runs it as root and counts it"
                )
            }),
    );
    complain(tree::files("tests", ".rs").iter().filter(|(path, _)| !path.ends_with("tidy.rs")).flat_map(
        |(path, text)| {
            let lines = lines_with(text, "SKIPPED");
            lines.into_iter().map(move |line| {
                format!(
                    "{path}:{line}: a test that skips itself counts as passed: mark it 'ignore' and name it 'needs_…'"
                )
            })
        },
    ));
}

#[test]
fn every_template_and_workflow_is_used() {
    let sources: String = tree::files("src", ".rs").into_iter().map(|(_, text)| text).collect();
    let mut embedded = tree::files("templates", ".tera");
    embedded.extend(tree::files("phases", ".yaml"));
    complain(embedded.iter().filter_map(|(path, _)| {
        // Tables of templates refer to them starting at their own directory.
        let at = path.rmatch_indices('/').nth(1).map_or(0, |(at, _)| at + 1);
        (!sources.contains(&path[at..])).then(|| format!("{path}: nothing below src/ names it"))
    }));
}

#[track_caller]
fn complain(complaints: impl Iterator<Item = String>) {
    let complaints: Vec<String> = complaints.collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// The module right below the crate that a file belongs to; none for the crate's root files.
fn module_of(path: &str) -> Option<&str> {
    let module = path.strip_prefix("src/")?.split('/').next()?.trim_end_matches(".rs");
    (module != "lib" && module != "main").then_some(module)
}

/// Why `from` must not import `to`; none when it may.
fn objection(from: &str, to: &str) -> Option<String> {
    let layer = |module| LAYERS.iter().position(|row| row.contains(&module));
    let Some(above) = layer(from) else { return Some(format!("module '{from}' is in no layer")) };
    let Some(below) = layer(to) else { return Some(format!("'crate::{to}' is in no layer")) };
    let allowed = from == to || below < above || SIBLINGS.contains(&(from, to));
    (!allowed).then(|| format!("'{from}' (layer {above}) must not know '{to}' (layer {below})"))
}

/// The modules named after `crate::`, each with its line: `crate::a::…` and `crate::{a::…, b::…}`.
fn imports_of(text: &str) -> Vec<(usize, String)> {
    let code = without_comments(text);
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            found.extend(first_names(group).into_iter().map(|name| (line, name)));
        } else {
            found.push((line, identifier(rest)));
        }
    }
    found
}

/// The first name of every item of a `{…}` group, whose opening brace is gone already.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut fresh, mut names) = (0, true, Vec::new());
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            c if fresh && (c.is_alphabetic() || c == '_') => {
                names.push(identifier(&group[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The text with comments emptied, line for line.
fn without_comments(text: &str) -> String {
    text.lines()
        .map(|line| if line.trim_start().starts_with("//") { "\n".into() } else { format!("{line}\n") })
        .collect()
}

/// The part of a file that ends up in the product: without comments and without its tests.
fn product_code(path: &str, text: &str) -> String {
    if path.ends_with("/tests.rs") || path.contains("/tests/") {
        return String::new();
    }
    let code = without_comments(text);
    code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

/// The lines in which `word` stands by itself, and not as the end of a longer name.
fn lines_with(code: &str, word: &str) -> Vec<usize> {
    let stands_alone = |line: &str| {
        line.match_indices(word)
            .any(|(at, _)| !line[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_'))
    };
    code.lines().enumerate().filter(|(_, line)| stands_alone(line)).map(|(at, _)| at + 1).collect()
}

#[test]
fn imports_are_found_in_every_form() {
    let text = "use crate::base::fault::Result;\n// crate::cli\nfn f() { crate::pki::load(); super_crate::x(); }\n\
                use crate::{config::{model::A, cidr}, versions, kube::Client};\n";
    let found: Vec<String> = imports_of(text).into_iter().map(|(line, name)| format!("{line} {name}")).collect();
    assert_eq!(found, ["1 base", "3 pki", "4 config", "4 versions", "4 kube"]);
}

#[test]
fn the_layers_object_to_what_they_should() {
    assert_eq!(objection("pki", "base"), None);
    assert_eq!(objection("config", "versions"), None);
    assert_eq!(objection("cli", "phases"), None);
    for (from, to) in
        [("base", "config"), ("pki", "kube"), ("versions", "config"), ("pipeline", "phases"), ("pki", "new")]
    {
        assert!(objection(from, to).is_some(), "{from} may import {to}");
    }
}

#[test]
fn words_are_found_in_the_product_and_not_in_its_tests() {
    let text = "//! TODO\nfn f() {\n    println!(\"\");\n}\n\n#[cfg(test)]\nmod tests {\n    // \n    println!();\n}\n";
    let code = product_code("src/x.rs", text);
    assert_eq!(lines_with(&code, "println!"), [3]);
    assert_eq!(lines_with("eprintln!()", "println!"), [0; 0]);
    assert_eq!(product_code("src/x/tests.rs", text), "");
}
