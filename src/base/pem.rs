//! Parses and writes PEM by the rules of Go's decoder, which Kubernetes and etcd use.
//!
//! Text around the blocks is ignored, as in every parser of the format: many certificate files start with the output of
//! `openssl x509 -text`. What Go's decoder would skip silently, such as an indented block, is an error. A damaged file
//! may contain a private key anywhere, so errors never quote it: labels come from a fixed list.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

mod error;

pub use error::PemError;

/// `-----BEGIN CERTIFICATE-----`.
pub const CERTIFICATE: &str = "CERTIFICATE";
/// The description of a label that is not in [`LABELS`].
const OTHER: &str = "a block of another kind";
/// The labels that may be displayed.
const LABELS: [&str; 19] = [
    CERTIFICATE,
    "TRUSTED CERTIFICATE",
    "X509 CERTIFICATE",
    "CERTIFICATE REQUEST",
    "NEW CERTIFICATE REQUEST",
    "X509 CRL",
    "PKCS7",
    "CMS",
    "PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "DSA PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
    "PUBLIC KEY",
    "RSA PUBLIC KEY",
    "EC PARAMETERS",
    "DH PARAMETERS",
    "ATTRIBUTE CERTIFICATE",
];
/// The maximum length of a label.
const LONGEST_LABEL: usize = 64;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// A PEM block.
#[derive(Clone)]
pub struct Block {
    /// The label, if it is a known one.
    pub label: &'static str,
    /// True if the block is encrypted according to its RFC 1421 headers or its label.
    pub encrypted: bool,
    /// The content; zeroed when dropped, since it may be a private key.
    pub der: Zeroizing<Vec<u8>>,
}

/// The blocks of `bytes`, in order; at least one.
pub fn blocks(bytes: &[u8]) -> Result<Vec<Block>, PemError> {
    if bytes.starts_with(b"\xef\xbb\xbf") || bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(PemError::ByteOrderMark);
    }
    // Comments may use any encoding; the blocks themselves are ASCII.
    let text = Zeroizing::new(String::from_utf8_lossy(bytes).into_owned());
    let mut lines = text.split('\n').map(str::trim_end).zip(1..);
    let mut found = Vec::new();
    while let Some((text, line)) = lines.next() {
        if let Some(rest) = text.strip_prefix(BEGIN) {
            let label = rest.strip_suffix(DASHES).filter(|label| is_label(label));
            found.push(block(label.ok_or(PemError::BrokenLine { line })?, line, &mut lines)?);
        } else if text.trim_start().starts_with(BEGIN) {
            return Err(PemError::Indented { line });
        } else if text.starts_with(DASHES) {
            return Err(PemError::BrokenLine { line });
        }
    }
    if found.is_empty() { Err(PemError::NoBlock) } else { Ok(found) }
}

/// The rest of the block that starts at line `begin`.
fn block<'a>(label: &str, begin: usize, lines: &mut impl Iterator<Item = (&'a str, usize)>) -> Result<Block, PemError> {
    let known = LABELS.into_iter().find(|known| *known == label).unwrap_or(OTHER);
    let mut encrypted = label.starts_with("ENCRYPTED");
    let mut body = Zeroizing::new(String::new());
    for (text, line) in lines {
        if let Some(rest) = text.strip_prefix(END) {
            if rest.strip_suffix(DASHES) != Some(label) {
                return Err(PemError::BrokenLine { line });
            }
            let der =
                STANDARD.decode(body.as_bytes()).map_err(|_| PemError::NotBase64 { label: known, line: begin })?;
            return Ok(Block { label: known, encrypted, der: Zeroizing::new(der) });
        }
        if text.starts_with(BEGIN) {
            break;
        }
        if text.starts_with(DASHES) {
            return Err(PemError::BrokenLine { line });
        }
        if text.trim_start().starts_with(DASHES) {
            return Err(PemError::Indented { line });
        }
        if text.contains(DASHES) {
            return Err(PemError::BrokenLine { line });
        }
        if body.is_empty() && text.contains(':') {
            encrypted |= text.contains("ENCRYPTED");
        } else {
            body.extend(text.chars().filter(|c| !matches!(c, ' ' | '\t')));
        }
    }
    Err(PemError::Truncated { label: known, line: begin })
}

fn is_label(text: &str) -> bool {
    text.len() <= LONGEST_LABEL && text.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b' '))
}

/// The labels of the blocks, for a message: `CERTIFICATE and PRIVATE KEY`.
pub fn labels(blocks: &[Block]) -> String {
    let mut found: Vec<_> = blocks.iter().map(|block| block.label).collect();
    found.dedup();
    found.join(" and ")
}

/// A block as text with lines of 64 characters, as in OpenSSL and Go.
pub fn encode(label: &str, der: &[u8]) -> String {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut text = String::with_capacity(body.len() + body.len() / 64 + 2 * label.len() + 40);
    text.push_str(BEGIN);
    text.push_str(label);
    text.push_str("-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(END);
    text.push_str(label);
    text.push_str("-----\n");
    text
}

#[cfg(test)]
mod tests;
