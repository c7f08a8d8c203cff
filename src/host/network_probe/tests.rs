//! Tests over real sockets of this machine.

use super::*;
use crate::base::env::Clock;
use crate::domain::network_probe::{Ask, Failure, LARGE, Question, SMALL};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};

fn local(port: u16) -> SocketAddr {
    SocketAddr::new([127, 0, 0, 1].into(), port)
}

#[test]
fn everything_that_is_asked_of_a_server_comes_back() {
    let port = serve(0).unwrap().address.port();
    let asks = [Ask::Connect, Ask::Stream(SMALL), Ask::Stream(LARGE), Ask::Datagram, Ask::Packet];
    let questions: Vec<Question> =
        asks.into_iter().enumerate().map(|(id, ask)| Question { id, ask, at: Some(local(port)) }).collect();
    let answers = ask_all(&questions, "", &Clock::system());
    assert_eq!(answers.iter().map(|answer| answer.id).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert!(answers.iter().all(|answer| answer.failure.is_none()), "{answers:?}");
    assert!(answers[4].bytes.is_some_and(|bytes| bytes >= 1280), "{answers:?}");
}

#[test]
fn a_port_without_a_server_refuses() {
    // It was free a moment ago.
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let name = |name: &str| Ask::Name { name: name.into(), v6: false };
    let questions = [Ask::Connect, Ask::Datagram, name("a")].map(|ask| Question { id: 0, ask, at: Some(local(port)) });
    // The clock does not wait between the tries.
    for answer in ask_all(&questions, "search b", &Clock::fixed(0)) {
        assert_eq!((answer.failure, answer.tries), (Some(Failure::Refused), 5));
    }
    // Nothing has to become ready for a name outside the cluster.
    let outside = Question { id: 0, ask: name("a."), at: Some(local(port)) };
    assert_eq!(ask_all(&[outside], "", &Clock::fixed(0))[0].tries, 2);
}

#[test]
fn a_server_drops_what_is_not_of_a_test() {
    let port = serve(0).unwrap().address.port();
    let mut stream = TcpStream::connect(local(port)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut back = Vec::new();
    // Closed, or reset because what it sent was not read.
    let _ = stream.read_to_end(&mut back);
    assert!(back.is_empty(), "{back:?}");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(local(port)).unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_millis(100))).unwrap();
    socket.send(b"version.bind").unwrap();
    assert!(socket.recv(&mut [0; 64]).is_err());
    socket.send(b"kwprobe1").unwrap();
    assert_eq!(socket.recv(&mut [0; 64]).unwrap(), 8);
}

#[test]
fn a_question_without_an_address_is_not_asked() {
    let question = Question { id: 7, ask: Ask::Connect, at: None };
    let answers = ask_all(&[question], "", &Clock::fixed(0));
    assert_eq!((answers[0].failure, answers[0].tries), (Some(Failure::Local), 1));
}

/// A router's report that a packet is too large was taken for a Pod that cannot ask, and the second try, which passes, was not
/// made.
#[test]
fn a_report_that_a_packet_is_too_large_is_a_failure_that_is_tried_again() {
    let failure = |errno: rustix::io::Errno| sockets::failure(&std::io::Error::from_raw_os_error(errno.raw_os_error()));
    assert_eq!(failure(rustix::io::Errno::MSGSIZE), Failure::TooLarge);
    assert_eq!(failure(rustix::io::Errno::HOSTUNREACH), Failure::Unreachable);
    assert_eq!(failure(rustix::io::Errno::PERM), Failure::Refused);
}
