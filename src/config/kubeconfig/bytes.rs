//! The fields of a kubeconfig that contain bytes or secrets.

use crate::base::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

/// Bytes, base64-encoded in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

/// Secret bytes, base64-encoded in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretBase64(pub Secret<Vec<u8>>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretText(pub Secret<String>);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        decode(from).map(Self)
    }
}

impl Serialize for SecretBase64 {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&Zeroizing::new(STANDARD.encode(self.0.expose())))
    }
}

impl<'de> Deserialize<'de> for SecretBase64 {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        decode(from).map(|bytes| Self(Secret::new(bytes)))
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(Secret::new(text)))
    }
}

fn decode<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    // Folded YAML text contains spaces and line breaks. The value may be a key and is not part of the error.
    let mut text = Zeroizing::new(String::deserialize(from)?);
    text.retain(|c| !c.is_ascii_whitespace());
    STANDARD.decode(text.as_bytes()).map_err(|_| de::Error::custom("a '…-data' field is not base64"))
}
