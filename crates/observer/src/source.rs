//! Where answers come from: the stores, read on demand, and what was derived from them while they stay the same.

use std::collections::VecDeque;
use std::fs;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use dreichor_core::id::DecisionId;
use dreichor_explain::{Explained, explain};
use dreichor_replay::page::Search;
use dreichor_replay::reference::Reference;
use dreichor_replay::{Directory, Error, Stores, View, snapshot};
use tokio::sync::{Mutex as Turn, Semaphore};

use crate::answer::{Answer, Outcome, with_as_of};
use crate::derived::{AsOf, Derived, Files};
use crate::metrics::Metrics;
use crate::problem::Problem;

/// How many searches through the whole log may go on at once. A derivation has its own turn, and so has a story,
/// so that quick answers always find a thread.
const SEARCHES_MAX: usize = 2;

/// How many large pages may be made at once: they are not long in the making, but many of them are.
const PAGES_MAX: usize = 2;

/// How often stores that changed while they were read are read again: a writer that starts cuts off what stands behind
/// the last whole line of each.
const CUTS_MAX: usize = 2;

/// How much of stories is kept, in bytes.
const STORIES_BYTES_MAX: usize = 16 << 20;

/// The stores, and what is kept of them.
pub(crate) struct Source {
    stores: Stores<Directory>,
    /// Log and snapshots, once they are there: no others are taken for them. They stay open, since the inode's number
    /// of a file that is open is given to no other.
    held: [OnceLock<fs::File>; 2],
    metrics: Arc<Metrics>,
    /// Whoever has the turn derives; who waits for it takes what the one before derived meanwhile.
    derived: Arc<Turn<Option<Kept<Arc<Derived>>>>>,
    /// The same of stories.
    stories: Arc<Turn<Stories>>,
    searches: Arc<Semaphore>,
    pages: Arc<Semaphore>,
    health: Mutex<Health>,
    /// Of a beginning of the log: its bytes, and how many events it has.
    counted: Mutex<(u64, u64)>,
}

/// The stories that are kept, the latest last.
type Stories = VecDeque<(DecisionId, Kept<Answer>)>;

/// What a computation came to, and what of.
struct Kept<T> {
    files: Files,
    begun: Instant,
    result: Result<T, Problem>,
}

impl<T> Kept<T> {
    /// Whether it answers a request that came at `asked` and finds these files: they are the very same, or the
    /// computation began later than the request. An error that the bytes do not say may be gone by now.
    fn answers(&self, files: Files, asked: Instant) -> bool {
        let is_of_bytes = self.result.as_ref().err().is_none_or(Problem::is_of_the_bytes);
        (is_of_bytes && self.files == files) || self.begun >= asked
    }
}

/// What is known of the stores since READY.
struct Health {
    /// The most bytes that the whole lines of log and snapshots were seen to have: they never have fewer.
    ends: [u64; 2],
    /// The files that were last found to be sound.
    checked: Option<Files>,
    /// What was found wrong, and with which files.
    fault: Option<(Files, Problem)>,
}

impl Source {
    /// Observes these stores from now on: files that are there are never to be replaced or removed.
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
            counted: Mutex::default(),
        };
        // READY says that they are sound.
        source.lock().checked = Some(source.files()?);
        Ok(source)
    }

    /// The stores, for what is quick and cannot fail by their content.
    pub(crate) fn stores(&self) -> &Stores<Directory> {
        &self.stores
    }

    /// What the files are now. Those that are there are held from now on.
    fn files(&self) -> Result<Files, Error> {
        for (store, held) in [&self.stores.events, &self.stores.snapshots].into_iter().zip(&self.held) {
            if held.get().is_none()
                && let Some((file, stat)) = store.open()?
            {
                store.pin(stat.identity)?;
                // Another request may have been quicker; then it is the same file.
                let _ = held.set(file);
            }
        }
        Files::now(&self.stores)
    }

    /// Reads by `read`, on a thread that may wait for the disk. What it finds wrong with the stores is remembered.
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

    /// The same for what looks through the whole log.
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

    /// Who gives up while it waits for its turn leaves the queue. Who has begun keeps the turn to its end, also when
    /// its client is gone: the thread goes on.
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

    /// What the whole log adds up to, as it is now or was since the request began.
    pub(crate) async fn derived(self: &Arc<Self>) -> Result<Arc<Derived>, Problem> {
        let asked = Instant::now();
        let mut kept = Arc::clone(&self.derived).lock_owned().await;
        let source = Arc::clone(self);
        detached(async move {
            let files = source.files()?;
            if let Some(kept) = kept.as_ref().filter(|kept| kept.answers(files, asked)) {
                return kept.result.clone();
            }
            // First let go of the old: two histories of a long log need not fit the memory.
            *kept = None;
            let begun = Instant::now();
            source.metrics.derivations.inc();
            let result = source.read(|stores| Ok(Arc::new(Derived::compute(stores)?))).await;
            *kept = Some(Kept { files, begun, result: result.clone() });
            result
        })
        .await
    }

    /// Makes an answer of what the whole log adds up to, on a thread that may take its time.
    pub(crate) async fn derive<T: Send + 'static>(
        self: &Arc<Self>,
        make: impl FnOnce(&Derived) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let derived = self.derived().await?;
        on_thread(move || make(&derived)).await
    }

    /// The prefix of the log that a view shows. Counts only the lines that were added since the last time.
    pub(crate) fn as_of(&self, view: &View<'_, Directory>) -> Result<AsOf, Problem> {
        let known = *self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let (bytes, events) = if known.0 <= view.end() { known } else { (0, 0) };
        let events = events + view.count_lines(bytes, view.end())?;
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = (view.end(), events);
        Ok(AsOf::new(events, view.last_time()?))
    }

    /// The story of a decision that is in the log, as JSON, as it is now or was since the request began.
    pub(crate) async fn story(self: &Arc<Self>, id: DecisionId) -> Outcome {
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

    /// What is wrong with the stores, as far as it is known; to be asked by probes. Of a store that has grown, as
    /// stores do, the end is looked at; one that changed in another way, or that had a fault, is read as a whole.
    pub(crate) async fn health(self: &Arc<Self>) -> Result<(), Problem> {
        let files = self.files()?;
        let (checked, faulty) = {
            let health = self.lock();
            match &health.fault {
                Some((faulty, problem)) if *faulty == files && problem.is_of_the_bytes() => {
                    return Err(problem.clone());
                }
                // What stands behind a fault does not mend it, and what could not be read may be readable by now.
                Some((faulty, _)) => (None, Some(*faulty)),
                None => (health.checked, None),
            }
        };
        if checked == Some(files) {
            return Ok(());
        }
        if faulty.is_some() {
            // What was kept before says nothing of it.
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
        // One that was found meanwhile stays.
        health.fault.take_if(|(found, _)| Some(*found) == faulty);
        Ok(())
    }

    /// Refuses stores that have fewer whole lines than they were seen to have.
    fn refuse_cut(&self) -> Result<(), Problem> {
        // Known before they are measured: of a log that grows, another request may see more meanwhile.
        let known = self.lock().ends;
        let ends = ends(&self.stores)?;
        for ((store, known), end) in
            [&self.stores.events, &self.stores.snapshots].into_iter().zip(known).zip(ends)
        {
            if end < known {
                return Err(Problem::from(Error::unavailable(
                    store.path(),
                    format!("it was cut off: of {known} bytes of whole lines, {end} are left"),
                    "find out what touched the file; `dreichor replay` says what it holds now",
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
        // What is kept is whole after every step, whoever panicked in between.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many bytes the whole lines of log and snapshots have.
fn ends(stores: &Stores<Directory>) -> Result<[u64; 2], Error> {
    Ok([View::open(&stores.events)?.end(), View::open(&stores.snapshots)?.end()])
}

fn tell(stores: &Stores<Directory>, id: DecisionId) -> Outcome {
    let story = match explain(stores, &Reference::from(id.uuid()), &mut ())? {
        Explained::Story(story, replayed) => Some((story, replayed.history)),
        Explained::Nothing(_) | Explained::Ambiguous(_) => None,
    };
    let (story, history) = story.ok_or_else(|| Problem::internal("a decision without a story"))?;
    with_as_of(story.to_json(), AsOf::new(history.size(), history.state().last_logical_time()))
}

/// How much a story holds of the memory, in bytes; a little more for what is around it.
fn length((_, kept): &(DecisionId, Kept<Answer>)) -> usize {
    kept.result.as_ref().map_or(0, Answer::length) + 512
}

/// Runs `work` on a thread that may block.
pub(crate) async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Problem::internal("a panic")))
}

/// Runs `work` to its end, also when nobody waits for it any more.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    tokio::spawn(work).await.unwrap_or_else(|_| Err(Problem::internal("a panic")))
}
