//! The signature of cluster information: a JSON web signature (RFC 7515) with HS256 and detached content,
//! `HEADER..SIGNATURE`. The key is the secret half of a bootstrap token.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The prefix of signature keys in the `ConfigMap`; the token's id follows.
pub const KEY_PREFIX: &str = "jws-kubeconfig-";

/// The signature of `content` with a token, as the signer in the controller manager creates it.
pub fn sign(content: &str, id: &str, secret: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(json!({"alg": "HS256", "kid": id}).to_string());
    let tag = hmac::sign(&key(secret), signed_text(&header, content).as_bytes());
    format!("{header}..{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

/// True if `signature` was created with this token for this content. The comparison runs in constant time, so that its
/// duration reveals nothing about the correct signature.
pub fn is_valid(signature: &str, content: &str, id: &str, secret: &str) -> bool {
    let mut parts = signature.split('.');
    let (Some(header), Some(""), Some(tag), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let (Ok(header_text), Ok(tag)) = (URL_SAFE_NO_PAD.decode(header), URL_SAFE_NO_PAD.decode(tag)) else {
        return false;
    };
    // No other algorithm is accepted, whatever the header contains.
    let header_says: Value = serde_json::from_slice(&header_text).unwrap_or_default();
    header_says["alg"] == "HS256"
        && header_says["kid"] == id
        && header_says.get("crit").is_none()
        && hmac::verify(&key(secret), signed_text(header, content).as_bytes(), &tag).is_ok()
}

fn key(secret: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}

fn signed_text(header: &str, content: &str) -> String {
    format!("{header}.{}", URL_SAFE_NO_PAD.encode(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "abcdef";
    const SECRET: &str = "0123456789abcdef";

    /// Created with Python's hmac module, an independent implementation.
    #[test]
    fn a_signature_of_another_implementation_is_valid() {
        let foreign = include_str!("testdata/signature.jws").trim();
        assert_eq!(sign("apiVersion: v1\n", ID, SECRET), foreign);
        assert!(is_valid(foreign, "apiVersion: v1\n", ID, SECRET));
    }

    #[test]
    fn any_difference_invalidates_a_signature() {
        let good = sign("content", ID, SECRET);
        assert!(is_valid(&good, "content", ID, SECRET));
        assert!(!is_valid(&good, "Content", ID, SECRET));
        assert!(!is_valid(&good, "content", "abcdeg", SECRET));
        assert!(!is_valid(&good, "content", ID, "0123456789abcdeF"));
        let (header, tag) = good.split_once("..").unwrap();
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"abcdef"}"#);
        for bad in [
            String::new(),
            "..".into(),
            format!("{header}.."),
            format!("{header}..{}", &tag[..tag.len() - 2]),
            format!("{header}.{}.{tag}", URL_SAFE_NO_PAD.encode("content")),
            format!("{good}."),
            format!("{none}..{tag}"),
            format!("{none}.."),
        ] {
            assert!(!is_valid(&bad, "content", ID, SECRET), "{bad}");
        }
    }
}
