//! No two files of the source tree import each other, directly or through others.
//!
//! A declaration (`mod x;`) and a re-export (`pub use`) are no import: what a re-export names is looked for where it is
//! defined. Tests and what only they use are left out.

use crate::support::tree;
use std::collections::{BTreeMap, BTreeSet};

type Path = Vec<String>;

/// The files of the crate, what each module re-exports, and the code of each file without its tests.
struct Tree {
    files: BTreeMap<Path, String>,
    code: BTreeMap<Path, String>,
    exported: BTreeMap<Path, Path>,
}

/// An import: the path as it is written from the root, whether it is a re-export, and the name it gets here.
struct Import {
    path: Path,
    public: bool,
    name: String,
}

impl Tree {
    fn read(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut tree = Self { files: BTreeMap::new(), code: BTreeMap::new(), exported: BTreeMap::new() };
        let all: Vec<(Path, String, String)> =
            files.into_iter().map(|(file, text)| (module_of(&file), file, text)).collect();
        let for_tests: Vec<Path> = all.iter().flat_map(|(module, _, text)| test_modules(module, text)).collect();
        for (module, file, text) in all {
            let is_test =
                module.iter().any(|part| part == "tests") || for_tests.iter().any(|it| module.starts_with(it));
            if !is_test {
                tree.code.insert(module.clone(), without_tests(&text));
            }
            tree.files.insert(module, file);
        }
        for (module, code) in &tree.code {
            for import in imports(module, code).into_iter().filter(|import| import.public) {
                tree.exported.insert([module.as_slice(), &[import.name]].concat(), import.path);
            }
        }
        tree
    }

    /// The module that defines what a path names.
    fn home(&self, path: &[String], depth: usize) -> Option<Path> {
        for length in (1..=path.len()).rev() {
            let (front, rest) = path.split_at(length);
            if self.files.contains_key(front) {
                return Some(front.to_vec());
            }
            if let Some(real) = self.exported.get(front).filter(|_| depth < 8) {
                return self.home(&[real.as_slice(), rest].concat(), depth + 1);
            }
        }
        None
    }

    fn edges(&self) -> BTreeMap<&Path, BTreeSet<Path>> {
        let targets = |module: &Path, code: &str| {
            let used = imports(module, code).into_iter().filter(|import| !import.public).map(|import| import.path);
            let named = used.chain(inline_paths(module, code)).filter_map(|path| self.home(&path, 0));
            named.filter(|target| target != module).collect()
        };
        self.code.iter().map(|(module, code)| (module, targets(module, code))).collect()
    }

    /// Each circle once, as the files on it.
    fn circles(&self) -> Vec<Vec<&str>> {
        let edges = self.edges();
        let reach = |from: &Path| {
            let (mut seen, mut open) = (BTreeSet::new(), vec![from.clone()]);
            while let Some(next) = open.pop() {
                open.extend(edges.get(&next).into_iter().flatten().filter(|to| seen.insert((*to).clone())).cloned());
            }
            seen
        };
        let reached: BTreeMap<&Path, BTreeSet<Path>> = edges.keys().map(|module| (*module, reach(module))).collect();
        let mut done = BTreeSet::new();
        let mut circles = Vec::new();
        for (module, far) in reached.iter().filter(|(module, far)| far.contains(**module)) {
            let circle: Vec<&Path> =
                far.iter().filter(|other| reached.get(other).is_some_and(|it| it.contains(*module))).collect();
            if circle.iter().all(|one| done.insert((*one).clone())) {
                circles.push(circle.into_iter().map(|one| self.files[one].as_str()).collect());
            }
        }
        circles
    }
}

#[test]
fn no_files_import_each_other() {
    let tree = Tree::read(tree::files("src", ".rs"));
    let shown: Vec<String> = tree.circles().iter().map(|circle| circle.join(" <-> ")).collect();
    assert!(shown.is_empty(), "\nmove what both need into a file below them:\n{}\n", shown.join("\n"));
}

#[test]
fn a_circle_is_found_through_super_groups_paths_in_code_and_re_exports() {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let circles = |files: &[(String, String)]| Tree::read(files.to_vec()).circles().len();
    let lib = file("src/a/mod.rs", "mod b;\nmod c;\npub use b::B;\n");
    let b = file("src/a/b.rs", "use super::c::C;\n");
    assert_eq!(circles(&[lib.clone(), b.clone(), file("src/a/c.rs", "use std::fmt;\n")]), 0);
    for back in ["use crate::a::B;\n", "use crate::{a::{B, x}, y};\n", "fn f() { super::b::f() }\n"] {
        assert_eq!(circles(&[lib.clone(), b.clone(), file("src/a/c.rs", back)]), 1, "{back}");
    }
    let tested = "#[cfg(test)]\nmod tests {\n    use crate::a::B;\n}\n";
    assert_eq!(circles(&[lib, b, file("src/a/c.rs", tested)]), 0);
}

fn module_of(file: &str) -> Path {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    if path == "lib" || path == "main" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// The modules that a file declares for tests only.
fn test_modules(module: &Path, text: &str) -> Vec<Path> {
    let lines: Vec<&str> = text.lines().collect();
    let declared = |line: &str| Some(line.split("mod ").nth(1)?.strip_suffix(';')?.to_owned());
    let pairs = lines.windows(2).filter(|pair| pair[0].trim() == "#[cfg(test)]");
    pairs.filter_map(|pair| declared(pair[1])).map(|name| [module.as_slice(), &[name]].concat()).collect()
}

/// The code without comments and without items that are for tests only.
fn without_tests(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        if line.trim() != "#[cfg(test)]" {
            code += line;
            code.push('\n');
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let ends = [format!("{indent}}}"), format!("{indent}}};")];
        let mut first = lines.next().unwrap_or_default();
        while first.trim_start().starts_with("#[") {
            first = lines.next().unwrap_or_default();
        }
        if !first.ends_with([';', ',']) && !first.ends_with('}') {
            lines.by_ref().find(|line| ends.iter().any(|end| line == end));
        }
    }
    code
}

fn imports(module: &Path, code: &str) -> Vec<Import> {
    let children = children_of(code);
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find("use ") {
        let start = rest[..at].rfind('\n').map_or(0, |line| line + 1);
        let before = rest[start..at].trim();
        rest = &rest[at + 4..];
        if !(before.is_empty() || before.starts_with("pub")) {
            continue;
        }
        let Some(end) = rest.find(';') else { break };
        for (path, name) in leaves(&rest[..end], &[]) {
            let Some(mut path) = absolute(module, &path, &children) else { continue };
            if path.last().is_some_and(|last| last == "self" || last == "*") {
                path.pop();
            }
            let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
            found.push(Import { path, public: before.starts_with("pub"), name });
        }
        rest = &rest[end..];
    }
    found
}

/// Paths of several segments anywhere outside `use`.
fn inline_paths(module: &Path, code: &str) -> Vec<Path> {
    let children = children_of(code);
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let code: String = code.split_inclusive(';').filter(|part| !is_use(part)).collect();
    let words = code.split(|c: char| !is_name(c)).filter(|word| word.contains("::") && !word.starts_with(':'));
    let split = |word: &str| word.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect::<Path>();
    words.filter_map(|word| absolute(module, &split(word), &children)).collect()
}

fn is_use(statement: &str) -> bool {
    let last = statement.trim_start();
    let first = last.split("use ").next().unwrap_or_default().trim();
    last.contains("use ") && (first.is_empty() || first == "pub" || first.starts_with("pub("))
}

fn children_of(code: &str) -> BTreeSet<String> {
    let declared = |line: &str| Some(line.trim().strip_suffix(';')?.rsplit_once("mod ")?.1.to_owned());
    code.lines().filter(|line| !line.trim_start().starts_with("use")).filter_map(declared).collect()
}

/// The path from the root of the crate; none for what is of another crate.
fn absolute(module: &Path, path: &[String], children: &BTreeSet<String>) -> Option<Path> {
    let mut base = module.clone();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => return Some(path[1..].to_vec()),
        "super" | "self" => {
            while let Some(word) = rest.first().filter(|word| *word == "super" || *word == "self") {
                if word == "super" {
                    base.pop()?;
                }
                rest = &rest[1..];
            }
        }
        child if !children.contains(child) => return None,
        _ => {}
    }
    base.extend_from_slice(rest);
    Some(base)
}

/// The paths of a `use`, each with the name it is given by `as`.
fn leaves(text: &str, above: &[String]) -> Vec<(Path, Option<String>)> {
    let mut found = Vec::new();
    let (mut depth, mut start) = (0, 0);
    let ends = text.char_indices().chain([(text.len(), ',')]);
    for (at, character) in ends {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.extend(leaf(text[start..at].trim(), above));
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

fn leaf(piece: &str, above: &[String]) -> Vec<(Path, Option<String>)> {
    let path = |text: &str| {
        let own = text.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned);
        above.iter().cloned().chain(own).collect::<Path>()
    };
    if piece.is_empty() {
        return Vec::new();
    }
    if let Some((front, group)) = piece.split_once('{') {
        return leaves(group.trim_end().strip_suffix('}').unwrap_or(group), &path(front));
    }
    match piece.split_once(" as ") {
        Some((real, name)) => vec![(path(real), Some(name.trim().to_owned()))],
        None => vec![(path(piece), None)],
    }
}
