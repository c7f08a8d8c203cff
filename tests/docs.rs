//! What the documents say is true: links lead somewhere, commands parse, tables are up to date.

use crate::support::run::Run;
use crate::support::{golden, tree};
use kubewright::base::exit_code::ExitCode;
use std::fmt::Write as _;

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for (path, text) in documents() {
        let folder = tree::project().join(&path).parent().unwrap().to_owned();
        for link in links_of(&text) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { tree::project().join(&path) } else { folder.join(file) };
            let found = match std::fs::read_to_string(&target) {
                Ok(content) => anchor.is_empty() || headings_of(&content).any(|heading| heading == anchor),
                Err(_) => target.is_dir() && anchor.is_empty(),
            };
            if !found {
                broken.push(format!("{path}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "these links lead nowhere:\n{}", broken.join("\n"));
}

/// With `--help` at its end a command line is parsed as it stands, and nothing is done.
#[test]
fn the_commands_of_the_documents_parse() {
    let mut commands = 0;
    for (path, text) in documents() {
        for line in text.lines().filter_map(|line| line.strip_prefix("    kubewright ")) {
            let finished = Run::new(line.split_whitespace()).arg("--help").finish();
            assert_eq!(finished.code, ExitCode::Ok as i32, "{path}: kubewright {line}\n{}", finished.stderr);
            commands += 1;
        }
    }
    assert!(commands > 0, "no document shows a command");
}

#[test]
fn the_exit_codes_are_documented_as_they_are() {
    let path = "docs/errors.md";
    let text = std::fs::read_to_string(tree::project().join(path)).unwrap();
    let mut table = String::from("| code | meaning |\n|---|---|\n");
    for code in ExitCode::ALL {
        writeln!(table, "| {} | {} |", code as u8, code.meaning()).unwrap();
    }
    golden::check(path, &with_section(&text, "exit codes", &table));
}

fn documents() -> Vec<(String, String)> {
    let top = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
    let mut documents: Vec<(String, String)> =
        top.map(|name| (name.to_owned(), std::fs::read_to_string(tree::project().join(name)).unwrap())).into();
    for folder in ["docs", "phases", "tests", "templates"] {
        documents.extend(tree::files(folder, ".md"));
    }
    documents
}

/// The targets of `[text](target)`, without those on other sites.
fn links_of(text: &str) -> Vec<String> {
    text.match_indices("](")
        .filter_map(|(at, _)| Some(text[at + 2..].split_once(')')?.0.to_owned()))
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .collect()
}

/// The anchors of a document's headings, made the way code hosting sites make them.
fn headings_of(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().filter(|line| line.starts_with('#')).map(|line| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
    })
}

/// Replaces what stands between `<!-- generated: NAME -->` and `<!-- end -->`.
#[track_caller]
fn with_section(text: &str, name: &str, content: &str) -> String {
    let opening = format!("<!-- generated: {name} -->\n");
    let (before, rest) = text.split_once(&opening).unwrap_or_else(|| panic!("no line {opening}"));
    let (_, after) = rest.split_once("<!-- end -->").expect("a line <!-- end -->");
    format!("{before}{opening}{content}<!-- end -->{after}")
}

#[test]
fn links_and_anchors_are_read_as_they_are_written() {
    assert_eq!(links_of("[a](b.md#c) [d](https://x.y) [e](#f)"), ["b.md#c", "#f"]);
    assert_eq!(headings_of("# Two words!\ntext\n## `code`\n").collect::<Vec<_>>(), ["two-words", "code"]);
}
