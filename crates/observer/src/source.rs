//! The source of answers: the stores, read on demand, and cached results while the stores stay the same.

use std::collections::VecDeque;
use std::fs;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use dreichor_core::id::DecisionId;
use dreichor_explain::{Explained, explain};
use dreichor_replay::page::Search;
use dreichor_replay::reference::Reference;
use dreichor_replay::{Directory, Error, Stores, View, snapshot};
use tokio::sync::{Mutex as Turn, Semaphore};

use crate::derived::{Derived, Files};
use crate::metrics::Metrics;
use crate::problem::Problem;

/// The maximum number of searches through the whole log at once. A derivation and a story have queues of their own, so
/// that quick answers always find a thread.
const SEARCHES_MAX: usize = 2;

/// The maximum number of large pages at once: one is quick, but many are not.
const PAGES_MAX: usize = 2;

/// The number of times that stores are read again if they changed during the read: a starting writer truncates the
/// tail of each.
const CUTS_MAX: usize = 2;

/// The size of the cache of stories, in bytes.
const STORIES_BYTES_MAX: usize = 16 << 20;

/// The stores, and the cached results.
pub(crate) struct Source {
    stores: Stores<Directory>,
    /// Log and snapshots, since their first access: no other files are taken for them. They stay open, since the system
    /// does not reuse the inode number of an open file.
    held: [OnceLock<fs::File>; 2],
    metrics: Arc<Metrics>,
    /// One request derives; the requests that wait take its result.
    derived: Arc<Turn<Option<Kept<Arc<Derived>>>>>,
    /// The same for stories.
    stories: Arc<Turn<Stories>>,
    searches: Arc<Semaphore>,
    pages: Arc<Semaphore>,
    health: Mutex<Health>,
}

/// The cached stories, the latest last.
type Stories = VecDeque<(DecisionId, Kept<Bytes>)>;

/// The result of a computation, and its files.
struct Kept<T> {
    files: Files,
    begun: Instant,
    result: Result<T, Problem>,
}

impl<T> Kept<T> {
    /// True if it answers a request that arrived at `asked` and finds these files: they are the same, or the computation
    /// began after the request. An error that is not in the bytes may have ended by now.
    fn answers(&self, files: Files, asked: Instant) -> bool {
        let is_of_bytes = self.result.as_ref().err().is_none_or(Problem::is_of_the_bytes);
        (is_of_bytes && self.files == files) || self.begun >= asked
    }
}

/// The knowledge about the stores since READY.
struct Health {
    /// The greatest sizes of the whole lines of log and snapshots that were read: they never become smaller.
    ends: [u64; 2],
    /// The files that were last found to be sound.
    checked: Option<Files>,
    /// The fault that was found, and the identity of its files.
    fault: Option<(Files, Problem)>,
}

impl Source {
    /// Observes these stores: from now on, existing files must not be replaced or removed.
    pub(crate) fn new(stores: Stores<Directory>, metrics: Arc<Metrics>) -> Result<Self, Error> {
        let ends = ends(&stores)?;
        let source = Self {
            stores,
            held: [const { OnceLock::new() }; 2],
            metrics,
            derived: Arc::default(),
            stories: Arc::default(),
            searches: Arc::new(Semaphore::new(SEARCHES_MAX)),
            pages: Arc::new(Semaphore::new(PAGES_MAX)),
            health: Mutex::new(Health { ends, checked: None, fault: None }),
        };
        // At READY they are sound.
        source.lock().checked = Some(source.files()?);
        Ok(source)
    }

    /// The stores, for operations that are quick and do not depend on their content.
    pub(crate) fn stores(&self) -> &Stores<Directory> {
        &self.stores
    }

    /// The identity of the files now. Existing files are kept open from now on.
    fn files(&self) -> Result<Files, Error> {
        for (store, held) in [&self.stores.events, &self.stores.snapshots].into_iter().zip(&self.held) {
            if held.get().is_none()
                && let Some((file, stat)) = store.open()?
            {
                store.pin(stat.identity)?;
                // If another request has opened it first, it is the same file.
                let _ = held.set(file);
            }
        }
        Files::now(&self.stores)
    }

    /// Calls `read` on a thread that may wait for the disk, and remembers a fault of the stores.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl Fn(&Stores<Directory>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let source = Arc::clone(self);
        on_thread(move || {
            let attempt = || {
                let files = source.files()?;
                Ok::<_, Problem>((files, source.refuse_cut().and_then(|()| read(&source.stores))))
            };
            let (mut files, mut result) = attempt()?;
            for _ in 0..CUTS_MAX {
                if !result.as_ref().is_err_and(Problem::is_of_the_stores) || source.files()? == files {
                    break;
                }
                (files, result) = attempt()?;
            }
            result.inspect_err(|problem| source.remember(files, problem))
        })
        .await
    }

    /// The same for a search through the whole log.
    pub(crate) async fn search<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl Fn(&Stores<Directory>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.read_in_turn(&self.searches, read).await
    }

    /// The same for a page that may be large.
    pub(crate) async fn page<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl Fn(&Stores<Directory>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.read_in_turn(&self.pages, read).await
    }

    /// A request that is cancelled while it waits leaves the queue. One that has begun runs to its end, also if its client
    /// has disconnected: its thread continues.
    async fn read_in_turn<T: Send + 'static>(
        self: &Arc<Self>,
        turns: &Arc<Semaphore>,
        read: impl Fn(&Stores<Directory>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = Arc::clone(turns).acquire_owned().await;
        let source = Arc::clone(self);
        detached(async move {
            let _turn = turn;
            source.read(read).await
        })
        .await
    }

    /// The results for the whole log, as it is now or was after the request began.
    pub(crate) async fn derived(self: &Arc<Self>) -> Result<Arc<Derived>, Problem> {
        let asked = Instant::now();
        let mut kept = Arc::clone(&self.derived).lock_owned().await;
        let source = Arc::clone(self);
        detached(async move {
            let files = source.files()?;
            if let Some(kept) = kept.as_ref().filter(|kept| kept.answers(files, asked)) {
                return kept.result.clone();
            }
            // Drops the old result first: two histories of a long log may not fit into memory.
            *kept = None;
            let begun = Instant::now();
            source.metrics.derivations.inc();
            let result = source.read(|stores| Ok(Arc::new(Derived::compute(stores)?))).await;
            *kept = Some(Kept { files, begun, result: result.clone() });
            result
        })
        .await
    }

    /// The story of a decision in the log, as JSON, as it is now or was after the request began.
    pub(crate) async fn story(self: &Arc<Self>, id: DecisionId) -> Result<Bytes, Problem> {
        let asked = Instant::now();
        let mut stories = Arc::clone(&self.stories).lock_owned().await;
        let source = Arc::clone(self);
        detached(async move {
            let files = source.files()?;
            let is_asked = |(of, kept): &&(_, Kept<_>)| *of == id && kept.answers(files, asked);
            if let Some((_, kept)) = stories.iter().find(is_asked) {
                return kept.result.clone();
            }
            stories.retain(|(of, kept)| *of != id && kept.files == files);
            let begun = Instant::now();
            source.metrics.derivations.inc();
            let result = source.read(move |stores| tell(stores, id)).await;
            stories.push_back((id, Kept { files, begun, result: result.clone() }));
            while stories.len() > 1 && stories.iter().map(length).sum::<usize>() > STORIES_BYTES_MAX {
                stories.pop_front();
            }
            result
        })
        .await
    }

    /// The known fault of the stores, for probes. Of a store that has grown, only the end is read; a store that changed in
    /// another way, or had a fault, is read as a whole.
    pub(crate) async fn health(self: &Arc<Self>) -> Result<(), Problem> {
        let files = self.files()?;
        let (checked, faulty) = {
            let health = self.lock();
            match &health.fault {
                Some((faulty, problem)) if *faulty == files && problem.is_of_the_bytes() => {
                    return Err(problem.clone());
                }
                // Later lines do not remove a fault, and a read error may have ended.
                Some((faulty, _)) => (None, Some(*faulty)),
                None => (health.checked, None),
            }
        };
        if checked == Some(files) {
            return Ok(());
        }
        if faulty.is_some() {
            // The earlier result does not cover it.
            *self.derived.lock().await = None;
        }
        if checked.is_some_and(|checked| files.have_grown_since(checked)) {
            self.read(|stores| {
                let view = View::open(&stores.events)?;
                view.page_before(view.end(), &Search::of_all(1))?;
                snapshot::find(stores)?.map(|latest| latest.read()).transpose()?;
                Ok(())
            })
            .await?;
        } else {
            self.derived().await?;
        }
        let mut health = self.lock();
        health.checked = Some(files);
        // A fault that was found in the meantime stays.
        health.fault.take_if(|(found, _)| Some(*found) == faulty);
        Ok(())
    }

    /// Refuses stores that have fewer bytes of whole lines than were read before.
    fn refuse_cut(&self) -> Result<(), Problem> {
        // Read before they are measured: while the log grows, another request may read more.
        let known = self.lock().ends;
        let ends = ends(&self.stores)?;
        for ((store, known), end) in
            [&self.stores.events, &self.stores.snapshots].into_iter().zip(known).zip(ends)
        {
            if end < known {
                return Err(Problem::from(Error::unavailable(
                    store.path(),
                    format!("it was truncated: of {known} bytes of whole lines, {end} are left"),
                    "find out which process changed the file; `dreichor replay` shows what it holds now",
                )));
            }
        }
        let mut health = self.lock();
        for (most, end) in health.ends.iter_mut().zip(ends) {
            *most = end.max(*most);
        }
        Ok(())
    }

    fn remember(&self, files: Files, problem: &Problem) {
        if problem.is_of_the_stores() {
            self.lock().fault = Some((files, problem.clone()));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Health> {
        // The content is consistent after every step, so a panic between steps does no harm.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sizes of the whole lines of log and snapshots, in bytes.
fn ends(stores: &Stores<Directory>) -> Result<[u64; 2], Error> {
    Ok([View::open(&stores.events)?.end(), View::open(&stores.snapshots)?.end()])
}

fn tell(stores: &Stores<Directory>, id: DecisionId) -> Result<Bytes, Problem> {
    let story = match explain(stores, &Reference::from(id.uuid()), &mut ())? {
        Explained::Story(story, _) => Some(story),
        Explained::Nothing(_) | Explained::Ambiguous(_) => None,
    };
    let story = story.ok_or_else(|| Problem::internal("a decision without a story"))?;
    Ok(story.to_json().into())
}

/// The memory of a story, in bytes, with its surroundings.
fn length((_, kept): &(DecisionId, Kept<Bytes>)) -> usize {
    kept.result.as_ref().map_or(0, Bytes::len) + 512
}

/// Runs `work` on a thread that may block.
pub(crate) async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Problem::internal("a panic")))
}

/// Runs `work` to its end, also if no request waits for it.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    tokio::spawn(work).await.unwrap_or_else(|_| Err(Problem::internal("a panic")))
}
