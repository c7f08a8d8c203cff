//! What a file holds, recognized in the text that a plan may display.

mod certificate;
mod kubeconfig;
mod static_pod;

use crate::base::pem;
use crate::pki::algorithm;
pub use certificate::CertificateFacts;
pub use kubeconfig::KubeconfigFacts;
use serde::Serialize;
pub use static_pod::StaticPodFacts;
use std::path::Path;

/// The facts about a file by its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum About {
    Certificates {
        certificates: Vec<CertificateFacts>,
    },
    /// A request for a certificate.
    Request(Algorithm),
    PublicKey(Algorithm),
    /// Only the algorithm is known of a private key, from what belongs to it.
    PrivateKey(Algorithm),
    Kubeconfig(KubeconfigFacts),
    StaticPod(StaticPodFacts),
    Text {
        lines: usize,
    },
    /// The content is not displayed; `note` says what it is.
    Hidden {
        note: String,
    },
}

/// The algorithm of a key; None if it is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Algorithm {
    pub algorithm: Option<&'static str>,
}

impl About {
    /// Recognizes the displayed text of the file at `path`.
    pub fn of(path: &Path, shown: &str) -> Self {
        if let Some(note) = hidden(shown) {
            // A backup of a key is a private key too, but not one that anything uses.
            let is_key = note.starts_with("private key") || note.starts_with("certificate and private key");
            return if is_key {
                Self::PrivateKey(Algorithm { algorithm: None })
            } else {
                Self::Hidden { note: note.to_owned() }
            };
        }
        if shown.contains("-----BEGIN ")
            && let Some(about) = of_pem(shown)
        {
            return about;
        }
        let document = KubeconfigFacts::read(shown).map(Self::Kubeconfig);
        let document = document.or_else(|| StaticPodFacts::read(path, shown).map(Self::StaticPod));
        document.unwrap_or_else(|| Self::Text { lines: shown.lines().count() })
    }

    /// The algorithm of the key that belongs to this file.
    pub fn algorithm(&self) -> Option<&'static str> {
        match self {
            Self::Certificates { certificates } => certificates.first()?.algorithm,
            Self::Request(key) | Self::PublicKey(key) | Self::PrivateKey(key) => key.algorithm,
            _ => None,
        }
    }
}

fn of_pem(shown: &str) -> Option<About> {
    if let Some(certificates) = CertificateFacts::bundle(shown) {
        return Some(About::Certificates { certificates });
    }
    let blocks = pem::blocks(shown.as_bytes()).ok()?;
    let block = blocks.first()?;
    let key = Algorithm { algorithm: algorithm::of_block(block.label, &block.der) };
    match block.label {
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Some(About::Request(key)),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => Some(About::PublicKey(key)),
        _ => None,
    }
}

/// The note of content that is not displayed: `(private key, not shown)`.
fn hidden(shown: &str) -> Option<&str> {
    let note = shown.trim_end().strip_prefix('(')?.strip_suffix(')')?;
    (!note.contains('\n')).then_some(note)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(path: &str, shown: &str) -> About {
        About::of(Path::new(path), shown)
    }

    #[test]
    fn hidden_content_is_recognized_by_its_note() {
        let key = Algorithm { algorithm: None };
        assert_eq!(about("/a.key", "(private key, not shown)\n"), About::PrivateKey(key));
        assert_eq!(about("/a", "(certificate and private key, not shown)\n"), About::PrivateKey(key));
        assert_eq!(
            about("/a", "(a copy of what was there)\n"),
            About::Hidden { note: "a copy of what was there".into() }
        );
        assert_eq!(about("/a", "(a)\n(b)\n"), About::Text { lines: 2 });
        assert_eq!(about("/a", ""), About::Text { lines: 0 });
    }

    #[test]
    fn text_that_only_looks_like_pem_is_text() {
        assert_eq!(
            about("/a", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"),
            About::Text { lines: 3 }
        );
    }
}
