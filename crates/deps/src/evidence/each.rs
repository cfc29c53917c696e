//! The same work on many things, in several threads, and told how far it is.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// How often it is told what is going on.
const TOLD: Duration = Duration::from_millis(100);

/// Does something with each, in several threads; `done` hears now and then how many are done.
pub fn each<T: Sync>(
    all: &[T],
    threads: usize,
    work: impl Fn(&T) + Sync,
    done: &mut dyn FnMut(usize),
) {
    let (next, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // Nothing is ever sent: that the last thread ends is what is waited for.
    let (sender, receiver) = mpsc::channel::<Infallible>();
    std::thread::scope(|scope| {
        for _ in 0..threads.min(all.len()) {
            let sender = sender.clone();
            let (next, finished, work) = (&next, &finished, &work);
            scope.spawn(move || {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(one);
                    finished.fetch_add(1, Ordering::Relaxed);
                }
                drop(sender);
            });
        }
        drop(sender);
        while let Err(RecvTimeoutError::Timeout) = receiver.recv_timeout(TOLD) {
            done(finished.load(Ordering::Relaxed));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_done_once() {
        let sum = AtomicUsize::new(0);
        let all: Vec<usize> = (0..1000).collect();
        let add = |one: &usize| {
            sum.fetch_add(*one, Ordering::Relaxed);
        };
        each(&all, 4, add, &mut |_| {});
        assert_eq!(sum.into_inner(), 499_500);
        each(&[], 4, |_: &usize| {}, &mut |_| panic!("there is nothing to tell"));
    }
}
