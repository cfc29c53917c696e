//! Threads of our own for work that takes long.
//!
//! libuv has four threads for files, names and everything else of the process; hashing on them would
//! make every file read wait. These start when there is work and end with their owner. What waits
//! when the environment ends (a worker thread was terminated) is dropped: nobody hears the answer.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// One piece of work.
type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads and the work before them.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl Pool {
    /// No thread yet, and `most` when all have work.
    pub(super) fn new(most: usize) -> Self {
        let state = Mutex::default();
        Self(Arc::new(Shared { most, state, changed: Condvar::new() }))
    }

    /// Has it done; the job comes back when there is no thread and none can be started.
    pub(super) fn run(&self, job: Job) -> Result<(), Job> {
        let mut state = self.0.state();
        state.jobs.push_back(job);
        if state.idle >= state.jobs.len() || state.threads >= self.0.most {
            drop(state);
            self.0.changed.notify_one();
            return Ok(());
        }
        let shared = Arc::clone(&self.0);
        let thread = std::thread::Builder::new().name("ringfence-hash".to_owned());
        match thread.spawn(move || shared.work()) {
            Ok(_) => state.threads += 1,
            // The threads that there are come to it later.
            Err(_) if state.threads > 0 => {}
            Err(_) => return state.jobs.pop_back().map_or(Ok(()), Err),
        }
        Ok(())
    }

    /// No more work comes: threads end when they are done.
    pub(super) fn close(&self) {
        self.0.state().closed = true;
        self.0.changed.notify_all();
    }

    /// Drops what waits, and closes.
    pub(super) fn abandon(&self) {
        let waiting = std::mem::take(&mut self.0.state().jobs);
        drop(waiting);
        self.close();
    }
}

impl Shared {
    fn work(&self) {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                job();
                state = self.state();
            } else if state.closed {
                state.threads -= 1;
                return;
            } else {
                state.idle += 1;
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
