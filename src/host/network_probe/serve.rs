//! Answers the Pods that ask: what begins as a test does is sent back, everything else is dropped.

use crate::domain::network_probe::MAGIC;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Connections at a time; more are closed at once.
const CONNECTIONS: usize = 128;
/// The longest text that is sent back over TCP.
const LONGEST: u64 = 64 << 10;
/// How long a connection may be silent.
const SILENCE: Duration = Duration::from_secs(3);

/// Threads that answer until the process ends.
pub struct Server {
    pub address: SocketAddr,
}

/// Begins to answer at a port of every address; 0: at any free one.
pub fn serve(port: u16) -> io::Result<Server> {
    // Without IPv6 only the second works.
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))
        .or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))?;
    let address = listener.local_addr()?;
    let socket = UdpSocket::bind(address)?;
    std::thread::spawn(move || datagrams(&socket));
    std::thread::spawn(move || connections(&listener));
    Ok(Server { address })
}

fn datagrams(socket: &UdpSocket) {
    let mut buffer = vec![0; 65_536];
    loop {
        // A refusal by an asker that is gone is reported here, too.
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        if let Some(text) = buffer.get(..length).filter(|text| text.starts_with(MAGIC)) {
            let _ = socket.send_to(text, from);
        }
    }
}

fn connections(listener: &TcpListener) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming().flatten() {
        if open.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS {
            open.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let open = open.clone();
        std::thread::spawn(move || {
            let _ = answer(stream);
            open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

/// Sends back what follows the beginning, up to its end.
fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    let mut magic = [0; MAGIC.len()];
    stream.read_exact(&mut magic)?;
    if magic != *MAGIC {
        return Ok(());
    }
    let mut text = Vec::new();
    (&stream).take(LONGEST).read_to_end(&mut text)?;
    stream.write_all(&text)?;
    stream.shutdown(Shutdown::Write)
}
