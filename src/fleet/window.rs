//! Works on many hosts at once, a new one as soon as one has ended, until too many have failed.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many may fail.
pub struct Budget {
    most: usize,
    used: AtomicUsize,
    stopped: Mutex<Option<&'static str>>,
}

impl Budget {
    pub fn new(most: usize) -> Self {
        Self { most, used: AtomicUsize::new(0), stopped: Mutex::new(None) }
    }

    /// One has failed.
    pub fn spend(&self) {
        if self.used.fetch_add(1, Ordering::SeqCst) + 1 > self.most {
            self.stop("too many hosts have failed");
        }
    }

    /// No further host is started, for this reason.
    pub fn stop(&self, why: &'static str) {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }

    /// Why no further host is started.
    pub fn stopped(&self) -> Option<&'static str> {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls `act` for each item, at most `parallel` at once, and `skip` with the reason for those that are not started any
/// more. The results are in the order of the items.
pub fn run<I: Sync, O: Send>(
    items: &[I],
    parallel: usize,
    budget: &Budget,
    act: impl Fn(&I) -> O + Sync,
    skip: impl Fn(&I, &'static str) -> O + Sync,
) -> Vec<O> {
    crate::base::parallel::for_each_of(items, parallel.max(1), |item| match budget.stopped() {
        Some(why) => skip(item, why),
        None => act(item),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Condvar;

    #[test]
    fn a_slow_host_does_not_hold_the_others() {
        let items: Vec<usize> = (0..20).collect();
        let (ended, all) = (Mutex::new(0), Condvar::new());
        // The first one waits for all others: with batches, the second batch would never begin.
        let results = run(
            &items,
            2,
            &Budget::new(0),
            |item| {
                let mut count = ended.lock().unwrap();
                if *item == 0 {
                    while *count < 19 {
                        count = all.wait(count).unwrap();
                    }
                }
                *count += 1;
                all.notify_all();
                *item
            },
            |_, _| 99,
        );
        assert_eq!(results, items);
    }

    #[test]
    fn no_further_host_is_started_when_the_budget_is_spent() {
        let items: Vec<usize> = (0..10).collect();
        let budget = Budget::new(1);
        let results = run(
            &items,
            1,
            &budget,
            |item| {
                if *item > 2 {
                    budget.spend();
                }
                "run"
            },
            |_, _| "skipped",
        );
        assert_eq!(results.iter().filter(|it| **it == "run").count(), 5, "0 to 2 and two failures");
        assert!(budget.stopped().is_some());
    }
}
