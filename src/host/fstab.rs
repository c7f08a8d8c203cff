//! /etc/fstab: swap that would come back at the next boot.
//!
//! Pure: text in, text out. Comments, blanks and the order of lines stay as they are.

/// What a line that was turned into a comment starts with, so that it can be recognised.
const MARK: &str = "#kubewright# ";

/// Swap lines that are in force.
pub fn swap_lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| is_swap(line)).collect()
}

/// The same table with every swap line turned into a comment.
pub fn without_swap(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| if is_swap(line) { format!("{MARK}{line}") } else { line.to_owned() })
        .collect()
}

fn is_swap(line: &str) -> bool {
    let mut fields = line.split_whitespace();
    let is_comment = line.trim_start().starts_with('#');
    !is_comment && fields.nth(2) == Some("swap")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_swap_lines_become_comments() {
        let before =
            "# swap was here\nUUID=1 / ext4 defaults 0 1\nUUID=2\tnone\tswap\tsw\t0 0\n/swap /data ext4 rw 0 0";
        let after = without_swap(before);
        assert_eq!(
            after,
            "# swap was here\nUUID=1 / ext4 defaults 0 1\n#kubewright# UUID=2\tnone\tswap\tsw\t0 0\n/swap /data ext4 rw 0 0"
        );
        assert_eq!(swap_lines(before).len(), 1);
        assert_eq!(without_swap(&after), after, "a second time changes nothing");
    }
}
