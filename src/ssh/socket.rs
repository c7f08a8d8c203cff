//! Connects to a host, by any of its addresses, with one deadline for all of them.

use super::error::SshError;
use super::target::Family;
use crate::base::env::Clock;
use rustix::net::sockopt;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Addresses of one name that are tried.
const ADDRESSES: usize = 8;

/// A stream to a host: its own, or one through a jump host.
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// A second handle of the same stream.
    pub(super) fn again(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(stream) => Self::Tcp(stream.try_clone()?),
            Self::Unix(stream) => Self::Unix(stream.try_clone()?),
        })
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Tcp(stream) => stream.as_raw_fd(),
            Self::Unix(stream) => stream.as_raw_fd(),
        }
    }
}

/// Connects directly. `silence` is how long data that was sent may stay unacknowledged.
pub(super) fn connect(
    host: &str,
    port: u16,
    family: Family,
    limit: Duration,
    silence: Duration,
    clock: &Clock,
) -> Result<Socket, SshError> {
    let end = clock.monotonic() + limit;
    let addresses = resolve(host, port, family)?;
    let mut failed = Vec::new();
    for (index, address) in addresses.iter().enumerate() {
        // An address that does not answer must leave time for the others.
        let left = end.saturating_sub(clock.monotonic());
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(1);
        if share.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => {
                // Neither changes what is sent: a system without them is only slower to notice.
                let _ = stream.set_nodelay(true);
                let _ = sockopt::set_tcp_user_timeout(&stream, u32::try_from(silence.as_millis()).unwrap_or(u32::MAX));
                return Ok(Socket::Tcp(stream));
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                failed.push(format!("{address} does not answer within {share:.0?}"));
            }
            Err(error) => failed.push(format!("{address}: {}", said(&error))),
        }
    }
    Err(SshError::Connect { host: host.to_owned(), why: failed.join("; ") })
}

/// Without the number that the system gives it.
fn said(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

fn resolve(host: &str, port: u16, family: Family) -> Result<Vec<SocketAddr>, SshError> {
    let wrong = |why: String| SshError::Resolve { name: host.to_owned(), why };
    let found = (host, port).to_socket_addrs().map_err(|error| {
        let text = error.to_string();
        wrong(text.rsplit_once(": ").map_or(text.clone(), |(_, why)| why.to_owned()))
    })?;
    let wanted: Vec<SocketAddr> = found
        .filter(|address| match family {
            Family::Any => true,
            Family::Inet => address.is_ipv4(),
            Family::Inet6 => address.is_ipv6(),
        })
        .take(ADDRESSES)
        .collect();
    if wanted.is_empty() { Err(wrong("it has no address of that family".into())) } else { Ok(wanted) }
}
