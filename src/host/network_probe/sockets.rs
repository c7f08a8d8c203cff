//! TCP and UDP of a test, one try each, and what a socket's error means.

use crate::domain::network_probe::{Failure, LARGE, MAGIC, SMALL};
use rustix::io::Errno;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// The limit of one try, and the time between the starts of two.
pub const TRY: Duration = Duration::from_secs(1);

/// The failure that an error of a socket stands for.
pub fn failure(error: &io::Error) -> Failure {
    if error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error()) {
        return Failure::TooLarge;
    }
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Failure::TimedOut,
        // The second: a rule that rejects with "administratively prohibited".
        ErrorKind::ConnectionRefused | ErrorKind::PermissionDenied => Failure::Refused,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => Failure::Unreachable,
        ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe => Failure::Closed,
        _ => Failure::Local,
    }
}

pub fn connect(at: SocketAddr) -> Result<TcpStream, Failure> {
    TcpStream::connect_timeout(&at, TRY).map_err(|error| failure(&error))
}

/// Sends so many bytes and compares what comes back.
pub fn stream(at: SocketAddr, bytes: usize) -> Result<(), Failure> {
    let text = filler(bytes.min(LARGE));
    exchange(connect(at)?, &text).map_err(|error| failure(&error)).and_then(|back| {
        if back == text {
            Ok(())
        } else {
            Err(if back.len() < text.len() { Failure::Closed } else { Failure::Different })
        }
    })
}

fn exchange(mut stream: TcpStream, text: &[u8]) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(TRY))?;
    stream.set_write_timeout(Some(TRY))?;
    stream.write_all(MAGIC)?;
    stream.write_all(text)?;
    stream.shutdown(Shutdown::Write)?;
    let mut back = Vec::new();
    stream.take(text.len() as u64 + 1).read_to_end(&mut back)?;
    Ok(back)
}

/// A small datagram and its return.
pub fn datagram(at: SocketAddr) -> Result<(), Failure> {
    let socket = socket(at)?;
    let sent = [MAGIC, filler(SMALL).as_slice()].concat();
    let mut back = vec![0; sent.len() + 1];
    let length = send_and_receive(&socket, &sent, &mut back)?;
    if back.get(..length) == Some(&sent) { Ok(()) } else { Err(Failure::Different) }
}

/// Sends a datagram and waits for one.
pub fn send_and_receive(socket: &UdpSocket, sent: &[u8], back: &mut [u8]) -> Result<usize, Failure> {
    socket.send(sent).and_then(|_| socket.recv(back)).map_err(|error| failure(&error))
}

/// A UDP socket that only exchanges datagrams with `at`.
pub fn socket(at: SocketAddr) -> Result<UdpSocket, Failure> {
    let own: IpAddr = if at.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let open = || {
        let socket = UdpSocket::bind((own, 0))?;
        socket.connect(at)?;
        socket.set_read_timeout(Some(TRY))?;
        Ok(socket)
    };
    open().map_err(|error: io::Error| failure(&error))
}

/// A shorter wait than a whole try.
pub fn hurry(socket: &UdpSocket, limit: Duration) -> Result<(), Failure> {
    socket.set_read_timeout(Some(limit)).map_err(|error| failure(&error))
}

/// Bytes that are not all alike.
pub fn filler(bytes: usize) -> Vec<u8> {
    (0..=250).cycle().take(bytes).collect()
}
