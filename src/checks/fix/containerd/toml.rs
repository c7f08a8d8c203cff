//! Enough of TOML to set a key of a table without touching anything else in the file.
//!
//! containerd writes one `[table]` header a table and one `key = value` a line, and so do people.
//! A value that goes over several lines is replaced as a whole.

use std::fmt;

/// A TOML file as lines.
pub(super) struct Document {
    lines: Vec<String>,
}

impl Document {
    /// Takes the text in.
    pub fn parse(text: &str) -> Self {
        Self { lines: text.lines().map(str::to_owned).collect() }
    }

    /// The value of a key as written, without its comment; the table of the file's head is "".
    pub fn value(&self, table: &str, key: &str) -> Option<&str> {
        let line = self.lines.get(self.find(table, key)?)?;
        let (_, value) = line.split_once('=')?;
        Some(without_comment(value).trim())
    }

    /// True when the table has the key.
    pub fn has_key(&self, table: &str, key: &str) -> bool {
        self.find(table, key).is_some()
    }

    /// Sets a key, making it, and its table, where they are missing.
    pub fn set(&mut self, table: &str, key: &str, value: &str) {
        if let Some(place) = self.find(table, key) {
            let line = self.lines.get(place).cloned().unwrap_or_default();
            let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
            let end = place + value_lines(self.lines.get(place..).unwrap_or_default());
            self.lines.splice(place..end, [format!("{indent}{key} = {value}")]);
            return;
        }
        if let Some(start) = self.table(table) {
            // After the header; keys of the file's head go before everything else.
            let indent = self.lines.get(start.wrapping_sub(1)).filter(|_| start > 0).map_or(String::new(), |header| {
                header.chars().take_while(|c| c.is_whitespace()).chain("  ".chars()).collect()
            });
            self.lines.insert(start, format!("{indent}{key} = {value}"));
            return;
        }
        if self.lines.last().is_some_and(|line| !line.trim().is_empty()) {
            self.lines.push(String::new());
        }
        self.lines.extend([format!("[{table}]"), format!("  {key} = {value}")]);
    }

    /// Takes the items that are to go out of an array of strings; the others stay.
    pub fn remove_items(&mut self, table: &str, key: &str, goes: impl Fn(&str) -> bool) {
        let Some(place) = self.find(table, key) else { return };
        let lines = self.lines.get(place..).unwrap_or_default();
        let lines = lines.get(..value_lines(lines)).unwrap_or_default();
        let text: String = lines.iter().map(|line| without_comment(line)).collect();
        // Between quotes stands every second part.
        let items: Vec<&str> = text.split(['"', '\'']).skip(1).step_by(2).collect();
        if items.iter().any(|item| goes(item)) {
            let kept: Vec<String> =
                items.into_iter().filter(|item| !goes(item)).map(|item| format!("{item:?}")).collect();
            self.set(table, key, &format!("[{}]", kept.join(", ")));
        }
    }

    /// The first line after a table's header.
    fn table(&self, name: &str) -> Option<usize> {
        if name.is_empty() {
            return Some(0);
        }
        self.lines
            .iter()
            .position(|line| header(line).is_some_and(|found| normal(found) == normal(name)))
            .map(|i| i + 1)
    }

    fn find(&self, table: &str, key: &str) -> Option<usize> {
        let start = self.table(table)?;
        let offset = self
            .lines
            .iter()
            .skip(start)
            .take_while(|line| header(line).is_none())
            .position(|line| line.split_once('=').is_some_and(|(name, _)| name.trim() == key))?;
        Some(start + offset)
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// The name in a `[table]` line.
fn header(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = line.split_once(" #").map_or(line, |(line, _)| line.trim_end());
    line.strip_prefix('[')?.strip_suffix(']').filter(|name| !name.contains(['=', ',']))
}

/// Quotes are a matter of taste: which ones, and around a part without a dot whether there are any.
fn normal(name: &str) -> String {
    let parts = name.split(['"', '\'']).enumerate();
    parts
        .map(|(place, part)| {
            let is_quoted = place % 2 == 1;
            if is_quoted && part.contains('.') { format!("\"{part}\"") } else { part.replace(' ', "") }
        })
        .collect()
}

/// What stands before the comment. No value that is looked at here holds a `#`.
fn without_comment(text: &str) -> &str {
    text.split('#').next().unwrap_or_default()
}

/// How many lines the value at the first line takes: an array may go over several.
fn value_lines(lines: &[String]) -> usize {
    let mut depth = 0i32;
    for (count, line) in lines.iter().enumerate() {
        depth += without_comment(line).chars().fold(0, |d, c| d + i32::from(c == '[') - i32::from(c == ']'));
        if depth <= 0 {
            return count + 1;
        }
    }
    lines.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"# by hand
version = 2
disabled_plugins = [
  "cri", # docker's default
]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "old" # why
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
"#;

    #[test]
    fn only_the_lines_concerned_change() {
        let mut document = Document::parse(FILE);
        assert_eq!(document.value("", "version"), Some("2"));
        document.set(r#"plugins."io.containerd.grpc.v1.cri""#, "sandbox_image", "\"new\"");
        document.remove_items("", "disabled_plugins", |item| item == "cri");
        document.set("plugins.'io.containerd.grpc.v1.cri'.cni", "conf_dir", "\"/x\"");
        document.set(
            r#"plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options"#,
            "SystemdCgroup",
            "true",
        );
        let expected = r#"# by hand
version = 2
disabled_plugins = []
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "new"
  [plugins."io.containerd.grpc.v1.cri".cni]
    conf_dir = "/x"
    bin_dir = "/usr/lib/cni"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = true
"#;
        assert_eq!(document.to_string(), expected);
    }

    #[test]
    fn items_that_stay_in_an_array_are_kept_and_one_without_the_item_is_not_touched() {
        let mut document =
            Document::parse("disabled_plugins = [\n  'cri', # a\n  \"btrfs\",\n  'zfs'\n]\nroot = \"/x\"\n");
        document.remove_items("", "disabled_plugins", |item| item == "cri");
        assert_eq!(document.to_string(), "disabled_plugins = [\"btrfs\", \"zfs\"]\nroot = \"/x\"\n");
        document.remove_items("", "disabled_plugins", |item| item == "cri");
        document.remove_items("", "required_plugins", |item| item == "cri");
        assert_eq!(document.to_string(), "disabled_plugins = [\"btrfs\", \"zfs\"]\nroot = \"/x\"\n");
    }

    #[test]
    fn a_table_is_known_with_and_without_quotes() {
        for header in ["plugins.cri", "plugins.\"cri\"", "plugins . 'cri'"] {
            let mut document = Document::parse(&format!("[{header}]\n"));
            document.set("plugins.cri", "sandbox_image", "1");
            assert_eq!(document.to_string(), format!("[{header}]\n  sandbox_image = 1\n"));
        }
        assert_ne!(normal(r#"plugins."a.b""#), normal("plugins.a.b"));
    }
}
