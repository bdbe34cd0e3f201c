//! Threads that read: a fixed number of each kind of work, begun at the start. A request waits for its turn in a queue,
//! and leaves it when its client is gone.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use crate::problem::Problem;

type Job = Box<dyn FnOnce() + Send>;

/// Threads of one kind, with one queue.
pub(crate) struct Readers {
    jobs: Sender<Job>,
}

/// Whether anybody still waits for the result of a piece of work.
pub(crate) struct Wanted<'w>(&'w dyn Fn() -> bool);

impl Wanted<'_> {
    pub(crate) fn is_wanted(&self) -> bool {
        (self.0)()
    }
}

impl Readers {
    /// Starts so many threads.
    pub(crate) fn start(name: &str, count: usize) -> io::Result<Self> {
        let (jobs, queue) = channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..count {
            let queue = Arc::clone(&queue);
            thread::Builder::new().name(name.into()).spawn(move || {
                while let Some(job) = next(&queue) {
                    job();
                }
            })?;
        }
        Ok(Self { jobs })
    }

    /// Runs `work` on one of the threads, once those before it are done; not at all if nobody waits for it then.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Wanted<'_>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let (told, result) = oneshot::channel();
        self.put(move || {
            if !told.is_closed() {
                let done = catch_unwind(AssertUnwindSafe(|| work(&Wanted(&|| !told.is_closed()))));
                let _ = told.send(done.unwrap_or_else(|_| Err(Problem::internal("a panic"))));
            }
        });
        result.await.unwrap_or_else(|_| Err(Problem::internal("a thread that ended")))
    }

    /// Runs `work`, also if nobody waits for it. It must not panic.
    pub(crate) fn put(&self, work: impl FnOnce() + Send + 'static) {
        // The threads end when this end of the queue is gone.
        let _ = self.jobs.send(Box::new(work));
    }
}

fn next(queue: &Mutex<Receiver<Job>>) -> Option<Job> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
