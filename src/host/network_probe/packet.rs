//! Large packets. The Pod's interface has a size that it may send (MTU); somewhere on the way that can be too large.
//!
//! A datagram that fills such a packet is sent whole. Where a router reports that it is too large, the kernel sends the next
//! one in parts, as it does for programs: only what is dropped in silence fails.

use super::sockets;
use crate::domain::network_probe::{Failure, MAGIC};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

/// Sizes that are tried when the whole packet does not come back, with what overlays, VPNs and tunnels leave over.
const SIZES: [u32; 9] = [8900, 4000, 1480, 1450, 1400, 1370, 1320, 1280, 1200];
/// How long the answers to all of them may take.
const WAIT: Duration = Duration::from_millis(300);
/// Larger packets than any Ethernet has say nothing about the way.
const LARGEST: u32 = 9216;

/// Sends a packet of the size of the interface, and returns that size.
pub fn full(at: SocketAddr) -> Result<u32, Failure> {
    let socket = sockets::socket(at)?;
    let size = mtu_of(&socket).ok_or(Failure::Local)?.min(LARGEST);
    let sent = datagram(size, at);
    let mut back = vec![0; sent.len() + 1];
    let length = sockets::send_and_receive(&socket, &sent, &mut back)?;
    if back.get(..length) == Some(&sent) { Ok(size) } else { Err(Failure::Different) }
}

/// The largest packet of some usual sizes that comes back, and the size of the interface.
pub fn largest(at: SocketAddr) -> (Option<u32>, Option<u32>) {
    let Ok(socket) = sockets::socket(at) else { return (None, None) };
    let mtu = mtu_of(&socket);
    let sizes: Vec<u32> = SIZES.into_iter().filter(|size| mtu.is_none_or(|mtu| *size < mtu)).collect();
    if sockets::hurry(&socket, WAIT).is_err() {
        return (None, mtu);
    }
    for size in &sizes {
        // One that the kernel refuses to send does not pass.
        let _ = socket.send(&datagram(*size, at));
    }
    let mut buffer = vec![0; usize::try_from(LARGEST).unwrap_or_default()];
    let mut found = None;
    for _ in &sizes {
        let Ok(length) = socket.recv(&mut buffer) else { break };
        let back = sizes.iter().copied().filter(|size| datagram(*size, at).len() == length);
        found = found.max(back.max());
    }
    (found, mtu)
}

/// A datagram that makes a packet of this size.
fn datagram(size: u32, at: SocketAddr) -> Vec<u8> {
    let headers = if at.is_ipv4() { 28 } else { 48 };
    let length = usize::try_from(size.saturating_sub(headers)).unwrap_or_default();
    let mut text = MAGIC.to_vec();
    text.extend(sockets::filler(length.saturating_sub(text.len())));
    text
}

fn mtu_of(socket: &UdpSocket) -> Option<u32> {
    mtu(socket.local_addr().ok()?.ip())
}

/// The MTU of the interface with this address.
pub fn mtu(own: IpAddr) -> Option<u32> {
    let interface = if_addrs::get_if_addrs().ok()?.into_iter().find(|interface| interface.ip() == own)?;
    let text = std::fs::read_to_string(format!("/sys/class/net/{}/mtu", interface.name)).ok()?;
    text.trim().parse().ok()
}
