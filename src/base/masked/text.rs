//! Secrets in sentences: in errors, hints and events. A sentence has no structure to parse, so a secret is known by its looks.

use super::names::{is_bootstrap_token, is_json_web_token, is_secret_name};

const MASK: &str = "***";
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
/// The token of the documentation, which shows the format of one.
const EXAMPLE: &str = "abcdef.0123456789abcdef";
/// Encoded data of fewer characters is a word.
const ENCODED: usize = 20;
/// Of so many characters hardly two in a row are of the same kind, with or without digits.
const LONG: usize = 28;
/// With padding at its end, encoded data may be shorter.
const PADDED: usize = 8;
/// As few numbers in a row may be the bytes of a secret, printed one by one.
const BYTES: usize = 8;

/// A sentence of our own: PEM blocks, tokens, and passwords in addresses are masked.
pub fn sentence(text: &str) -> String {
    words(&without_pem(text), &|word| own(word))
}

/// A sentence of a server, which may quote an object: encoded data, assigned secrets and lists of bytes are masked too.
pub fn foreign(text: &str) -> String {
    words(&without_bytes(&without_assigned(&without_pem(text))), &|word| own(word).or_else(|| encoded(word)))
}

/// The text without these secrets; short ones may be words of the sentence.
pub fn without(text: &str, secrets: &[String]) -> String {
    const SHORTEST: usize = 6;
    let secrets = secrets.iter().filter(|secret| secret.len() >= SHORTEST);
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK))
}

/// Everything from the begin to the end of a PEM block, or of the text, is masked.
fn without_pem(text: &str) -> String {
    let (mut shown, mut rest) = (String::new(), text);
    while let Some((before, block)) = rest.split_once(BEGIN) {
        shown += before;
        shown += MASK;
        let after = block.split_once(END).map_or("", |(_, after)| after);
        // The label, and the dashes after it.
        rest = after.split_once("-----").map_or("", |(_, rest)| rest);
    }
    shown + rest
}

/// Applies `mask` to each word. A word ends at white space, a quote, a comma, a bracket or a semicolon.
fn words(text: &str, mask: &dyn Fn(&str) -> Option<String>) -> String {
    let is_end = |c: char| c.is_whitespace() || "\"'`,;()[]{}<>|\\".contains(c);
    let mut shown = String::new();
    for part in text.split_inclusive(is_end) {
        let word = part.trim_end_matches(is_end);
        shown += &mask(word).unwrap_or_else(|| word.to_owned());
        shown += part.get(word.len()..).unwrap_or_default();
    }
    shown
}

/// The masked word, if it is a secret by its looks.
fn own(word: &str) -> Option<String> {
    if let Some(masked) = address(word) {
        return Some(masked);
    }
    // `--token=TOKEN` and 'token:TOKEN', and a full stop at the end of a sentence.
    let start = word.rfind(['=', ':']).map_or(0, |at| at + 1);
    let (name, value) = word.split_at_checked(start)?;
    let bare = value.trim_end_matches(['.', '!', '?']);
    let is_secret = (is_bootstrap_token(bare) && bare != EXAMPLE) || is_json_web_token(bare);
    is_secret.then(|| format!("{name}{MASK}{}", value.get(bare.len()..).unwrap_or_default()))
}

/// `SCHEME://USER:PASSWORD@HOST`, with or without a scheme: without the user.
fn address(word: &str) -> Option<String> {
    let (scheme, rest) = word.split_once("://").map_or(("", word), |(scheme, rest)| (scheme, rest));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // A password may contain any of these; then it reaches to the last @.
    let at = rest.rfind('@').filter(|at| *at < end || !scheme.is_empty())?;
    let (user, host) = (rest.get(..at)?, rest.get(at + 1..)?);
    // IMAGE:TAG@sha256:… has no user.
    let has_password = user.contains(':') && !host.starts_with("sha256:") && !host.starts_with("sha512:");
    let separator = if scheme.is_empty() { "" } else { "://" };
    has_password.then(|| format!("{scheme}{separator}{MASK}@{host}"))
}

/// Data in base64: a long word of capitals, small letters and digits, or a shorter one with padding.
fn encoded(word: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+/-_=".contains(c);
    let mut shown = String::new();
    let mut is_changed = false;
    for part in word.split_inclusive(|c: char| !is_part(c)) {
        let data = part.trim_end_matches(|c: char| !is_part(c));
        let has = |kind: fn(&char) -> bool| data.chars().any(|c| kind(&c));
        let is_mixed = has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && has(char::is_ascii_digit);
        let is_long = data.len() >= LONG && changes(data) * 5 >= data.len() * 2;
        let is_padded = data.ends_with('=') && data.len() % 4 == 0 && data.len() >= PADDED;
        if (data.len() >= ENCODED && is_mixed) || is_long || is_padded {
            is_changed = true;
            shown += MASK;
            shown += part.get(data.len()..).unwrap_or_default();
        } else {
            shown += part;
        }
    }
    is_changed.then_some(shown)
}

/// How often a capital, a small letter and a digit follow each other.
fn changes(data: &str) -> usize {
    let kind = |byte: u8| (byte.is_ascii_uppercase(), byte.is_ascii_lowercase());
    data.as_bytes().windows(2).filter(|pair| matches!(pair, [a, b] if kind(*a) != kind(*b))).count()
}

/// `"password": "…"` and `password=…`: the value after a name that stands for a secret.
fn without_assigned(text: &str) -> String {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let (mut shown, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(['=', ':']) {
        let (before, after) = rest.split_at(at);
        let quoted = before.trim_end_matches(['"', '\'', '\\', ' ']);
        let name = quoted.rsplit(|c| !is_of_name(c)).next().unwrap_or_default();
        let lead = after.len() - after.trim_start_matches(['=', ':', ' ', '"', '\'', '\\']).len();
        let value = after.get(lead..).unwrap_or_default();
        let is_quoted = after.get(..lead).is_some_and(|lead| lead.contains(['"', '\'', '=']));
        let length = value.find(['"', '\'', ',', '}', ' ', '\\', ']']).unwrap_or(value.len());
        shown += before;
        if is_quoted && length > 0 && is_secret_name(name) {
            shown += after.get(..lead).unwrap_or_default();
            shown += MASK;
            rest = value.get(length..).unwrap_or_default();
        } else {
            shown += after.get(..1).unwrap_or_default();
            rest = after.get(1..).unwrap_or_default();
        }
    }
    shown + rest
}

/// `[104 117 110 116 101 114 50 50]` and `0x68, 0x75, …`: bytes as Go prints them.
fn without_bytes(text: &str) -> String {
    let is_byte = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        if bare.starts_with("0x") {
            return hex_byte(bare);
        }
        // The bracket may come right after a name.
        let last = bare.rsplit(['[', '{', ':']).next().unwrap_or(bare);
        let first = bare.split([']', '}']).next().unwrap_or(bare);
        [bare, last, first].iter().any(|word| word.parse::<u8>().is_ok() || hex_byte(word))
    };
    let parts: Vec<&str> = text.split_inclusive([' ', ',']).collect();
    let (mut shown, mut run): (String, Vec<&str>) = (String::new(), Vec::new());
    let finish = |run: &mut Vec<&str>, shown: &mut String| {
        let numbers = run.iter().filter(|part| !part.trim().is_empty()).count();
        if numbers >= BYTES {
            *shown += "*** ";
        } else {
            shown.extend(run.iter().copied());
        }
        run.clear();
    };
    for part in parts {
        if is_byte(part) || (part.trim().is_empty() && !run.is_empty()) {
            run.push(part);
        } else {
            finish(&mut run, &mut shown);
            shown += part;
        }
    }
    finish(&mut run, &mut shown);
    shown
}

fn hex_byte(word: &str) -> bool {
    word.strip_prefix("0x").is_some_and(|digits| u8::from_str_radix(digits, 16).is_ok())
}

#[cfg(test)]
mod tests;
