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
        Some(value.split('#').next().unwrap_or_default().trim())
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

/// Quotes are a matter of taste where a part has no dot.
fn normal(name: &str) -> String {
    name.replace('\'', "\"").replace(' ', "")
}

/// How many lines the value at the first line takes: an array may go over several.
fn value_lines(lines: &[String]) -> usize {
    let mut depth = 0i32;
    for (count, line) in lines.iter().enumerate() {
        let text = line.split('#').next().unwrap_or_default();
        depth += text.chars().fold(0, |d, c| d + i32::from(c == '[') - i32::from(c == ']'));
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
        document.set("", "disabled_plugins", "[]");
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
}
