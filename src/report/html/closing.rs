//! The last text of a command, taken apart into sentences and commands.

use serde::Serialize;

/// A secret that was masked.
const MASK: &str = "***";
const JOIN: &str = "kubewright join ";

#[derive(Serialize)]
pub struct View {
    blocks: Vec<Block>,
    /// A secret was masked: a command cannot be copied as it is.
    is_masked: bool,
    /// One of them joins a host.
    has_join: bool,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Block {
    is_command: bool,
    text: String,
}

/// Commands are indented by four spaces, as everywhere in the output; other lines are sentences that were wrapped.
pub fn view(text: &str) -> View {
    View { blocks: blocks(text), is_masked: text.contains(MASK), has_join: text.contains(JOIN) }
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut continues = false;
    for line in text.lines() {
        let (is_command, line) = match line.strip_prefix("    ") {
            Some(command) => (true, command),
            None => (false, line.trim_end()),
        };
        if line.is_empty() {
            continues = false;
            continue;
        }
        match blocks.last_mut().filter(|last| continues && last.is_command == is_command) {
            Some(last) => {
                last.text.push(if is_command { '\n' } else { ' ' });
                last.text.push_str(line);
            }
            None => blocks.push(Block { is_command, text: line.into() }),
        }
        continues = true;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_sentences_are_distinguished() {
        let text = "Done: 3 changes.\nAnd a long\nsentence.\n\nTo join, run:\n    a \\\n      --b\n\nThen:\n    c\n";
        let found: Vec<(bool, String)> = blocks(text).into_iter().map(|block| (block.is_command, block.text)).collect();
        let expected = [
            (false, "Done: 3 changes. And a long sentence."),
            (false, "To join, run:"),
            (true, "a \\\n  --b"),
            (false, "Then:"),
            (true, "c"),
        ];
        assert_eq!(found, expected.map(|(is_command, text)| (is_command, text.to_owned())));
    }
}
