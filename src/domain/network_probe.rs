//! What a Pod of a network test is asked, and what it answers: the form of both, for the side that asks and the Pod.
//!
//! Neither has a secret. The questions are an argument of the Pod's command, the answers one line of its log.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// The port of the Pods that answer, TCP and UDP.
pub const PORT: u16 = 5472;
/// What every connection and datagram of a test begins with. The Pods answer nothing else.
pub const MAGIC: &[u8; 8] = b"kwprobe1";
/// What the line with the answers begins with.
pub const ANSWERS: &str = "kubewright-network-answers ";
/// The port of the kubelet's API.
pub const KUBELET_PORT: u16 = 10250;
/// Bytes that fit into one packet of any network.
pub const SMALL: usize = 32;
/// Bytes that need several packets.
pub const LARGE: usize = 8192;
/// As many questions a Pod accepts.
pub const MOST: usize = 1000;

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Question {
    pub id: usize,
    pub ask: Ask,
    /// Where; None: the name server of the Pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<SocketAddr>,
}

/// How it is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ask {
    /// Is a TCP connection accepted?
    Connect,
    /// Do so many bytes come back over TCP?
    Stream(usize),
    /// Does a small datagram come back?
    Datagram,
    /// Does the largest packet that the interface may send come back?
    Packet,
    /// Does this name have an address? With a dot at its end it is complete, otherwise the search domains of the Pod follow.
    Name {
        name: String,
        /// An IPv6 address.
        v6: bool,
    },
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    pub id: usize,
    /// How often it was tried.
    pub tries: u32,
    /// How long the successful try took.
    pub millis: u64,
    /// Why the last try failed; None for a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Of [`Ask::Packet`]: the size of the largest packet that came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u32>,
    /// The MTU of the interface, of [`Ask::Packet`] and [`Ask::Connect`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
}

/// Why a question has no good answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Failure {
    /// Nothing came back.
    TimedOut,
    /// The other side, or a rule in between, refused it.
    Refused,
    /// No route leads there.
    Unreachable,
    /// The connection was closed before everything was back.
    Closed,
    /// The way has a smaller MTU, as a router reported.
    TooLarge,
    /// Something else came back.
    Different,
    /// The name server knows no such name.
    NoName,
    /// The name server has an error of its own.
    ServerFailure,
    /// The Pod could not ask.
    Local,
}

impl Failure {
    /// In a few words.
    pub fn text(self) -> &'static str {
        match self {
            Self::TimedOut => "no answer",
            Self::Refused => "refused",
            Self::Unreachable => "no route",
            Self::Closed => "closed",
            Self::TooLarge => "too large",
            Self::Different => "wrong answer",
            Self::NoName => "unknown name",
            Self::ServerFailure => "server failure",
            Self::Local => "not asked",
        }
    }
}

/// The line with the answers.
pub fn line(answers: &[Answer]) -> String {
    format!("{ANSWERS}{}\n", serde_json::to_string(answers).unwrap_or_default())
}

/// The answers in the log of a Pod; None if it has no whole line with them.
pub fn answers_of(log: &str) -> Option<Vec<Answer>> {
    let line = log.lines().find_map(|line| line.strip_prefix(ANSWERS))?;
    let mut answers: Vec<Answer> = serde_json::from_str(line).ok()?;
    answers.truncate(MOST);
    Some(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_found_among_other_lines() {
        let answer = Answer { id: 3, tries: 2, millis: 5, failure: Some(Failure::NoName), bytes: None, mtu: None };
        let log = format!("warning: x\n{}bye\n", line(std::slice::from_ref(&answer)));
        assert_eq!(answers_of(&log), Some(vec![answer]));
        assert_eq!(answers_of("warning: x\n"), None);
        assert_eq!(answers_of(&format!("{ANSWERS}[{{\"id\":1")), None, "a line that was cut off");
    }

    #[test]
    fn questions_are_read_back() {
        let ask = Ask::Name { name: "kubernetes.default.svc".into(), v6: false };
        let questions = [
            Question { id: 1, ask, at: None },
            Question { id: 2, ask: Ask::Stream(8), at: "[fd00::1]:80".parse().ok() },
        ];
        let text = serde_json::to_string(&questions).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Question>>(&text).unwrap(), questions);
        assert!(serde_json::from_str::<Question>("{\"id\":1,\"ask\":\"connect\",\"run\":\"sh\"}").is_err());
    }
}
