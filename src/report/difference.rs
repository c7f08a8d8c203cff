//! Differences as indented lines.

use super::paint::Paint;
use similar::{ChangeTag, TextDiff};

/// What goes before each line of the content of a change.
pub const INDENT: &str = "    ";

/// The unified diff of two texts; empty if they are equal.
pub fn unified(before: &str, after: &str, paint: Paint) -> String {
    let diff = TextDiff::from_lines(before, after);
    indented(&diff.unified_diff().context_radius(3).missing_newline_hint(false).to_string(), paint)
}

/// The facts that differ, given one a line in the same order.
pub fn facts(before: &str, after: &str, paint: Paint) -> String {
    let diff = TextDiff::from_lines(before, after);
    let changed = diff.iter_all_changes().filter_map(|change| match change.tag() {
        ChangeTag::Equal => None,
        tag => Some(format!("{tag}{}", change.value())),
    });
    indented(&changed.collect::<String>(), paint)
}

fn indented(lines: &str, paint: Paint) -> String {
    lines.lines().map(|line| format!("{INDENT}{}\n", paint.difference(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_a_little_context_and_facts_have_none() {
        let (before, after) = ("a\nb\nc\nd\ne\n", "a\nb\nc\nd\nf\n");
        let paint = Paint::plain();
        assert_eq!(unified(before, after, paint), "    @@ -2,4 +2,4 @@\n     b\n     c\n     d\n    -e\n    +f\n");
        assert_eq!(facts(before, after, paint), "    -e\n    +f\n");
        assert_eq!(unified("a\n", "a\n", paint) + &facts("a\n", "a\n", paint), "");
    }
}
