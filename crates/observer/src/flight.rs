//! Computations that requests share. However many ask, it runs once; and one that is too long for a request still
//! finishes, and answers the next that asks.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::look::Files;
use crate::problem::Problem;
use crate::source::Asked;

/// The size in memory of a result that is kept, in bytes or in another unit.
pub(crate) trait Size {
    fn size(&self) -> usize;
}

/// A computation's result, and what it is of.
#[derive(Debug, Clone)]
pub(crate) struct Kept<T> {
    /// None: the files could not be looked at.
    files: Option<Files>,
    begun: Instant,
    ended: Instant,
    /// True if a request could not wait for it; and if none has been answered with it since.
    was_owed: bool,
    is_owed: bool,
    result: Result<T, Problem>,
}

impl<T> Kept<T> {
    pub(crate) fn new(files: Option<Files>, begun: Instant, result: Result<T, Problem>) -> Self {
        Self { files, begun, ended: Instant::now(), was_owed: false, is_owed: false, result }
    }

    /// True if it answers a request that came at `asked` and found these files: they are the same, or the
    /// computation began later than the request. An error that the bytes do not say may be gone by now.
    fn answers(&self, files: Files, asked: Asked) -> bool {
        let is_of_bytes = self.result.as_ref().err().is_none_or(Problem::is_of_the_bytes);
        (is_of_bytes && self.files == Some(files)) || self.begun >= asked.at
    }
}

/// The computations of one kind, by what they are of.
pub(crate) struct Flights<K, T> {
    state: Arc<Mutex<State<K, T>>>,
    kept_max: usize,
    /// How long a result that is owed answers every request.
    grace: Duration,
}

struct State<K, T> {
    /// The latest last.
    kept: VecDeque<(K, Kept<T>)>,
    flying: Vec<(K, Flying<T>)>,
}

/// A computation that goes on, as a request sees it.
struct Flying<T> {
    landed: watch::Receiver<Option<Kept<T>>>,
    is_owed: Arc<AtomicBool>,
}

/// A computation that goes on, as its thread sees it.
pub(crate) struct Flight<K, T> {
    key: K,
    state: Arc<Mutex<State<K, T>>>,
    kept_max: usize,
    landed: watch::Sender<Option<Kept<T>>>,
    is_owed: Arc<AtomicBool>,
}

impl<T> Clone for Flying<T> {
    fn clone(&self) -> Self {
        Self { landed: self.landed.clone(), is_owed: Arc::clone(&self.is_owed) }
    }
}

/// A request that waits. If it is dropped after its time, the result is owed.
struct Waiting<'f> {
    is_owed: &'f AtomicBool,
    until: Instant,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if Instant::now() >= self.until {
            self.is_owed.store(true, Ordering::SeqCst);
        }
    }
}

impl<K, T> Flights<K, T>
where
    K: Copy + PartialEq + Send + 'static,
    T: Size + Clone + Send + Sync + 'static,
{
    /// Keeps results of at most this size together, and at least the latest.
    pub(crate) fn new(kept_max: usize, grace: Duration) -> Self {
        let state = State { kept: VecDeque::new(), flying: Vec::new() };
        Self { state: Arc::new(Mutex::new(state)), kept_max, grace }
    }

    /// Forgets what is kept.
    pub(crate) fn forget(&self) {
        lock(&self.state).kept.clear();
    }

    /// A result that is kept, if these files are those that it was computed of, or longer.
    pub(crate) fn peek(&self, key: K, files: Files) -> Option<T> {
        let state = lock(&self.state);
        let (_, kept) = state.kept.iter().find(|(of, _)| *of == key)?;
        kept.files.filter(|kept| files.have_grown_since(*kept))?;
        kept.result.as_ref().ok().cloned()
    }

    /// The result for a request that found these files. `start` begins a computation where none goes on.
    pub(crate) async fn join(
        &self,
        key: K,
        files: Files,
        asked: Asked,
        start: impl FnOnce(Flight<K, T>),
    ) -> Result<T, Problem> {
        let mut start = Some(start);
        loop {
            let flying = {
                let mut state = lock(&self.state);
                if let Some(result) = state.kept_for(key, files, asked, self.grace) {
                    return result;
                }
                match state.flying.iter().find(|(of, _)| *of == key) {
                    Some((_, flying)) => flying.clone(),
                    None => {
                        let Some(start) = start.take() else {
                            // What it has started itself began after it asked.
                            return Err(Problem::internal("a computation that does not answer"));
                        };
                        let (flight, flying) = self.begin(key);
                        state.kept.retain(|(of, kept)| *of != key && kept.files == Some(files));
                        state.flying.push((key, flying.clone()));
                        start(flight);
                        flying
                    }
                }
            };
            let Flying { mut landed, is_owed } = flying;
            let waiting = Waiting { is_owed: &is_owed, until: asked.until };
            let kept = landed.wait_for(Option::is_some).await.map(|kept| kept.clone());
            drop(waiting);
            let Ok(Some(kept)) = kept else { return Err(Problem::internal("a panic")) };
            if kept.answers(files, asked) || kept.is_owed {
                return kept.result;
            }
        }
    }

    fn begin(&self, key: K) -> (Flight<K, T>, Flying<T>) {
        let (sender, landed) = watch::channel(None);
        let is_owed = Arc::new(AtomicBool::new(false));
        let flying = Flying { landed, is_owed: Arc::clone(&is_owed) };
        let (state, kept_max) = (Arc::clone(&self.state), self.kept_max);
        (Flight { key, state, kept_max, landed: sender, is_owed }, flying)
    }
}

impl<K: PartialEq + Copy, T: Clone> State<K, T> {
    fn kept_for(
        &mut self,
        key: K,
        files: Files,
        asked: Asked,
        grace: Duration,
    ) -> Option<Result<T, Problem>> {
        let (_, kept) = self.kept.iter_mut().find(|(of, _)| *of == key)?;
        if kept.answers(files, asked) {
            return Some(kept.result.clone());
        }
        // The first that asks gets what is owed, however late; the others that could not wait, if they ask soon.
        if kept.result.is_ok() && (std::mem::take(&mut kept.is_owed) || kept.is_recent(grace)) {
            return Some(kept.result.clone());
        }
        None
    }
}

impl<T> Kept<T> {
    /// True if it was owed, and ended no longer ago than this.
    fn is_recent(&self, grace: Duration) -> bool {
        self.was_owed && self.ended.elapsed() < grace
    }
}

impl<K: Copy + PartialEq, T: Size + Clone> Flight<K, T> {
    /// Computes, keeps the result, and gives it to all that wait.
    pub(crate) fn land(self, compute: impl FnOnce() -> Kept<T>) {
        {
            let mut state = lock(&self.state);
            // One receiver is the state's own. Nobody waits, and nobody was told to come back.
            if self.landed.receiver_count() <= 1 && !self.is_owed.load(Ordering::SeqCst) {
                state.flying.retain(|(of, _)| *of != self.key);
                return;
            }
        }
        // A panic leaves the state as it was: the computation is over without a result.
        let kept = catch_unwind(AssertUnwindSafe(compute)).ok().map(|kept| {
            let is_owed = self.is_owed.load(Ordering::SeqCst);
            Kept { is_owed, was_owed: is_owed, ended: Instant::now(), ..kept }
        });
        let mut state = lock(&self.state);
        state.flying.retain(|(of, _)| *of != self.key);
        if let Some(kept) = kept {
            state.kept.push_back((self.key, kept.clone()));
            let size = |(_, kept): &(K, Kept<T>)| kept.result.as_ref().map_or(0, Size::size) + 1;
            while state.kept.len() > 1 && state.kept.iter().map(size).sum::<usize>() > self.kept_max {
                state.kept.pop_front();
            }
            self.landed.send_replace(Some(kept));
        }
    }
}

fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whole after every step, whatever panicked in between.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use axum::http::{HeaderMap, Uri};
    use tokio::time::timeout;

    use super::*;
    use crate::limits::Limits;

    impl Size for u32 {
        fn size(&self) -> usize {
            1
        }
    }

    const SHORT: Duration = Duration::from_millis(30);
    const LONG: Duration = Duration::from_millis(300);

    /// Asks with so much time; a computation that it starts takes `takes`, and results in `result`.
    async fn ask(
        flights: &Flights<(), u32>,
        size: u64,
        time: Duration,
        takes: Duration,
        result: u32,
    ) -> Option<u32> {
        let (at, files) = (Instant::now(), Files::of_size(size));
        let asked = Asked {
            at,
            until: at + time,
            ..Asked::now(Limits::default(), &Uri::default(), &HeaderMap::new())
        };
        let join = flights.join((), files, asked, |flight| {
            thread::spawn(move || {
                flight.land(|| {
                    let begun = Instant::now();
                    thread::sleep(takes);
                    Kept::new(Some(files), begun, Ok(result))
                });
            });
        });
        timeout(time, join).await.ok().map(|result| result.unwrap())
    }

    async fn rest(time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Beside a log that grows all the time: a client that could not wait gets the result at its next request, however late.
    #[tokio::test]
    async fn what_was_too_long_for_one_answers_the_next() {
        let flights = Flights::new(1, Duration::ZERO);
        assert_eq!(ask(&flights, 1, SHORT, LONG, 1).await, None);
        rest(2 * LONG).await;
        assert_eq!(ask(&flights, 2, SHORT, LONG, 2).await, Some(1));
        // It is owed once only: the next computes again.
        assert_eq!(ask(&flights, 3, SHORT, LONG, 3).await, None);
        // Who comes while that goes on, and can wait, gets it.
        assert_eq!(ask(&flights, 4, 10 * LONG, LONG, 4).await, Some(3));
    }

    #[tokio::test]
    async fn all_that_could_not_wait_are_answered_if_they_ask_soon() {
        let flights = Flights::new(1, 100 * LONG);
        assert_eq!(ask(&flights, 1, SHORT, LONG, 1).await, None);
        assert_eq!(ask(&flights, 2, SHORT, LONG, 2).await, None);
        rest(2 * LONG).await;
        for size in 3..9 {
            assert_eq!(ask(&flights, size, SHORT, LONG, 9).await, Some(1));
        }
    }

    /// Where nobody had to give up, a result answers for the same files, or for requests from before it began.
    #[tokio::test]
    async fn a_result_is_of_what_was_there_when_the_request_came() {
        let flights = Flights::new(1, LONG);
        assert_eq!(ask(&flights, 1, 10 * LONG, Duration::ZERO, 1).await, Some(1));
        assert_eq!(ask(&flights, 1, 10 * LONG, Duration::ZERO, 2).await, Some(1));
        assert_eq!(ask(&flights, 2, 10 * LONG, Duration::ZERO, 3).await, Some(3));
        flights.forget();
        assert_eq!(ask(&flights, 2, 10 * LONG, Duration::ZERO, 4).await, Some(4));
    }
}
