//! The benchmark's yardstick: how long it takes to generate keys and do nothing else.
//!
//! `keygen COUNT` makes COUNT RSA-2048 keys on all cores with the release's library and prints the
//! seconds it took.
#![allow(clippy::print_stdout)] // The number is all it is for.

use openssl::error::ErrorStack;
use openssl::rsa::Rsa;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: usize = std::env::args().nth(1).ok_or("how many keys?")?.parse()?;
    let start = Instant::now();
    let made = AtomicUsize::new(0);
    let generate = || -> Result<(), ErrorStack> {
        while made.fetch_add(1, Ordering::Relaxed) < count {
            Rsa::generate(2048)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..std::thread::available_parallelism().map_or(1, Into::into)).map(|_| scope.spawn(generate)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
    })?;
    println!("{:.4}", start.elapsed().as_secs_f64());
    Ok(())
}
