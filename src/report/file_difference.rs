//! How files differ in content: both are parsed and written in the same form, so that the order of keys is not a difference. Secrets
//! are masked.

use super::paint::Paint;
use crate::base::go_yaml;
use crate::base::masked::{Format, mask};
use crate::config::untrusted;
use crate::state::upgrade::files::FileChange;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use similar::TextDiff;
use std::path::Path;

/// The lines around a difference that are shown unless the user says otherwise.
pub const CONTEXT: usize = 3;

/// What happens to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    Unchanged,
    Changed,
    Added,
    Removed,
}

/// The difference of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileDifference {
    pub path: String,
    pub state: State,
    /// A unified diff; empty if nothing changes.
    pub diff: String,
}

impl FileDifference {
    /// Compares a file before and after (None: it does not exist).
    pub fn new(path: &Path, before: Option<&str>, after: Option<&str>, context: usize) -> Self {
        let (old, new) = (before.map(normal), after.map(normal));
        let state = match (&old, &new) {
            (None, None) => State::Unchanged,
            (None, Some(_)) => State::Added,
            (Some(_), None) => State::Removed,
            (Some(old), Some(new)) if old == new => State::Unchanged,
            (Some(_), Some(_)) => State::Changed,
        };
        let shown = path.display().to_string();
        let diff = if state == State::Unchanged { String::new() } else { unified(&shown, old, new, context) };
        Self { path: shown, state, diff }
    }

    /// The difference that a change of a file makes.
    pub fn of(change: &FileChange, context: usize) -> Self {
        Self::new(&change.path, change.before.as_deref(), change.after.as_deref(), context)
    }

    /// The difference with colours.
    pub fn painted(&self, paint: Paint) -> String {
        self.diff.lines().map(|line| paint.difference(line) + "\n").collect()
    }
}

fn unified(path: &str, old: Option<String>, new: Option<String>, context: usize) -> String {
    let name = |text: &Option<String>| if text.is_some() { path.to_owned() } else { "/dev/null".to_owned() };
    let (from, to) = (name(&old), name(&new));
    let masked = |text: Option<String>| text.map(|text| mask(&text, Format::Yaml)).unwrap_or_default();
    let (old, new) = (masked(old), masked(new));
    if old == new {
        return format!("--- {from}\n+++ {to}\n(only values that are not shown differ)\n");
    }
    let diff = TextDiff::from_lines(&old, &new);
    diff.unified_diff().context_radius(context).missing_newline_hint(false).header(&from, &to).to_string()
}

/// The content in the form in which it is compared: sorted keys, without nulls and without the empty status of a Pod. What is not
/// YAML stays as it is.
fn normal(text: &str) -> String {
    let Ok(mut value) = untrusted::value(text.as_bytes()) else { return text.to_owned() };
    drop_nulls(&mut value);
    if let Some(map) = value.as_object_mut()
        && map.get("status").and_then(Value::as_object).is_some_and(serde_json::Map::is_empty)
    {
        map.remove("status");
    }
    go_yaml::to_string(&value)
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(before: Option<&str>, after: Option<&str>) -> FileDifference {
        FileDifference::new(Path::new("/f.yaml"), before, after, 1)
    }

    #[test]
    fn the_order_of_keys_and_unset_fields_are_no_difference() {
        let before = "b: 1\na: [x]\nstatus: {}\nmetadata: {creationTimestamp: null, name: n}\n";
        assert_eq!(compare(Some(before), Some("a:\n- x\nb: 1\nmetadata:\n  name: n\n")).state, State::Unchanged);
        assert_eq!(compare(None, None).state, State::Unchanged);
        let difference = compare(Some("a: [x, y]\n"), Some("a: [y, x]\n"));
        assert_eq!(difference.state, State::Changed, "the order of a list is");
    }

    #[test]
    fn a_difference_has_the_wanted_context_and_the_names_of_a_patch() {
        let difference = compare(Some("a: 1\nb: 2\nc: 3\nd: 4\n"), Some("d: 4\nc: 3\nb: 2\na: 5\n"));
        assert_eq!(difference.diff, "--- /f.yaml\n+++ /f.yaml\n@@ -1,2 +1,2 @@\n-a: 1\n+a: 5\n b: 2\n");
        assert_eq!(difference.painted(Paint::plain()), difference.diff);
        assert_eq!(compare(None, Some("a: 1\n")).diff, "--- /dev/null\n+++ /f.yaml\n@@ -0,0 +1 @@\n+a: 1\n");
        assert_eq!(compare(Some("a: 1\n"), None).state, State::Removed);
    }

    #[test]
    fn secrets_are_masked() {
        let difference = compare(Some("password: hunter22\n"), Some("password: hunter23\n"));
        assert_eq!(difference.state, State::Changed);
        assert!(!difference.diff.contains("hunter") && difference.diff.contains("not shown"), "{}", difference.diff);
    }

    #[test]
    fn a_file_that_is_not_yaml_is_compared_as_it_is() {
        let difference = compare(Some("a: [b\n"), Some("a: 1\n"));
        assert_eq!(difference.state, State::Changed);
        assert!(difference.diff.contains("+a: 1"), "{}", difference.diff);
    }
}
