//! Bootstrap tokens, certificate keys and CA pins. Messages never contain a secret.

use super::Validated;
use crate::base::fault::Fault;
use crate::base::pin::Pin;
use crate::base::secret::Secret;
use crate::base::suggest::similar;
use crate::config::problem::Complaint;

const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The usages of a bootstrap token.
pub const USAGES: [&str; 2] = ["signing", "authentication"];

/// The prefix of all token groups (`k8s.io/cluster-bootstrap/token/api`).
pub const GROUP_PREFIX: &str = "system:bootstrappers:";

/// The group whose members may become nodes.
pub const NODE_GROUP: &str = "system:bootstrappers:kubeadm:default-node-token";

/// A bootstrap token: six characters, a dot, sixteen characters, of `a` to `z` and `0` to `9`.
pub fn bootstrap_token(text: &str) -> Validated<Secret<String>> {
    let legal = |s: &str| s.bytes().all(|b| ALPHABET.contains(&b));
    let what = match text.split_once('.') {
        None => "a bootstrap token has a dot after its first six characters".to_owned(),
        Some((id, secret)) if id.len() == 6 && secret.len() == 16 && legal(id) && legal(secret) => {
            return Ok(Secret::new(text.to_owned()));
        }
        Some((id, secret)) if !legal(id) || !legal(secret) => {
            "a bootstrap token has only the letters a to z and the digits 0 to 9".to_owned()
        }
        Some((id, secret)) => format!(
            "a bootstrap token has 6 characters before the dot and 16 after it, not {} and {}",
            id.len(),
            secret.len()
        ),
    };
    Err(Complaint::with_help(what, "run 'kubewright token generate' to generate one"))
}

/// A certificate key: 32 bytes as 64 hexadecimal digits.
pub fn certificate_key(text: &str) -> Validated<Secret<String>> {
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(Secret::new(text.to_owned()));
    }
    let what = if text.bytes().all(|b| b.is_ascii_hexdigit()) {
        format!("a certificate key has 64 hexadecimal digits; this has {}", text.len())
    } else {
        "a certificate key has only hexadecimal digits".to_owned()
    };
    Err(Complaint::with_help(what, "run 'kubewright certs certificate-key' to generate one"))
}

/// A pin of a CA's public key: `sha256:` and 64 hexadecimal digits.
pub fn ca_pin(text: &str) -> Validated<String> {
    text.parse::<Pin>()
        .map(|pin| pin.to_string())
        .map_err(|bad| Complaint::with_help(bad.to_string(), bad.hint().unwrap_or_default()))
}

/// A usage of a token.
pub fn usage(text: &str) -> Validated<String> {
    if USAGES.contains(&text) {
        return Ok(text.to_owned());
    }
    let help = match similar(text, USAGES) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("use {}", USAGES.join(" and ")),
    };
    Err(Complaint::with_help(format!("{text:?} is not a token usage"), help))
}

/// A group that a token authenticates as: `system:bootstrappers:` and `[a-z0-9:-]{0,255}[a-z0-9]`.
pub fn group(text: &str) -> Validated<String> {
    let legal = |name: &str| {
        name.len() <= 256
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b':' || b == b'-')
            && name.bytes().last().is_some_and(|b| b.is_ascii_alphanumeric())
    };
    if text.strip_prefix(GROUP_PREFIX).is_some_and(legal) {
        return Ok(text.to_owned());
    }
    let what = format!("{text:?} is not a valid token group");
    Err(Complaint::with_help(what, format!("use '{GROUP_PREFIX}' followed by a-z, 0-9, ':' and '-'")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::env::Random;
    use crate::config::token::generate;
    use proptest::prelude::*;

    #[test]
    fn an_invalid_token_is_not_repeated() {
        for text in ["NOT.A-TOKEN", "abcdef", "abcdef.0123456789abcde", "abcdef.0123456789abcdeF", "", "."] {
            let complaint = bootstrap_token(text).unwrap_err();
            assert!(text.len() < 3 || !complaint.what.contains(text), "{}", complaint.what);
        }
        assert!(certificate_key(&"0g".repeat(32)).is_err());
        assert!(certificate_key(&"0a".repeat(31)).unwrap_err().what.contains("this has 62"));
    }

    #[test]
    fn pins_and_groups_have_their_format() {
        assert_eq!(ca_pin(&format!("SHA256:{}", "AB".repeat(32))).unwrap(), format!("sha256:{}", "ab".repeat(32)));
        assert!(ca_pin("sha256:12").is_err());
        assert!(ca_pin(&format!("md5:{}", "ab".repeat(32))).is_err());
        assert!(ca_pin("abc").is_err());
        assert!(group(NODE_GROUP).is_ok());
        assert!(group("system:bootstrappers:").is_err());
        assert!(group("system:masters").is_err());
        assert_eq!(usage("signin").unwrap_err().help.unwrap(), "did you mean 'signing'?");
    }

    proptest! {
        #[test]
        fn new_tokens_are_right_and_differ(seed in any::<u64>()) {
            let random = Random::seeded(seed);
            let (one, two) = (generate(&random).unwrap(), generate(&random).unwrap());
            prop_assert!(bootstrap_token(one.expose()).is_ok());
            prop_assert!(one != two);
        }

        #[test]
        fn tokens_of_the_right_form_are_taken(text in "[a-z0-9]{6}\\.[a-z0-9]{16}") {
            let token = bootstrap_token(&text).unwrap();
            prop_assert_eq!(token.expose(), &text);
        }

        #[test]
        fn other_text_is_not(text in "\\PC{0,30}") {
            let right = text.len() == 23 && text.as_bytes()[6] == b'.'
                && text.bytes().enumerate().all(|(i, b)| i == 6 || b.is_ascii_lowercase() || b.is_ascii_digit());
            prop_assert_eq!(bootstrap_token(&text).is_ok(), right);
        }
    }
}
