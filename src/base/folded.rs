//! Word wrapping for terminals.

/// Wraps each line of `text` at `width` columns. The first line of each given line starts with `first`, the others with
/// `rest`; indentation is kept. Text between single quotes, such as a command, is not broken if it fits on a line.
pub fn folded(text: &str, width: usize, first: &str, rest: &str) -> String {
    let mut lines = String::new();
    for given in text.lines() {
        let words = given.trim_start_matches(' ');
        let indent = &given[..given.len() - words.len()];
        let mut line = format!("{first}{indent}");
        let mut is_empty = true;
        for piece in pieces(words, width.saturating_sub(rest.len() + indent.len())) {
            let wide = line.chars().count() + usize::from(!is_empty) + piece.chars().count() > width;
            if wide && !is_empty {
                lines += line.trim_end();
                lines.push('\n');
                line = format!("{rest}{indent}");
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line += piece;
            is_empty = false;
        }
        lines += line.trim_end();
        lines.push('\n');
    }
    lines
}

/// The words; text between single quotes is one piece unless it is wider than `width`.
fn pieces(text: &str, width: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text.trim_end();
    while !rest.is_empty() {
        let end = quoted(rest).filter(|end| rest[..*end].chars().count() <= width);
        let end = end.or_else(|| rest.find(' ')).unwrap_or(rest.len());
        pieces.push(&rest[..end]);
        rest = rest[end..].trim_start_matches(' ');
    }
    pieces
}

/// The end of the word that starts with a quotation mark.
fn quoted(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('\'').or_else(|| text.strip_prefix("('"))?;
    let begin = text.len() - inner.len();
    let close = begin + inner.find('\'')? + 1;
    Some(text[close..].find(' ').map_or(text.len(), |more| close + more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_commands_stay_whole() {
        let text = "free space: run 'df -h /var/lib/etcd' and see\n  indented words";
        assert_eq!(
            folded(text, 31, "> ", ". "),
            "> free space: run\n. 'df -h /var/lib/etcd' and see\n>   indented words\n"
        );
        assert_eq!(folded("'a b c d e f' x", 8, "", ""), "'a b c d\ne f' x\n");
        assert_eq!(folded("it isn't so", 80, "", ""), "it isn't so\n");
        assert_eq!(folded("", 80, "", ""), "");
        assert_eq!(folded("a\n\nb", 80, "  ", "  "), "  a\n\n  b\n");
    }
}
