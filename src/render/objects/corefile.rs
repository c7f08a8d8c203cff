//! Migrates a Corefile that a user has changed to a newer version of CoreDNS. Only what the newer version refuses changes; comments,
//! order and everything unknown stay.

use crate::versions::corefile::{REMOVALS, Remedy};

/// A Corefile for a newer version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    pub text: String,
    /// The lines that go and come, behind `-` and `+`; empty if nothing changes.
    pub difference: Vec<String>,
    /// What the version refuses and nothing can replace: each in one sentence.
    pub obstacles: Vec<String>,
}

/// The migration of `text` to a version of CoreDNS, which its first three numbers name. None if it cannot be read: a quoted text does
/// not end on its line, or blocks do not end.
pub fn migrate(text: &str, version: &[u32]) -> Option<Migrated> {
    let mut editor = Editor { version, ..Editor::default() };
    for line in text.lines() {
        editor.line(line)?;
    }
    let mut done = editor.depth.is_empty().then_some(editor.done)?;
    if !text.ends_with('\n') {
        done.text.pop();
    }
    Some(done)
}

/// The words of a line without its comment; None if a quoted text does not end.
fn words(line: &str) -> Option<Vec<&str>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let end = match rest.strip_prefix('"') {
            Some(quoted) => end_of_quoted(quoted)?.saturating_add(1),
            None => rest.find(char::is_whitespace).unwrap_or(rest.len()),
        };
        let (word, after) = rest.split_at_checked(end)?;
        words.push(word);
        rest = after.trim_start();
    }
    Some(words)
}

/// The length of a quoted text with the quote at its end.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' if !is_escaped => return Some(at.saturating_add(1)),
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    None
}

/// A block that has begun.
struct Block {
    /// `kubernetes`, or the first address of a server block.
    name: String,
    arguments: Vec<String>,
    indent: String,
    /// What is after its end: the lines of a plugin `transfer`.
    transfer: Vec<String>,
}

#[derive(Default)]
struct Editor<'a> {
    version: &'a [u32],
    depth: Vec<Block>,
    /// The depth of a block that is dropped.
    dropping: Option<usize>,
    done: Migrated,
}

impl Editor<'_> {
    fn line(&mut self, line: &str) -> Option<()> {
        let words = words(line)?;
        let opens = words.last() == Some(&"{");
        if words.first() == Some(&"}") {
            let block = self.depth.pop()?;
            if self.dropping.is_none() {
                self.put(line);
                block.transfer.iter().for_each(|line| self.add(line));
                return Some(());
            }
            self.remove(line);
            self.dropping = self.dropping.filter(|depth| *depth < self.depth.len());
            return Some(());
        }
        let remedy = if self.dropping.is_some() { Some(Remedy::Drop) } else { self.remedy(&words) };
        match remedy {
            None => self.put(line),
            Some(Remedy::Behind(word)) => {
                self.remove(line);
                let text = line.trim_start();
                let indent = line.strip_suffix(text).unwrap_or_default();
                self.add(&format!("{indent}{word} {text}"));
            }
            Some(Remedy::Transfer { other_arguments }) => {
                self.remove(line);
                let targets = words.get(2..).unwrap_or_default().join(" ");
                if let Some(block) = self.depth.last_mut() {
                    block.transfer_to(&targets, other_arguments);
                }
            }
            Some(Remedy::Drop) => {
                self.remove(line);
                if opens && self.dropping.is_none() {
                    self.dropping = Some(self.depth.len());
                }
            }
            Some(Remedy::ByHand(fix)) => {
                let name = words.first().copied().unwrap_or_default();
                self.done.obstacles.push(format!("the plugin {name} was removed from CoreDNS: {fix}"));
                self.put(line);
            }
        }
        if opens {
            let own = words.get(..words.len().saturating_sub(1)).unwrap_or_default();
            let mut own = own.iter().map(|word| (*word).to_owned());
            let indent = line.strip_suffix(line.trim_start()).unwrap_or_default().to_owned();
            let name = own.next().unwrap_or_default();
            self.depth.push(Block { name, arguments: own.collect(), indent, transfer: Vec::new() });
        }
        Some(())
    }

    /// What to do with a plugin, in a server block, or with an option, in the block of its plugin.
    fn remedy(&self, words: &[&str]) -> Option<Remedy> {
        let (plugin, option) = match self.depth.as_slice() {
            [_] => (*words.first()?, &[][..]),
            [_, plugin] => (plugin.name.as_str(), words),
            _ => return None,
        };
        let known = REMOVALS.iter().filter(|row| row.since.as_slice() <= self.version && row.plugin == plugin);
        let such = |row: &&crate::versions::corefile::Removal| match row.option {
            [] => option.is_empty(),
            wanted => option.starts_with(wanted),
        };
        known.into_iter().find(such).map(|row| row.remedy)
    }

    fn put(&mut self, line: &str) {
        self.done.text += line;
        self.done.text.push('\n');
    }

    fn add(&mut self, line: &str) {
        self.put(line);
        self.done.difference.push(format!("+{line}"));
    }

    fn remove(&mut self, line: &str) {
        self.done.difference.push(format!("-{line}"));
    }
}

impl Block {
    /// Adds addresses to the plugin `transfer` behind this block.
    fn transfer_to(&mut self, targets: &str, other_arguments: usize) {
        let indent = &self.indent;
        if self.transfer.is_empty() {
            let zones: String =
                self.arguments.iter().skip(other_arguments).flat_map(|zone| [" ", zone.as_str()]).collect();
            self.transfer = vec![format!("{indent}transfer{zones} {{"), format!("{indent}}}")];
        }
        let last = self.transfer.len().saturating_sub(1);
        self.transfer.insert(last, format!("{indent}    to {targets}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::objects::addons::coredns::corefile;
    use crate::versions::{OLDEST, newest};

    fn done(text: &str, version: &[u32]) -> Migrated {
        migrate(text, version).unwrap()
    }

    #[test]
    fn no_default_changes() {
        for minor in OLDEST..=newest() {
            let text = corefile(minor, "cluster.local").unwrap();
            let found = done(&text, &[1, 99, 0]);
            assert_eq!((found.text, found.difference.len(), found.obstacles.len()), (text, 0, 0), "v1.{minor}");
        }
    }

    /// CoreDNS 1.8.0 did not start with it after an upgrade to v1.21.
    #[test]
    fn zone_transfers_become_a_plugin_of_their_own_for_the_same_zones() {
        let text = "\
# ours
.:53 {
    errors  # \"all
    kubernetes cluster.local in-addr.arpa {
       pods insecure
       transfer to *
       transfer to 10.0.0.1 10.0.0.2
       ttl 30
    }
    file /etc/db example.org {
        transfer to 10.0.0.3
    }
    secondary example.net {
        transfer from 10.0.0.9
    }
    template ANY A x.local {
        answer \"{{ .Name }} 60 IN A 10.0.0.1\"
    }
}
";
        let expected = "\
# ours
.:53 {
    errors  # \"all
    kubernetes cluster.local in-addr.arpa {
       pods insecure
       ttl 30
    }
    transfer cluster.local in-addr.arpa {
        to *
        to 10.0.0.1 10.0.0.2
    }
    file /etc/db example.org {
    }
    transfer example.org {
        to 10.0.0.3
    }
    secondary example.net {
        transfer from 10.0.0.9
    }
    template ANY A x.local {
        answer \"{{ .Name }} 60 IN A 10.0.0.1\"
    }
}
";
        let found = done(text, &[1, 8, 0]);
        assert_eq!(found.text, expected);
        assert_eq!(found.difference[0], "-       transfer to *");
        assert_eq!(found.difference.last().unwrap(), "+    }");
        assert_eq!(done(text, &[1, 7, 0]).text, text, "CoreDNS 1.7.0 has no such plugin");
        assert_eq!(done(expected, &[1, 14, 2]).difference, [""; 0], "once is enough");
    }

    #[test]
    fn options_without_effect_are_dropped_and_an_explicit_selector_is_added() {
        let text = ".:53 {\n  kubernetes cluster.local {\n    upstream\n    resyncperiod 5m\n  }\n  header {\n    set ra # x\n    response clear rd\n  }\n}";
        let found = done(text, &[1, 12, 4]);
        let expected = ".:53 {\n  kubernetes cluster.local {\n  }\n  header {\n    response set ra # x\n    response clear rd\n  }\n}";
        assert_eq!(found.text, expected);
        assert_eq!(
            found.difference,
            ["-    upstream", "-    resyncperiod 5m", "-    set ra # x", "+    response set ra # x"]
        );
        assert!(done(text, &[1, 12, 1]).text.contains("    set ra"));
    }

    #[test]
    fn what_nothing_replaces_is_named() {
        let found = done(
            ".:53 {\n    federation cluster.local {\n        prod prod.example.org\n    }\n    proxy . 10.0.0.1\n}\n",
            &[1, 8, 6],
        );
        assert_eq!(found.difference, [""; 0]);
        assert_eq!(found.obstacles.len(), 2);
        assert!(found.obstacles[0].contains("the plugin federation was removed"), "{:?}", found.obstacles);
        // A server of that name is not a plugin, and an option of another plugin is another thing.
        let other = "federation.example:53 {\n    hosts {\n        upstream 10.0.0.1\n    }\n}\n";
        assert_eq!(done(other, &[1, 8, 6]).text, other);
    }

    #[test]
    fn what_cannot_be_read_is_not_changed() {
        for text in [".:53 {\n    errors\n", "}\n", ".:53 {\n    template . {\n    answer \"a\n    b\"\n}\n}\n"] {
            assert_eq!(migrate(text, &[1, 8, 0]), None, "{text}");
        }
        assert_eq!(migrate("", &[1, 8, 0]), Some(Migrated::default()));
    }
}
