//! The lines of a file as keywords with arguments.

/// `KEYWORD ARGUMENT…` or `KEYWORD=ARGUMENT…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub number: usize,
    /// In lower case.
    pub keyword: String,
    pub arguments: Vec<String>,
}

/// The lines that are neither empty nor comments, or the number of the first one that is none and why.
pub(super) fn read(text: &str) -> Result<Vec<Line>, (usize, String)> {
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let line = line.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let end = line.find(|c: char| c.is_whitespace() || c == '=' || c == '"').unwrap_or(line.len());
        let (keyword, rest) = line.split_at(end);
        // One equals sign may stand between them.
        let rest = rest.trim_start();
        let rest = rest.strip_prefix('=').unwrap_or(rest);
        let arguments = words(rest).map_err(|why| (number, why))?;
        if arguments.is_empty() {
            return Err((number, format!("{} has no value", crate::base::sanitize::line(keyword))));
        }
        lines.push(Line { number, keyword: keyword.to_lowercase(), arguments });
    }
    Ok(lines)
}

/// Words, some of them between quotes; a `#` at the start of a word begins a comment.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = text.chars().peekable();
    loop {
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        match rest.peek() {
            None | Some('#') => return Ok(words),
            Some(_) => {}
        }
        let mut word = String::new();
        let mut quote = None;
        while let Some(c) = rest.next() {
            match (quote, c) {
                (Some(q), c) if c == q => quote = None,
                (None, '"' | '\'') => quote = Some(c),
                (None, c) if c.is_whitespace() => break,
                // In OpenSSH a backslash only takes the meaning from these.
                (_, '\\') if rest.peek().is_some_and(|next| matches!(next, '"' | '\'' | '\\')) => {
                    word.extend(rest.next());
                }
                (None, '\\') if rest.peek() == Some(&' ') => word.extend(rest.next()),
                (_, c) => word.push(c),
            }
        }
        if quote.is_some() {
            return Err("a quotation mark is not closed".into());
        }
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_openssh_reads_them() {
        let lines =
            read("# c\n\nHost a  b # c\n  user = \"x y\"\nPort=22\nIdentityFile ~/a\\ b\nx \"\\\"\"\r\n").unwrap();
        let shown: Vec<_> =
            lines.iter().map(|l| format!("{}:{}:{}", l.number, l.keyword, l.arguments.join("|"))).collect();
        assert_eq!(shown, ["3:host:a|b", "4:user:x y", "5:port:22", "6:identityfile:~/a b", "7:x:\""]);
    }

    #[test]
    fn damaged_lines_are_reported_with_their_number() {
        assert_eq!(read("Host a\nUser \"x\n").unwrap_err(), (2, "a quotation mark is not closed".into()));
        assert_eq!(read("User\n").unwrap_err().0, 1);
        assert_eq!(read("User # x\n").unwrap_err(), (1, "User has no value".into()));
    }
}
