//! Runs several independent requests concurrently: a few threads keep a multiplexed connection (HTTP/2) or several
//! connections busy.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The default concurrency: most phases send at most that many objects, and API servers allow far more.
const AT_ONCE: usize = 8;

/// The results of `act` for each item, in the order of the items.
pub fn for_each<I: Sync, O: Send>(items: &[I], act: impl Fn(&I) -> O + Sync) -> Vec<O> {
    for_each_of(items, AT_ONCE, act)
}

/// [`for_each`] with the given concurrency, for requests that mostly wait.
pub fn for_each_of<I: Sync, O: Send>(items: &[I], at_once: usize, act: impl Fn(&I) -> O + Sync) -> Vec<O> {
    if items.len() < 2 {
        return items.iter().map(act).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((index, item)) = take(&next, items) {
            done.push((index, act(item)));
        }
        done
    };
    let mut done = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..items.len().min(at_once)).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for thread in threads {
            match thread.join() {
                Ok(part) => done.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, output)| output).collect()
}

fn take<'a, I>(next: &AtomicUsize, items: &'a [I]) -> Option<(usize, &'a I)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    items.get(index).map(|item| (index, item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order_and_work_overlaps() {
        let items: Vec<usize> = (0..AT_ONCE).collect();
        // Each item waits for all others: a pool without concurrency would never return.
        let barrier = std::sync::Barrier::new(AT_ONCE);
        let doubled = for_each(&items, |item| {
            barrier.wait();
            item * 2
        });
        assert_eq!(doubled, (0..AT_ONCE).map(|item| item * 2).collect::<Vec<_>>());
        assert!(for_each(&Vec::<u8>::new(), |_| ()).is_empty());
    }
}
