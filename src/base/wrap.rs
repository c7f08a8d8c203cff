//! Word wrapping for terminals.

use textwrap::core::Word;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// Wraps each line of `text` at `width` columns. The first line of each given line starts with `first`, the others with
/// `rest`; indentation is kept. Text between single quotes, such as a command, is not broken if it fits on a line.
pub fn wrap(text: &str, width: usize, first: &str, rest: &str) -> String {
    let mut lines = String::new();
    for given in text.lines() {
        let words = given.trim_start_matches(' ');
        let indent = &given[..given.len() - words.len()];
        let (first, rest) = (format!("{first}{indent}"), format!("{rest}{indent}"));
        let fits = pieces(words).all(|word| rest.len() + textwrap::core::display_width(&word) <= width);
        let options = Options::new(width)
            .initial_indent(&first)
            .subsequent_indent(&rest)
            .break_words(false)
            .word_separator(if fits { WordSeparator::Custom(pieces) } else { WordSeparator::AsciiSpace })
            .word_splitter(WordSplitter::NoHyphenation)
            .wrap_algorithm(WrapAlgorithm::FirstFit);
        for line in textwrap::wrap(words.trim_end(), options) {
            lines += line.trim_end();
            lines.push('\n');
        }
    }
    lines
}

/// The words; text between single quotes is one of them.
fn pieces(text: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut rest = text;
    Box::new(std::iter::from_fn(move || {
        let end = quoted(rest).or_else(|| rest.find(' ')).unwrap_or(rest.len());
        let next = end + (rest.len() - end - rest[end..].trim_start_matches(' ').len());
        let (piece, tail) = rest.split_at(next);
        rest = tail;
        (!piece.is_empty()).then(|| Word::from(piece))
    }))
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
            wrap(text, 31, "> ", ". "),
            "> free space: run\n. 'df -h /var/lib/etcd' and see\n>   indented words\n"
        );
        assert_eq!(wrap("'a b c d e f' x", 8, "", ""), "'a b c d\ne f' x\n");
        assert_eq!(wrap("it isn't so", 80, "", ""), "it isn't so\n");
        assert_eq!(wrap("", 80, "", ""), "");
        assert_eq!(wrap("a\n\nb", 80, "  ", "  "), "  a\n\n  b\n");
    }
}
