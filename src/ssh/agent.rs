//! The keys of an agent.
//!
//! libssh2 would wait for an agent that does not answer without end, so whether it answers is found out here first.

use super::error::SshError;
use super::host_key::{HostKey, kind_of};
use crate::base::sanitize;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// An agent answers from memory.
const PATIENCE: Duration = Duration::from_secs(5);
/// As in OpenSSH's own agent client.
const LONGEST: u32 = 256 << 10;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;

/// A key that an agent has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AgentKey {
    pub blob: Vec<u8>,
    pub comment: String,
}

impl AgentKey {
    /// Its type and fingerprint, and what its owner calls it.
    pub(super) fn shown(&self) -> String {
        let kind = kind_of(&self.blob).unwrap_or("unknown");
        format!("{kind} {} ({}, agent)", HostKey::new(&self.blob).fingerprint(), sanitize::line(&self.comment))
    }
}

/// The keys of the agent.
pub(super) fn keys(socket: &Path) -> Result<Vec<AgentKey>, SshError> {
    let wrong = |why: String| SshError::Agent { socket: socket.to_owned(), why };
    let answer = ask(socket).map_err(|error| wrong(error.to_string()))?;
    read(&answer).ok_or_else(|| wrong("its answer cannot be read".into()))
}

fn ask(socket: &Path) -> std::io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&[0, 0, 0, 1, REQUEST_IDENTITIES])?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > LONGEST {
        return Err(std::io::Error::other("its answer is too long"));
    }
    let mut answer = vec![0; length as usize];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

fn read(answer: &[u8]) -> Option<Vec<AgentKey>> {
    let mut rest = answer.strip_prefix(&[IDENTITIES_ANSWER])?;
    let number = |rest: &mut &[u8]| {
        let (bytes, after) = rest.split_at_checked(4)?;
        *rest = after;
        Some(u32::from_be_bytes(bytes.try_into().ok()?) as usize)
    };
    let count = number(&mut rest)?;
    let mut keys = Vec::new();
    for _ in 0..count {
        let mut field = || {
            let length = number(&mut rest)?;
            let (value, after) = rest.split_at_checked(length)?;
            rest = after;
            Some(value.to_vec())
        };
        let (blob, comment) = (field()?, field()?);
        keys.push(AgentKey { blob, comment: String::from_utf8_lossy(&comment).into_owned() });
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_within_their_length() {
        let answer = b"\x0c\0\0\0\x01\0\0\0\x02ab\0\0\0\x01c";
        assert_eq!(read(answer), Some(vec![AgentKey { blob: b"ab".to_vec(), comment: "c".into() }]));
        assert_eq!(read(b"\x0c\0\0\0\0"), Some(Vec::new()));
        for damaged in [&b""[..], b"\x05", b"\x0c\0\0", b"\x0c\xff\xff\xff\xff", b"\x0c\0\0\0\x01\xff\xff\xff\xffab"] {
            assert_eq!(read(damaged), None);
        }
    }
}
