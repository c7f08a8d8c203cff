//! Ctrl-C: the first one is noted, so that work ends where it may; the second one ends the process.

use rustix::process::{Signal, getpid, kill_process};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the user has pressed Ctrl-C.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Notes Ctrl-C from now on, and calls `first` at the first one. Where signals cannot be listened to, Ctrl-C ends the
    /// process as always.
    pub fn listen(first: impl Fn() + Send + 'static) -> Self {
        let this = Self::default();
        let noted = this.clone();
        std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
            runtime.block_on(async {
                while tokio::signal::ctrl_c().await.is_ok() {
                    if noted.0.swap(true, Ordering::SeqCst) {
                        // This signal still ends the process.
                        let _ = kill_process(getpid(), Signal::TERM);
                    } else {
                        first();
                    }
                }
            });
        });
        this
    }

    pub fn is_noted(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
