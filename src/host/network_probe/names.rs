//! DNS of a test: asks one server for the address of a name, over UDP.
//!
//! The library's resolver would wait for five seconds, and does not say why it fails.

use super::sockets;
use crate::domain::network_probe::Failure;
use std::net::{IpAddr, SocketAddr};

/// The longest name that DNS has.
const LONGEST: usize = 253;
/// More search domains than a Pod can have.
const SEARCHES: usize = 32;
/// The identity of a question; its socket only receives from the server that was asked.
const ID: [u8; 2] = [0x4b, 0x57];

/// What `/etc/resolv.conf` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Resolver {
    server: Option<IpAddr>,
    search: Vec<String>,
}

impl Resolver {
    /// The first server, and the last list of search domains.
    pub fn parse(text: &str) -> Self {
        let mut resolver = Self::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") if resolver.server.is_none() => {
                    resolver.server = words.next().and_then(|word| word.parse().ok());
                }
                Some("search") => resolver.search = words.take(SEARCHES).map(str::to_owned).collect(),
                _ => {}
            }
        }
        resolver
    }

    /// The complete names that a name can stand for.
    fn names(&self, name: &str) -> Vec<String> {
        match name.strip_suffix('.') {
            Some(complete) => vec![complete.to_owned()],
            None => self.search.iter().map(|domain| format!("{name}.{}", domain.trim_matches('.'))).collect(),
        }
    }
}

/// Looks a name up at a server, or at that of the Pod. One of the names that it can stand for is enough.
pub fn look_up(resolver: &Resolver, at: Option<SocketAddr>, name: &str, v6: bool) -> Result<(), Failure> {
    let at = at.or_else(|| Some(SocketAddr::new(resolver.server?, 53))).ok_or(Failure::Local)?;
    let mut last = Err(Failure::NoName);
    for name in resolver.names(name) {
        last = one(at, &name, v6);
        // A server that does not answer will not answer for another name.
        if !matches!(last, Err(Failure::NoName | Failure::ServerFailure)) {
            return last;
        }
    }
    last
}

fn one(at: SocketAddr, name: &str, v6: bool) -> Result<(), Failure> {
    let socket = sockets::socket(at)?;
    let mut back = vec![0; 4096];
    let length = sockets::send_and_receive(&socket, &question(name, v6)?, &mut back)?;
    verdict(back.get(..length).unwrap_or_default())
}

/// RFC 1035, 4.1: header, name, type A or AAAA, class IN. Recursion is desired.
fn question(name: &str, v6: bool) -> Result<Vec<u8>, Failure> {
    if name.is_empty() || name.len() > LONGEST {
        return Err(Failure::Local);
    }
    let mut message = [ID.as_slice(), &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]].concat();
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length)).ok_or(Failure::Local)?;
        message.push(length);
        message.extend(label.bytes());
    }
    message.extend([0, 0, if v6 { 28 } else { 1 }, 0, 1]);
    Ok(message)
}

/// What a response says: an answer, or why there is none.
fn verdict(message: &[u8]) -> Result<(), Failure> {
    let [a, b, flags, code, _, _, high, low, ..] = message else { return Err(Failure::Different) };
    if [*a, *b] != ID || flags & 0x80 == 0 {
        return Err(Failure::Different);
    }
    match code & 0x0f {
        0 if *high == 0 && *low == 0 => Err(Failure::NoName),
        0 => Ok(()),
        3 => Err(Failure::NoName),
        5 => Err(Failure::Refused),
        _ => Err(Failure::ServerFailure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_dot_at_its_end_has_the_search_domains() {
        let text =
            "# kubelet\nsearch a.svc.cluster.local svc.cluster.local\nnameserver 10.96.0.10\nnameserver 8.8.8.8\n";
        let resolver = Resolver::parse(text);
        assert_eq!(resolver.server, "10.96.0.10".parse().ok());
        assert_eq!(resolver.names("x"), ["x.a.svc.cluster.local", "x.svc.cluster.local"]);
        assert_eq!(resolver.names("example.org."), ["example.org"]);
        assert_eq!(look_up(&Resolver::default(), None, "x", false), Err(Failure::Local));
    }

    #[test]
    fn responses_are_distinguished_by_their_code() {
        let message =
            |code: u8, answers: u8| [ID.as_slice(), &[0x81, 0x80 | code, 0, 1, 0, answers, 0, 0, 0, 0]].concat();
        for (message, expected) in [
            (message(0, 1), Ok(())),
            (message(0, 0), Err(Failure::NoName)),
            (message(3, 0), Err(Failure::NoName)),
            (message(2, 0), Err(Failure::ServerFailure)),
            (message(5, 0), Err(Failure::Refused)),
            (b"kwprobe1".to_vec(), Err(Failure::Different)),
            (Vec::new(), Err(Failure::Different)),
        ] {
            assert_eq!(verdict(&message), expected, "{message:?}");
        }
    }

    #[test]
    fn a_question_has_labels_and_a_type() {
        let bytes = question("a.bc", true).unwrap();
        assert_eq!(&bytes[12..], [1, b'a', 2, b'b', b'c', 0, 0, 28, 0, 1]);
        for name in ["", "a..b", &"x".repeat(64), &"a.".repeat(200)] {
            assert_eq!(question(name, false), Err(Failure::Local), "{name}");
        }
    }
}
