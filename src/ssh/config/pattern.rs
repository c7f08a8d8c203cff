//! Patterns of `ssh_config` and `known_hosts`: `*`, `?`, and lists in which `!` excludes.

/// True if the text matches a pattern of the list and none that starts with an exclamation mark.
pub fn matches_list<'a>(patterns: impl Iterator<Item = &'a str>, text: &str) -> bool {
    let mut found = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(pattern, text) => return false,
            Some(_) => {}
            None => found |= matches(pattern, text),
        }
    }
    found
}

/// True if the whole text matches. Takes time in proportion to the product of the lengths, whatever the pattern.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // Where to continue if the last `*` has to take one character more.
    let mut retry: Option<(usize, usize)> = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some('*') => {
                retry = Some((at + 1, seen));
                at += 1;
            }
            Some(&c) if c == '?' || c == text[seen] => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((after, taken)) = retry else { return false };
                (at, seen) = (after, taken + 1);
                retry = Some((after, seen));
            }
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text) in [
            ("*", ""),
            ("n?", "n1"),
            ("*.example.org", "a.b.example.org"),
            ("a*b*c", "aXbYbc"),
            ("[10.0.0.1]:22", "[10.0.0.1]:22"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("n?", "n"), ("n?", "n10"), ("*.org", "org"), ("a*b", "abc"), ("[1]", "1")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        assert!(!matches(&"*a".repeat(2000), &"a".repeat(1999)));
    }

    #[test]
    fn a_negated_pattern_excludes_and_never_includes() {
        let matches = |list: &str, text| matches_list(list.split(' '), text);
        assert!(matches("* !bad", "good") && !matches("!bad *", "bad") && !matches("!bad", "good"));
    }
}
