//! Generates keys in advance, on every core.
//!
//! Generating keys takes most of the time of the offline part of `init`. A pool is started as soon as the configuration
//! determines the number and algorithm of the keys; the certificates then only wait for the first of them.

use super::error::PkiError;
use super::keys::{KeySource, PrivateKey};
use crate::config::model::KeyAlgorithm;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Generates a number of keys in advance; further keys are generated on demand.
pub struct KeyPool {
    algorithm: KeyAlgorithm,
    source: Arc<dyn KeySource>,
    /// The number of announced keys that no thread has started.
    to_begin: Arc<AtomicUsize>,
    /// The number of announced keys that have not been taken.
    to_take: AtomicUsize,
    ready: Mutex<Receiver<Result<PrivateKey, PkiError>>>,
    threads: Vec<JoinHandle<()>>,
}

impl KeyPool {
    /// Starts to generate `count` keys with `source`: [`super::keys::Generator`], except in tests.
    pub fn start(algorithm: KeyAlgorithm, count: usize, source: Arc<dyn KeySource>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let to_begin = Arc::new(AtomicUsize::new(count));
        let (sender, ready) = channel();
        let threads = (0..cores.min(count))
            .filter_map(|_| {
                let (source, to_begin, sender) = (source.clone(), to_begin.clone(), sender.clone());
                let work = move || fill(algorithm, source.as_ref(), &to_begin, &sender);
                // If a thread cannot be started, the others do more; in the worst case keys are generated on demand.
                std::thread::Builder::new().name("keys".into()).spawn(work).ok()
            })
            .collect();
        Self { algorithm, source, to_begin, to_take: AtomicUsize::new(count), ready: Mutex::new(ready), threads }
    }
}

impl KeySource for KeyPool {
    /// Returns the next key; waits until one is ready.
    fn take(&self, algorithm: KeyAlgorithm) -> Result<PrivateKey, PkiError> {
        let announced = algorithm == self.algorithm
            && self.to_take.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if announced && let Ok(key) = self.ready.lock().unwrap_or_else(PoisonError::into_inner).recv() {
            return key;
        }
        self.source.take(algorithm)
    }
}

impl Drop for KeyPool {
    /// Stops. Keys in progress are finished first: a thread of a C library that still runs while the process exits can
    /// crash it.
    fn drop(&mut self) {
        self.to_begin.store(0, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            // A panic of a thread has already been reported.
            let _ = thread.join();
        }
    }
}

fn fill(
    algorithm: KeyAlgorithm,
    source: &dyn KeySource,
    to_begin: &AtomicUsize,
    sender: &Sender<Result<PrivateKey, PkiError>>,
) {
    while to_begin.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
        if sender.send(source.take(algorithm)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::keys::Generator;
    use std::sync::Condvar;
    use std::time::Duration;

    /// Counts the requested keys, and can be made to block.
    #[derive(Default)]
    struct Counting {
        made: Mutex<usize>,
        changed: Condvar,
    }

    impl KeySource for Counting {
        fn take(&self, algorithm: KeyAlgorithm) -> Result<PrivateKey, PkiError> {
            *self.made.lock().unwrap() += 1;
            self.changed.notify_all();
            Generator.take(algorithm)
        }
    }

    #[test]
    fn announced_keys_are_generated_in_advance() {
        let source = Arc::new(Counting::default());
        let _pool = KeyPool::start(KeyAlgorithm::EcdsaP256, 5, source.clone());
        let made = source.made.lock().unwrap();
        let (made, timeout) =
            source.changed.wait_timeout_while(made, Duration::from_mins(1), |made| *made < 5).unwrap();
        assert!(!timeout.timed_out(), "only {made} keys were generated");
    }

    #[test]
    fn all_keys_differ_and_more_than_announced_are_available() {
        let source = Arc::new(Counting::default());
        let pool = KeyPool::start(KeyAlgorithm::EcdsaP256, 3, source.clone());
        let mut keys: Vec<_> =
            (0..5).map(|_| pool.take(KeyAlgorithm::EcdsaP256).unwrap().public_der().to_vec()).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 5);
        assert_eq!(*source.made.lock().unwrap(), 5);
    }

    #[test]
    fn another_algorithm_than_announced_is_generated_on_demand() {
        let pool = KeyPool::start(KeyAlgorithm::EcdsaP256, 1, Arc::new(Generator));
        let key = pool.take(KeyAlgorithm::EcdsaP384).unwrap();
        assert_eq!(super::super::keys::algorithm_of(key.public_der()), Some(KeyAlgorithm::EcdsaP384));
        let key = pool.take(KeyAlgorithm::EcdsaP256).unwrap();
        assert_eq!(super::super::keys::algorithm_of(key.public_der()), Some(KeyAlgorithm::EcdsaP256));
    }

    #[test]
    fn dropping_the_pool_stops_it() {
        let source = Arc::new(Counting::default());
        drop(KeyPool::start(KeyAlgorithm::EcdsaP256, 1_000_000, source.clone()));
        let made = *source.made.lock().unwrap();
        assert!(made < 1_000_000, "it generated all keys");
        assert_eq!(Arc::strong_count(&source), 1, "a thread is still alive");
    }

    /// Always fails.
    struct Broken;

    impl KeySource for Broken {
        fn take(&self, algorithm: KeyAlgorithm) -> Result<PrivateKey, PkiError> {
            Err(PkiError::Generate { algorithm: algorithm.name(), reason: "no entropy".into() })
        }
    }

    #[test]
    fn a_failure_reaches_the_caller() {
        let pool = KeyPool::start(KeyAlgorithm::Rsa2048, 2, Arc::new(Broken));
        for _ in 0..3 {
            let error = pool.take(KeyAlgorithm::Rsa2048).unwrap_err();
            assert_eq!(error.to_string(), "cannot generate the RSA-2048 key: no entropy");
        }
    }
}
