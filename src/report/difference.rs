//! Differences as indented lines.

use super::paint::Paint;
use similar::{ChangeTag, TextDiff};

/// What goes before each line of the content of a change.
pub const INDENT: &str = "    ";

/// The unified diff of two texts; empty if they are equal.
pub fn unified(before: &str, after: &str, paint: Paint) -> String {
    unified_lines(before, after).iter().map(|line| format!("{INDENT}{}\n", paint.difference(line))).collect()
}

/// The same as lines.
pub fn unified_lines(before: &str, after: &str) -> Vec<String> {
    let diff = TextDiff::from_lines(before, after);
    lines(&diff.unified_diff().context_radius(3).missing_newline_hint(false).to_string())
}

/// The facts that differ, given one a line in the same order.
pub fn facts(before: &str, after: &str) -> Vec<String> {
    let diff = TextDiff::from_lines(before, after);
    let changed = diff.iter_all_changes().filter_map(|change| match change.tag() {
        ChangeTag::Equal => None,
        tag => Some(format!("{tag}{}", change.value())),
    });
    lines(&changed.collect::<String>())
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_a_little_context_and_facts_have_none() {
        let (before, after) = ("a\nb\nc\nd\ne\n", "a\nb\nc\nd\nf\n");
        let paint = Paint::plain();
        assert_eq!(unified(before, after, paint), "    @@ -2,4 +2,4 @@\n     b\n     c\n     d\n    -e\n    +f\n");
        assert_eq!(facts(before, after), ["-e", "+f"]);
        assert_eq!(unified("a\n", "a\n", paint), "");
        assert!(facts("a\n", "a\n").is_empty());
    }
}
