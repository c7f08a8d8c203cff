//! The two roles of a Pod of a network test: it answers others, or asks them.
//!
//! Reads: what comes in, with limits; `/etc/resolv.conf` and the MTU of an interface. Writes: nothing. `serve` answers TCP
//! and UDP with what it received, and only what begins as a test does; `ask` puts all questions at once, each several
//! times, because rules for a new Pod need a moment; `names` is DNS; `packet` tries sizes.

mod ask;
mod names;
mod packet;
mod serve;
mod sockets;
#[cfg(test)]
mod tests;

pub use ask::ask_all;
pub use serve::{Server, serve};
