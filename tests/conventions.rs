//! The words of the project: retired ones appear in no text, see docs/glossary.md.

use crate::support::tree;

/// A retired word or phrase, and what to write instead.
const RETIRED: &[(&str, &[&str])] = &[
    ("fix", &["mend", "mends", "mended", "mending", "unmended"]),
    ("report, show, say or distinguish", &["tell", "tells", "told", "telling"]),
    ("directory", &["folder", "folders"]),
    ("again, new or regenerate", &["anew"]),
    ("serializable read", &["hearsay"]),
    ("the user, a client or nothing", &["nobody", "whoever", "somebody", "anybody"]),
    ("encrypt", &["seal", "seals", "sealed", "sealing"]),
    ("check, verify or validate", &["judge", "judges", "judged", "judging", "judgement", "judgment"]),
    ("CA", &["authority", "authorities"]),
    ("is not or does not exist", &["is no"]),
    ("join or accept", &["let in", "lets in"]),
    ("import or merge", &["take in", "takes in", "took in", "taken in", "taking in"]),
    ("load or use", &["take up", "takes up", "took up", "taken up", "taking up"]),
    ("interrupted", &["cut short"]),
    ("never expires", &["for ever"]),
    ("up to date", &["right already"]),
    ("ready", &["is fit", "be fit", "unfit"]),
    ("already exists", &["is there already", "are there already", "was there already"]),
    ("expensive", &["dear"]),
    ("without success", &["in vain"]),
    ("cross-signed CA", &["a bridge"]),
    ("SAN", &["further names"]),
];

/// Words of other programs, and data that earlier versions have written: a file, and a part of the line.
const QUOTED: &[(&str, &str)] = &[
    ("src/checks/diagnosis/causes.rs", "certificate signed by unknown authority"),
    ("src/checks/diagnosis/causes.rs", "tls: unknown certificate authority"),
    ("src/checks/diagnosis/tests.rs", "certificate signed by unknown authority"),
    ("src/phases/restart/tests/fake_components.rs", "x509: certificate signed by unknown authority"),
    ("src/pki/issue/tests.rs", "X509v3 Authority Key Identifier"),
    ("src/ssh/known_hosts/entry.rs", "\"@cert-authority\""),
    ("src/ssh/known_hosts/mod.rs", "`@cert-authority`"),
    ("src/ssh/known_hosts/tests.rs", "@cert-authority n1"),
    ("docs/ssh.md", "`@cert-authority`"),
    ("src/journal/store.rs", "\"folders\""),
    ("src/state/reset_progress.rs", "\"told\""),
    ("tests/phases.rs", "\"told\": true"),
];

/// Files that must name the retired words.
const ABOUT_WORDS: &[&str] = &["docs/glossary.md", "tests/conventions.rs"];

#[test]
fn retired_words_appear_in_no_text() {
    let mut found = Vec::new();
    for (path, text) in texts() {
        for (number, line) in text.lines().enumerate() {
            if QUOTED.iter().any(|(file, part)| *file == path && line.contains(part)) {
                continue;
            }
            for (instead, word) in retired_in(line) {
                found.push(format!("{path}:{}: '{word}': write {instead} (docs/glossary.md)", number + 1));
            }
        }
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// Every text of the project by path, line for line: of Rust files only comments, strings and the names of functions.
fn texts() -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for directory in ["src", "tests", "examples", "fuzz"] {
        texts.extend(tree::files(directory, ".rs").into_iter().map(|(path, text)| (path, prose(&text))));
    }
    for (directory, ending) in
        [("docs", ".md"), ("phases", ".md"), ("phases", ".yaml"), ("tests", ".md"), ("templates", ".tera")]
    {
        texts.extend(tree::files(directory, ending));
    }
    for name in ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "Cargo.toml"] {
        texts.push((name.to_owned(), std::fs::read_to_string(tree::project().join(name)).unwrap()));
    }
    let open = |path: &str| !ABOUT_WORDS.contains(&path);
    texts.into_iter().filter(|(path, _)| open(path)).collect()
}

fn retired_in(line: &str) -> Vec<(&'static str, &'static str)> {
    let line = line.to_lowercase().replace("is no longer", "").replace("authority key identifier", "");
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || "_-".contains(c));
    let stands = |word: &str| {
        line.match_indices(word)
            .any(|(at, _)| !is_part(line[..at].chars().next_back()) && !is_part(line[at + word.len()..].chars().next()))
    };
    let all = RETIRED.iter().flat_map(|(instead, words)| words.iter().map(move |word| (*instead, *word)));
    all.filter(|(_, word)| stands(word)).collect()
}

/// The comments, strings and function names of Rust code, each on its line; underscores of names become spaces.
fn prose(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(length) = literal(rest) {
            length
        } else if rest.starts_with("fn ") {
            let name = &rest[..rest.find('(').unwrap_or(rest.len())];
            out += &name.replace('_', " ");
            rest = &rest[name.len()..];
            continue;
        } else {
            if c == '\n' {
                out.push('\n');
            }
            rest = &rest[c.len_utf8()..];
            continue;
        };
        out += &rest[..length];
        out.push(' ');
        rest = &rest[length..];
    }
    out
}

/// The length of the string or character literal at the start.
fn literal(code: &str) -> Option<usize> {
    if let Some(raw) = code.strip_prefix("r#\"") {
        return raw.find("\"#").map(|end| end + 5);
    }
    if code.starts_with("'\"'") {
        return Some(3);
    }
    let inner = code.strip_prefix('"')?;
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 2),
            _ => {}
        }
    }
    None
}

#[test]
fn words_are_found_in_comments_strings_and_function_names_only() {
    let code = "let folder = 1; // a folder\nlet c = '\"'; x(\"a \\\" folder\ntold\");\nfn the_folder_is_empty() {}\n";
    let found: Vec<usize> = prose(code)
        .lines()
        .enumerate()
        .filter(|(_, line)| !retired_in(line).is_empty())
        .map(|(at, _)| at + 1)
        .collect();
    assert_eq!(found, [1, 2, 3, 4]);
    assert!(retired_in("certificate-authority-data, CertificateAuthority, amend, foretold").is_empty());
    assert_eq!(retired_in("There is no token."), [("is not or does not exist", "is no")]);
}
