//! Untrusted text, made safe for display: on one line, short, and without terminal control characters.

/// Longer than any sentence of a server.
const LONGEST: usize = 300;

/// The longest line of a longer text.
const LONGEST_LINE: usize = 2000;

/// The text with every control character, including line breaks, replaced by a space, truncated to 300 characters.
pub fn line(text: &str) -> String {
    shortened(text.trim(), LONGEST)
}

/// A line of a longer text: indented as it is, truncated to 2000 characters.
pub fn indented(text: &str) -> String {
    shortened(text.trim_end(), LONGEST_LINE)
}

fn shortened(text: &str, most: usize) -> String {
    let mut characters = text.chars().filter(|c| !turns_direction(*c));
    let mut line: String = characters.by_ref().take(most).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if characters.next().is_some() {
        line.push('…');
    }
    line
}

/// Bidirectional control characters, with which a text can be displayed as a different one.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_characters_are_left() {
        assert_eq!(line("\x1b[2Jgone\r\nand \u{9b}31mred\u{202e}\x07\n"), " [2Jgone  and  31mred ");
        assert_eq!(indented("    - --v=4\x1b[2J \n"), "    - --v=4 [2J");
        assert_eq!(line("  a plain sentence, with ümlauts: \"x\"\n"), "a plain sentence, with ümlauts: \"x\"");
    }

    #[test]
    fn a_long_text_is_truncated() {
        assert_eq!(line(&"é".repeat(300)), "é".repeat(300));
        assert_eq!(line(&"é".repeat(301)), format!("{}…", "é".repeat(300)));
    }
}
