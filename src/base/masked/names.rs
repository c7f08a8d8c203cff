//! Which names stand for secrets, and which texts are secrets whatever they are called.

/// Parts of a name, written together, that stand for a secret.
const PARTS: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "apikey",
    "accesskey",
    "privatekey",
    "certificatekey",
    "keydata",
    "cookie",
    "bearer",
];
/// Words of a name that stand for a secret.
const WORDS: [&str; 12] = ["auth", "auths", "pass", "pwd", "pw", "pat", "jwt", "sas", "psk", "otp", "creds", "cred"];
/// Tables whose values may all be secrets.
const TABLES: [&str; 3] = ["headers", "header", "httpheaders"];
/// Last words of a name whose value may be the path of a file, which is not secret.
const FILES: [&str; 7] = ["key", "file", "path", "dir", "cert", "ca", concat!("fold", "er")];

/// True for the name of a setting that holds a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let words = words(name);
    let whole = words.concat();
    PARTS.iter().any(|part| whole.contains(part))
        || words.iter().any(|word| WORDS.contains(&word.as_str()))
        || words.last().is_some_and(|word| word == "key" || word == "authorization")
        || TABLES.contains(&whole.as_str())
}

/// True for a name whose value may be the path of a file.
pub(super) fn may_be_path(name: &str) -> bool {
    words(name).last().is_some_and(|word| FILES.contains(&word.as_str()))
}

/// True for an absolute path, which no encoded secret looks like.
pub(super) fn looks_like_path(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '*' | '@');
    let is_short = text.split('/').all(|part| part.len() <= 64);
    text.starts_with('/') && text.matches('/').count() >= 2 && is_short && text.chars().all(is_plain)
}

/// True for a word of a comment that names a secret: `password`, `token:`, `auth="x"`.
pub(super) fn is_secret_word(word: &str) -> bool {
    let name = word.split(['=', ':']).next().unwrap_or(word);
    is_secret_name(name.trim_matches(|c: char| !c.is_alphanumeric()))
}

/// True for a text that is a secret by its looks, whatever its name.
pub(super) fn is_secret_text(text: &str) -> bool {
    let is_assigned = text.split_whitespace().any(|word| {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        let is_switch = matches!(value, "true" | "false");
        let is_path = may_be_path(name) && looks_like_path(value);
        !value.is_empty() && !is_switch && !is_path && is_name && is_secret_name(name)
    });
    let lower = text.to_ascii_lowercase();
    let is_scheme = ["basic ", "bearer "].iter().any(|scheme| lower.trim_start().starts_with(scheme));
    is_assigned
        || is_scheme
        || text.contains("PRIVATE KEY-----")
        || has_user_info(text)
        || text.split_whitespace().any(|word| is_json_web_token(word) || is_bootstrap_token(word))
}

/// `scheme://user:password@host`.
fn has_user_info(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    })
}

pub(super) fn is_json_web_token(word: &str) -> bool {
    word.starts_with("eyJ") && word.len() > 40 && word.matches('.').count() == 2
}

/// `abcdef.0123456789abcdef`.
pub(super) fn is_bootstrap_token(word: &str) -> bool {
    let is_part = |part: &str, length| {
        part.len() == length && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    word.split_once('.').is_some_and(|(id, secret)| is_part(id, 6) && is_part(secret, 16))
}

/// The words of a name in lower case: `X-Meta-Token`, `identity_token` and `clientKeyData` have two or three.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if c.is_alphanumeric() {
            if c.is_uppercase() && was_lower {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        } else {
            words.push(String::new());
        }
        was_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}
