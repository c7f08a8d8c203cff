//! PEM, read with errors that say what is wrong, and written as Go's encoder writes it.
//!
//! Text around the blocks is skipped, as every reader of the field does: many certificate files
//! begin with what `openssl x509 -text` prints.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// `-----BEGIN CERTIFICATE-----`.
pub const CERTIFICATE: &str = "CERTIFICATE";

/// One block.
#[derive(Clone)]
pub struct Block {
    /// The words after BEGIN.
    pub label: String,
    /// True when the block says that it is encrypted (RFC 1421 headers, or its label).
    pub encrypted: bool,
    /// What is in it; wiped when it goes, since it may be a private key.
    pub der: Zeroizing<Vec<u8>>,
}

/// Why a text is not PEM. The line is that of the file, from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// There is no BEGIN line.
    #[error("it has no '-----BEGIN …-----' line")]
    NoBlock,
    /// There is a BEGIN line and no END line for it.
    #[error("it is cut off: the block '{label}' that begins in line {line} has no '-----END {label}-----' line")]
    Truncated {
        /// The words after BEGIN.
        label: String,
        /// The line of BEGIN.
        line: usize,
    },
    /// What is between the lines is not base64.
    #[error("the block '{label}' that begins in line {line} is not base64")]
    NotBase64 {
        /// The words after BEGIN.
        label: String,
        /// The line of BEGIN.
        line: usize,
    },
}

/// The blocks of `bytes`, in order; at least one.
///
/// # Errors
/// When there is none, or one of them is broken.
pub fn blocks(bytes: &[u8]) -> Result<Vec<Block>, PemError> {
    // Comments may be in any encoding; the blocks themselves are ASCII.
    let text = Zeroizing::new(String::from_utf8_lossy(bytes).into_owned());
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim).enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        let (label, line) = (label.to_owned(), number + 1);
        let end = format!("-----END {label}-----");
        let mut body = Zeroizing::new(String::new());
        let mut encrypted = label.starts_with("ENCRYPTED");
        loop {
            match lines.next() {
                Some((_, text)) if text == end => break,
                Some((_, text)) if text.starts_with("-----") => return Err(PemError::Truncated { label, line }),
                Some((_, text)) if text.contains(':') => encrypted |= text.contains("ENCRYPTED"),
                Some((_, text)) => body.push_str(text),
                None => return Err(PemError::Truncated { label, line }),
            }
        }
        match STANDARD.decode(body.as_bytes()) {
            Ok(der) => found.push(Block { label, encrypted, der: Zeroizing::new(der) }),
            Err(_) => return Err(PemError::NotBase64 { label, line }),
        }
    }
    if found.is_empty() { Err(PemError::NoBlock) } else { Ok(found) }
}

/// One block as text: lines of 64 characters, as OpenSSL and Go write it.
pub fn encode(label: &str, der: &[u8]) -> String {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut text = String::with_capacity(body.len() + body.len() / 64 + 2 * label.len() + 40);
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(text: &str) -> PemError {
        blocks(text.as_bytes()).err().expect("it was taken for PEM")
    }

    #[test]
    fn several_blocks_are_read_in_order_and_text_between_is_skipped() {
        let text = format!("Subject: x\n{}\nnote\r\n{}", encode("A", b"one"), encode("B C", b"two"));
        let found = blocks(text.replace('\n', "\r\n").as_bytes()).unwrap();
        let found: Vec<_> = found.iter().map(|b| (b.label.as_str(), b.der.as_slice())).collect();
        assert_eq!(found, [("A", b"one".as_slice()), ("B C", b"two".as_slice())]);
    }

    #[test]
    fn each_kind_of_damage_has_its_own_word() {
        assert_eq!(error("hello"), PemError::NoBlock);
        assert_eq!(error(""), PemError::NoBlock);
        let whole = encode(CERTIFICATE, &[1; 100]);
        let cut = &whole[..whole.len() / 2];
        assert_eq!(error(cut), PemError::Truncated { label: CERTIFICATE.into(), line: 1 });
        assert_eq!(error(&format!("x\n{cut}\n{whole}")), PemError::Truncated { label: CERTIFICATE.into(), line: 2 });
        let bad = "-----BEGIN X-----\n*not base64*\n-----END X-----\n";
        assert_eq!(error(bad), PemError::NotBase64 { label: "X".into(), line: 1 });
    }

    #[test]
    fn encrypted_blocks_are_known_as_such() {
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        assert!(blocks(old.as_bytes()).unwrap()[0].encrypted);
        assert!(blocks(encode("ENCRYPTED PRIVATE KEY", b"x").as_bytes()).unwrap()[0].encrypted);
        assert!(!blocks(encode("PRIVATE KEY", b"x").as_bytes()).unwrap()[0].encrypted);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(der: Vec<u8>) {
            let text = encode("X", &der);
            prop_assert!(text.lines().all(|line| line.len() <= 64));
            let found = blocks(text.as_bytes()).unwrap();
            prop_assert_eq!(found[0].der.as_slice(), der.as_slice());
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
            let _ = blocks(&bytes);
        }
    }
}
