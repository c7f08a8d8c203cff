//! Private keys in files: their format, whether they are encrypted, and their public key.

use super::host_key::kind_of;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Larger than the largest RSA key in any form.
const LONGEST: u64 = 128 << 10;

/// A key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is encrypted, and the passphrase is unknown.
    #[error("the key {} is encrypted, and its passphrase cannot be asked for", file.display())]
    NeedsPassphrase { file: PathBuf },
    /// The file has no private key in a known form.
    #[error("{} cannot be used as a private key: {why}", file.display())]
    Unusable { file: PathBuf, why: String },
    /// The file cannot be read.
    #[error("cannot read the key {}: {why}", file.display())]
    Unreadable { file: PathBuf, why: String },
    /// The passphrase is wrong.
    #[error("the passphrase of the key {} is wrong", file.display())]
    WrongPassphrase { file: PathBuf },
}

impl Fault for KeyError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NeedsPassphrase { file } | Self::WrongPassphrase { file } => {
                format!("load it into an agent: run 'ssh-add {}'", file.display())
            }
            Self::Unusable { file, .. } => {
                format!("run 'ssh-keygen -y -f {}' to see what OpenSSH says", file.display())
            }
            Self::Unreadable { file, .. } => format!("run 'ls -l {}'", file.display()),
        })
    }
}

/// What a file has.
#[derive(Debug)]
pub(super) struct KeyFile {
    pub path: PathBuf,
    /// None: the file has only a public key, whose private key an agent may have.
    pub private: Option<Private>,
    /// As SSH sends it; None if the file does not have it and there is none beside it.
    pub public: Option<Vec<u8>>,
    /// The text of a certificate beside it.
    pub certificate: Option<String>,
}

/// The text of a private key.
#[derive(Debug)]
pub(super) struct Private {
    pub text: Secret<String>,
    pub encrypted: bool,
}

impl KeyFile {
    /// Reads a key, its public key (`FILE.pub`) and its certificate (`FILE-cert.pub`); None if the file does not exist.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, KeyError> {
        let Some(text) = read(path)? else {
            // As in OpenSSH, the public key is enough to find it in an agent.
            let public = read(&beside(path, ".pub"))?.and_then(|text| public(&text));
            return Ok(public.map(|public| Self {
                path: path.to_owned(),
                private: None,
                public: Some(public),
                certificate: None,
            }));
        };
        let certificate = read(&beside(path, "-cert.pub"))?;
        if let Some(public) = public(&text) {
            return Ok(Some(Self { path: path.to_owned(), private: None, public: Some(public), certificate }));
        }
        let (encrypted, inside) = sniff(&text).map_err(|why| KeyError::Unusable { file: path.to_owned(), why })?;
        let public = match inside {
            Some(inside) => Some(inside),
            None => read(&beside(path, ".pub"))?.and_then(|text| public(&text)),
        };
        let private = Some(Private { text: Secret::new(text), encrypted });
        Ok(Some(Self { path: path.to_owned(), private, public, certificate }))
    }

    /// The text of a certificate, if it is for this key or if that is unknown.
    pub(super) fn certificate_for(path: &Path, key: &Self) -> Result<Option<String>, KeyError> {
        let Some(text) = read(path)? else {
            return Err(KeyError::Unreadable { file: path.to_owned(), why: "it does not exist".into() });
        };
        let Some(certificate) = public(&text) else {
            return Err(KeyError::Unusable { file: path.to_owned(), why: "it is not a certificate".into() });
        };
        // The key itself, without its type, is a part of its certificate.
        let inside = key.public.as_ref().and_then(|key| {
            let length = u32::from_be_bytes(key.get(..4)?.try_into().ok()?) as usize;
            key.get(4 + length..)
        });
        let is_for = inside.is_none_or(|inside| certificate.windows(inside.len()).any(|window| window == inside));
        Ok(is_for.then_some(text))
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn read(path: &Path) -> Result<Option<String>, KeyError> {
    let unreadable = |why: String| KeyError::Unreadable { file: path.to_owned(), why };
    let mut bytes = Vec::new();
    match std::fs::File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes)) {
        Ok(_) if bytes.len() as u64 > LONGEST => {
            Err(KeyError::Unusable { file: path.to_owned(), why: format!("it is larger than {LONGEST} bytes") })
        }
        Ok(_) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| KeyError::Unusable { file: path.to_owned(), why: "it is not text".into() }),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(unreadable(error.to_string())),
    }
}

/// The key of a line `TYPE BASE64 COMMENT`.
pub(super) fn public(text: &str) -> Option<Vec<u8>> {
    let mut words = text.trim_start().split_whitespace();
    let (kind, key) = (words.next()?, words.next()?);
    let key = STANDARD.decode(key).ok()?;
    (kind_of(&key) == Some(kind)).then_some(key)
}

/// Whether a private key is encrypted, and its public key if the form has it in clear.
fn sniff(text: &str) -> Result<(bool, Option<Vec<u8>>), String> {
    let text = text.trim_start();
    let label = text.strip_prefix("-----BEGIN ").and_then(|rest| rest.split_once("-----")).map(|(label, _)| label);
    match label {
        Some("OPENSSH PRIVATE KEY") => openssh(text).ok_or_else(|| "the file is damaged".to_owned()).and_then(usable),
        Some("ENCRYPTED PRIVATE KEY") => Ok((true, None)),
        Some("PRIVATE KEY") => Ok((false, None)),
        Some("RSA PRIVATE KEY" | "EC PRIVATE KEY") => Ok((text.contains("Proc-Type: 4,ENCRYPTED"), None)),
        Some("DSA PRIVATE KEY") => Err("DSA keys are no longer accepted anywhere".into()),
        Some("CERTIFICATE") => Err("it is a certificate".into()),
        Some(_) => Err("its form is unknown".into()),
        None if text.starts_with("PuTTY-User-Key-File") => {
            Err("it is a key of PuTTY: convert it with 'puttygen FILE -O private-openssh'".into())
        }
        None => Err("it does not start with '-----BEGIN … PRIVATE KEY-----'".into()),
    }
}

fn usable((encrypted, public): (bool, Vec<u8>)) -> Result<(bool, Option<Vec<u8>>), String> {
    match kind_of(&public) {
        Some(kind) if kind.starts_with("sk-") => {
            Err("its private key is in a hardware token: load it into an agent with 'ssh-add'".into())
        }
        Some("ssh-dss") => Err("DSA keys are no longer accepted anywhere".into()),
        Some(_) => Ok((encrypted, Some(public))),
        None => Err("the file is damaged".into()),
    }
}

/// OpenSSH's own form: `openssh-key-v1\0`, cipher, KDF, its options, a count, the public key.
fn openssh(text: &str) -> Option<(bool, Vec<u8>)> {
    let body: String = text.lines().skip(1).take_while(|line| !line.starts_with("-----")).map(str::trim).collect();
    let bytes = STANDARD.decode(body).ok()?;
    let mut rest = bytes.strip_prefix(b"openssh-key-v1\0")?;
    let mut field = || {
        let (length, after) = rest.split_at_checked(4)?;
        let (value, after) = after.split_at_checked(u32::from_be_bytes(length.try_into().ok()?) as usize)?;
        rest = after;
        Some(value.to_vec())
    };
    let cipher = field()?;
    let (_kdf, _options) = (field()?, field()?);
    rest = rest.get(4..)?;
    let (length, after) = rest.split_at_checked(4)?;
    let public = after.get(..u32::from_be_bytes(length.try_into().ok()?) as usize)?;
    Some((cipher != b"none", public.to_vec()))
}

#[cfg(test)]
mod tests;
